# SPDX-License-Identifier: Apache-2.0

# attest_report: the page and the JSON say what is proven and nothing else,
# need nothing from anywhere, and answer also when there is no evidence.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Digest::SHA qw(sha256_base64 sha256_hex);
use Test::More;
use Time::HiRes qw(sleep time);

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();

$t->swtpm();
$t->backend();
$t->fake_clock();
$t->gateway(
    http   => 'attest_lifetime 30s; charset utf-8; charset_types *;',
    server => <<'END',
        location = /attestation { attest_report; }
        location = /healthz { attest_report health; }
        location = /optional {
            attest_prompt ehbp;
            attest_prompt_mode optional;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        location = /ohttp {
            attest_prompt ohttp;
            attest_ohttp_allow localhost;
        }
END
    servers => <<'END',
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        location / { attest_report; }
        location = /healthz { attest_report health; }
    }
END
);
$t->start();

test_page();
test_json();
test_forms();
test_methods();
test_health();
test_escapes();
test_no_evidence();

AttestTest::done();


sub page {
    my ($path, @headers) = @_;

    return $t->get($path // '/attestation', headers => [ @headers ]);
}


sub test_page {
    my $r = page();
    my $html = $r->{body};

    is($r->{status}, 200, 'page');
    is($r->{headers}{'content-type'}, 'text/html; charset=utf-8',
        'page: type');
    is($r->{headers}{'cache-control'}, 'no-store', 'page: not stored');
    is($r->{headers}{'x-content-type-options'}, 'nosniff', 'page: no sniff');
    is($r->{headers}{'referrer-policy'}, 'no-referrer', 'page: referrer');

    my ($style) = $html =~ m{<style>(.*?)</style>}s;
    my $hash = sha256_base64($style);

    is($r->{headers}{'content-security-policy'}, "default-src 'none'; "
        . "style-src 'sha256-$hash='; base-uri 'none'; form-action 'none'; "
        . "frame-ancestors 'none'", 'page: policy, with the hash of its style');

    unlike($html, qr{<(?:script|img|iframe|form|link|object)\b}i,
        'page: nothing is loaded and nothing runs');
    unlike($html, qr{\b(?:src|style|on\w+)=}i, 'page: nothing inline');
    unlike($html, qr{\bhref="(?!\?format=json"|#)}, 'page: no other link');

    like($html, qr/\A<!DOCTYPE html>\n<html lang="en">/, 'page: language');
    is(() = $html =~ /<h1>/g, 1, 'page: one main heading');
    is(scalar(() = $html =~ /<table>/g), scalar(() = $html =~ /<caption>/g),
        'page: each table has its caption');
    well_formed($html);

    contrast($style);
    unlike($style, qr/animation|transition|url\(|\@import/,
        'page: nothing moves, nothing is fetched');

    like($html, qr/Valid evidence, of nothing</,
        'page: says that it is valid, and that a software TPM is none');
    like($html, qr/<code>software<\/code>: a software TPM/, 'page: worth');
    like($html, qr/a web page proves nothing/, 'page: proves nothing');
    like($html, qr/ngx-attest verify https:\/\/localhost:\d+</,
        'page: how to check it');
    like($html, qr/>ehbp<.*>let through</, 'page: one format lets through');
    like($html, qr/>ohttp<.*>refused</, 'page: the other refuses');
    like($html, qr/X25519/, 'page: kinds of keys');
    like($html, qr/What would make it fail/, 'page: what would make it fail');
    unlike($html, qr/GPU stops/, 'page: not of GPUs, which there are not');
}


# Every tag that opens is closed, in order.
sub well_formed {
    my ($html) = @_;
    my (@open, @bad);
    my %void = map { $_ => 1 } qw(meta br);

    while ($html =~ m{<(/?)([a-z]\w*)\b[^>]*>}g) {
        my ($close, $tag) = ($1, $2);

        next if $void{$tag};
        push @open, $tag if !$close;
        next if !$close;
        my $last = pop @open;
        push @bad, "$last, closed by $tag" if $last ne $tag;
    }

    is("@bad @open", ' ', 'page: well formed');
}


# WCAG 2.2, 1.4.3: 4.5 for text of any size, by light and by dark.
sub contrast {
    my ($style) = @_;
    my @themes = $style =~ /:root\{([^}]*)\}/g;
    my @pairs = map { [ split /-/ ] } qw(text-page text-card text-code
        soft-page soft-card soft-code soft-goodbg soft-badbg soft-openbg
        link-page good-goodbg bad-badbg open-openbg);

    is(scalar @themes, 2, 'colours: light and dark');

    for my $i (0, 1) {
        my %colour = $themes[$i] =~ /--(\w+):(#\w+)/g;

        for my $pair (@pairs) {
            my ($low, $high) = sort { $a <=> $b }
                map { luminance($colour{$_}) } @$pair;

            cmp_ok(($high + 0.05) / ($low + 0.05), '>=', 4.5,
                "colours: theme $i: $pair->[0] on $pair->[1]");
        }
    }
}


sub luminance {
    my ($hex) = @_;

    $hex =~ s/^#(\w)(\w)(\w)$/#$1$1$2$2$3$3/;
    my @linear = map { $_ /= 255; $_ <= 0.04045 ? $_ / 12.92
        : (($_ + 0.055) / 1.055) ** 2.4 } map { hex }
        $hex =~ /^#(\w\w)(\w\w)(\w\w)$/;

    return 0.2126 * $linear[0] + 0.7152 * $linear[1] + 0.0722 * $linear[2];
}


sub test_json {
    my $r = page('/attestation?format=json');
    my $report = AttestTest::json($r);
    my $gateway = $report->{gateway};
    my $evidence = $gateway->{evidence};
    my $status = AttestTest::json($t->get('/attest-status'));
    my $cached = AttestTest::json($t->get('/.well-known/attestation'));

    is($r->{headers}{'content-type'}, 'application/json', 'JSON: type');
    ok(!exists $r->{headers}{'content-security-policy'}, 'JSON: no policy');
    is($report->{version}, $status->{version}, 'JSON: version');
    cmp_ok(abs($report->{time} - time()), '<', 60, 'JSON: time');
    ok($gateway->{valid}, 'JSON: valid');
    is($gateway->{reason}, undef, 'JSON: no reason');
    is($gateway->{provider}, 'tpm', 'JSON: provider');
    is($gateway->{gpus}, undef, 'JSON: no GPUs');
    is($evidence->{generation}, $status->{generation}, 'JSON: generation');
    is($evidence->{$_}, $status->{evidence}{$_}, "JSON: $_")
        for qw(not_before not_after renew_at);
    is($evidence->{root_of_trust}, 'software', 'JSON: root of trust');
    is_deeply([ sort map { $_->{item} } @{ $evidence->{items} } ],
        [ sort grep { $_ ne '__cmwc_t' } keys %$cached ], 'JSON: items');
    ok(!(grep { length $_->{what} < 10 } @{ $evidence->{items} }),
        'JSON: each item in words');

    is($evidence->{bound}{tls_key}, spki_hash(), 'JSON: the TLS key');
    like($evidence->{bound}{$_}, qr/^[0-9a-f]{64}$/, "JSON: $_")
        for qw(configuration prompt_keys);
    is($evidence->{bound}{gpu_evidence}, undef, 'JSON: no GPU evidence');

    is_deeply([ map { [ $_->{format}, $_->{required} ? 1 : 0 ] }
        @{ $gateway->{prompts}{formats} } ], [ [ ehbp => 0 ], [ ohttp => 1 ] ],
        'JSON: formats');

    my $keys = $t->get('/ohttp')->{body};
    ok(index($keys, pack 'H*', $_->{public_key}) > 0, "JSON: key $_->{id}")
        for @{ $gateway->{prompts}{keys} };
    cmp_ok(scalar @{ $gateway->{prompts}{keys} }, '>=', 2, 'JSON: keys');
    cmp_ok(scalar @{ $gateway->{fails_when} }, '>=', 5, 'JSON: fails when');
}


sub spki_hash {
    my @openssl = AttestTest::which('openssl');
    my ($pem, $pub, $der) = map { $t->path("client/spki.$_") }
        qw(pem pub der);

    AttestTest::write_file($pem, $t->certificate());
    AttestTest::run_out([ @openssl, 'x509', '-in', $pem, '-noout',
        '-pubkey' ], stdout => $pub);
    AttestTest::run_out([ @openssl, 'pkey', '-pubin', '-in', $pub,
        '-outform', 'DER' ], stdout => $der);
    return sha256_hex(AttestTest::read_file($der));
}


sub test_forms {
    my %want = (
        'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
            => 'html',
        '*/*' => 'html', 'text/*' => 'html', '' => 'html',
        'application/json' => 'json', 'application/*' => 'json',
        'application/json, text/plain, */*' => 'json',
        'text/html;q=0.5, application/json' => 'json',
        'text/html, application/json' => 'html',
        'application/json;q=0, */*' => 'html',
        'text/html;q=0, */*' => 'json',
    );

    for my $accept (sort keys %want) {
        my $r = page(undef, "Accept: $accept");

        like($r->{headers}{'content-type'}, qr/$want{$accept}/,
            "Accept: $accept");
        is($r->{headers}{vary}, 'Accept', "Accept: $accept: varies");
    }

    is(page(undef, 'Accept: image/png')->{status}, 406, 'none of both');
    like(page('/attestation?format=html', 'Accept: application/json')
        ->{headers}{'content-type'}, qr/html/, 'format=html');

    for my $args (qw(format=pdf format=json&x=1 x format=%6a)) {
        my $r = page("/attestation?$args");

        is($r->{status}, 400, "?$args");
        is($r->{headers}{'content-type'}, 'application/problem+json',
            "?$args: problem");
    }
}


sub test_methods {
    for my $path (qw(/attestation /healthz)) {
        for my $method (qw(POST PUT DELETE OPTIONS)) {
            my $r = $t->get($path, method => $method, body => '{}');

            is($r->{status}, 405, "$method $path");
            is($r->{headers}{allow}, 'GET, HEAD', "$method $path: allowed");
            is($r->{headers}{'content-type'}, 'application/problem+json',
                "$method $path: problem");
        }

        my $r = $t->get($path, method => 'HEAD');
        my $get = $t->get($path);

        is($r->{status}, 200, "HEAD $path");
        is($r->{headers}{$_}, $get->{headers}{$_}, "HEAD $path: $_")
            for qw(content-type cache-control);
        cmp_ok($r->{headers}{'content-length'}, '>', 10,
            "HEAD $path: how long it would be");
    }
}


sub test_health {
    my $r = $t->get('/healthz');

    is($r->{status}, 200, 'health');
    is_deeply(AttestTest::json($r), { status => 'ok' }, 'health: body');
    is($r->{headers}{'cache-control'}, 'no-store', 'health: not stored');

    $r = $t->get('/', plain => 1, port => $t->port('PLAIN'));
    is($r->{status}, 200, 'page without TLS');
    like($r->{body}, qr{ngx-attest verify https://HOST<},
        'page without TLS: no host that was verified');
}


# nginx refuses most of a Host field; what is left is escaped.
sub test_escapes {
    my $r = page(undef, q{Host: a'b&c"d});

    is($r->{status}, 200, 'a strange Host');
    like($r->{body}, qr{verify https://a&#39;b&amp;c&quot;d<},
        'a strange Host is escaped');
    well_formed($r->{body});
}


sub test_no_evidence {
    # the TPM is gone and time goes on
    $t->stop_swtpm('KILL');
    $t->pass_time(40);

    my $r = $t->get('/healthz', plain => 1, port => $t->port('PLAIN'));
    is($r->{status}, 503, 'no evidence: health');
    is(AttestTest::json($r)->{type}, 'urn:ngx-attest:problem:no-evidence',
        'no evidence: health: problem');
    ok($r->{headers}{'retry-after'}, 'no evidence: health: when again');

    $r = $t->get('/', plain => 1, port => $t->port('PLAIN'));
    is($r->{status}, 200, 'no evidence: page');
    like($r->{body}, qr/No valid evidence<.*it has expired/s,
        'no evidence: page says so, and why');
    unlike($r->{body}, qr/>Valid evidence/, 'no evidence: and nothing else');
    well_formed($r->{body});

    $r = $t->get('/?format=json', plain => 1, port => $t->port('PLAIN'));
    my $gateway = AttestTest::json($r)->{gateway};
    ok(!$gateway->{valid}, 'no evidence: JSON');
    is($gateway->{reason}, 'it has expired', 'no evidence: JSON: reason');
    is($gateway->{evidence}, undef, 'no evidence: JSON: none');
}
