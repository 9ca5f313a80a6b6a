# SPDX-License-Identifier: Apache-2.0

# What newer releases of nginx do with upstreams and connections, none of which
# gets around a verified group: contexts of TLS that locations share, names that
# are resolved while it runs, connections that are kept alive unasked, HTTP/2 to
# backends, HTTP/3.  Each is skipped where this nginx has nothing of the kind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use PromptClient qw(chat);
use SealTest ();
use Test::More;
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $VERSION = AttestTest::nginx_version();
my $BUILD = AttestTest::run_out([ AttestTest::nginx(), '-V' ]);
my $TYPE = 'urn:ngx-attest:problem:upstream-unverified';
my $CHAT = '/v1/chat/completions';


sub since {
    my ($at, $what) = @_;

    return if $VERSION >= $at;
    plan skip_all => "this nginx has no $what";
}


sub refused {
    my ($r, $what) = @_;

    is($r->{status}, 502, "$what: 502");
    is((AttestTest::json($r) || {})->{type}, $TYPE, "$what: unverified");
}


# 1.23.1: locations with the same proxy_ssl_* have one SSL_CTX.
subtest 'contexts that are shared' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, http => <<'HTTP', server => <<'END');
    upstream gw { server %%GW%%; attest_verify %%POLICY%%; }
    upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%; }
    upstream open { server %%BAD_none%%; keepalive 2; }
    upstream alien { server %%BAD_garbage%%; }
    upstream signed { server %%BAD_none%%; }
    upstream unsigned { server %%BAD_garbage%%; }
HTTP
        location /gw { proxy_pass https://gw/ok; }
        location /bad { proxy_pass https://bad; }
        location /open { proxy_pass https://open; }
        location /alien { proxy_pass https://alien; }
    }
    server {
        listen 127.0.0.1:%%PORT_CA%%;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate %%DIR%%/bad_none.pem;
        location /gw { proxy_pass https://gw/ok; }
        location /bad { proxy_pass https://bad; }
        location /open { proxy_pass https://signed; }
        location /alien { proxy_pass https://unsigned; }
END

    $cl->start();

    for my $n (1 .. 2) {
        is(VerifyTest::post($cl, "/open/$n")->{status}, 200, 'unverified');
        is(VerifyTest::post($cl, '/gw')->{status}, 200, 'verified');
        refused(VerifyTest::post($cl, '/bad'), 'beside one that is not');
        is(VerifyTest::post($cl, '/alien')->{status}, 200, 'unverified');
    }

    # whose own rule for other groups goes on
    for (1 .. 2) {
        my @ca = (port => $cl->port('CA'));

        is(VerifyTest::post($cl, '/open/ca', @ca)->{status}, 200, 'a CA');
        is(VerifyTest::post($cl, '/alien', @ca)->{status}, 502,
            'not of that CA');
        is(VerifyTest::post($cl, '/gw', @ca)->{status}, 502,
            'verified, and not of that CA');
        is(VerifyTest::post($cl, '/bad', @ca)->{status}, 502,
            'of that CA, and not verified');
    }

    my $got = VerifyTest::got($cl, 'none');
    unlike($got, qr{POST /bad}, 'nothing was sent that was not to be');
    is(scalar(() = $got =~ m{POST /open}g), 4, 'and what was, arrived');
    VerifyTest::over($gw, $cl);
};


# 1.27.3: peers come and go while nginx runs.
subtest 'names that are resolved at run time' => sub {
    since(1027003, '"resolve" in upstream{}');

    my $gw = VerifyTest::gateway(http => 'keepalive_requests 10000;');
    my $dns = AttestTest::free_port();
    my $port = $gw->port('TLS');
    my $cl = VerifyTest::client($gw, http => <<"HTTP",
    resolver 127.0.0.1:$dns valid=1s ipv6=off;
    upstream gw { zone gw 256k;
        server peers.test:$port resolve max_fails=0;
        attest_verify %%POLICY%% timeout=3s; keepalive 4; }
HTTP
        server => 'location / { proxy_pass https://gw; }');
    my $at = sub {
        AttestTest::write_file($cl->path('names.new'), "@_");
        rename $cl->path('names.new'), $cl->path('names') or die "names: $!\n";
    };
    my $post = sub { VerifyTest::post($cl, '/ok') };
    my $becomes = sub {
        my ($status, $what) = @_;

        ok(AttestTest::until_true(20, sub {
            return $post->()->{status} == $status }), $what);
    };

    $at->('127.0.0.1');
    $cl->spawn('names', [ AttestTest::which('python3'),
        "$FindBin::Bin/lib/name_server.py", $dns, $cl->path('names') ]);
    VerifyTest::bad($cl, 'none', $port, '--address', '127.0.0.2');
    $cl->start();

    $becomes->(200, 'a peer that is resolved is verified');
    is($post->()->{status}, 200, "and used, $_") for 1 .. 3;

    # another in its place
    $at->('127.0.0.2');
    $becomes->(502, 'the peer is gone, there is another');
    refused($post->(), "which is judged by itself, $_") for 1 .. 3;

    $at->('127.0.0.1', '127.0.0.2');
    $becomes->(200, 'both');
    is($post->()->{status}, 200, "the other is asked, $_") for 1 .. 6;

    my %peer = map { $_->{peer} => $_ }
        @{ VerifyTest::status($cl)->{upstreams} };
    ok($peer{"127.0.0.1:$port"}{valid}, 'status: one is valid');
    ok(!$peer{"127.0.0.2:$port"}{valid}, 'status: the other is not');

    # another machine at the address of a peer that was verified
    $gw->stop();
    VerifyTest::bad($cl, 'garbage', $port);
    $at->('127.0.0.1');
    $becomes->(502, 'somebody else has its address');
    refused($post->(), "somebody else, $_") for 1 .. 3;

    is(VerifyTest::got($cl, $_), '', "$_: nothing was sent")
        for qw(none garbage);
    VerifyTest::over($gw, $cl);
};


# 1.29.7: each location keeps connections of its own, without "keepalive".
subtest 'connections that are kept unasked' => sub {
    since(1029007, 'keepalive for upstreams unless switched off');

    my ($gw, $cl) = VerifyTest::pair(gateway => { http => <<'END' },
    log_format c 'c=$connection $http_x_from';
    access_log %%DIR%%/logs/c.log c;
END
        http => 'upstream gw { server %%GW%%; attest_verify %%POLICY%%; }'
            . 'upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%; }'
            . 'upstream open { server %%BAD_none%%; }',
        server => 'proxy_set_header X-From $arg_from;'
            . 'proxy_set_header Host localhost;'
            . 'proxy_set_header Connection "";'
            . 'location /a { proxy_pass https://gw/ok; }'
            . 'location /b { proxy_pass https://gw/ok; }'
            . 'location /bad { proxy_pass https://bad; }'
            . 'location /open { proxy_pass https://open; }');

    for my $n (1 .. 4) {
        is(VerifyTest::post($cl, "/$_?from=$_")->{status}, 200, "/$_, $n")
            for qw(a b open);
        refused(VerifyTest::post($cl, '/bad'), "/bad, $n");
    }

    $cl->stop();
    $gw->stop();

    my %by;

    for (split /\n/, AttestTest::read_file($gw->path('logs/c.log'))) {
        $by{$2}{$1}++ if /^c=(\d+) ([ab])$/;
    }

    is(scalar keys %{ $by{$_} || {} }, 1, "/$_: one connection") for qw(a b);
    isnt((keys %{ $by{a} || {} })[0], (keys %{ $by{b} || {} })[0],
        'each its own');
    unlike(VerifyTest::got($cl, 'none'), qr{POST /bad}, 'nothing was sent');
    VerifyTest::over($gw, $cl);
};


# 1.29.4: proxy_http_version 2.
subtest 'HTTP/2 to backends' => sub {
    since(1029004, 'HTTP/2 to backends');

    my ($gw, $cl) = VerifyTest::pair(
        http => 'upstream gw { server %%GW%%; attest_verify %%POLICY%%;'
            . ' keepalive 4; }'
            . 'upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%; }'
            . 'proxy_ssl_protocols TLSv1.3;',
        server => 'location /ok { proxy_http_version 2;'
            . ' proxy_pass https://gw; }'
            . 'location /bad { proxy_http_version 2;'
            . ' proxy_pass https://bad; }');

    is(VerifyTest::post($cl, '/ok')->{status}, 200, "verified, $_")
        for 1 .. 3;
    refused(VerifyTest::post($cl, '/bad'), 'HTTP/2');
    is(VerifyTest::got($cl, 'none'), '', 'nothing was sent');

    # what seals and opens is for backends of HTTP/1.1
    for ([ $cl, 'attest_seal ehbp; proxy_pass https://gw/;' ],
        [ $gw, 'attest_prompt ehbp; proxy_pass http://%%BACKEND%%/;' ])
    {
        my ($t, $text) = @$_;

        my $conf = $t->{text};

        $text = "location /two/ { proxy_http_version 2; proxy_buffering off; "
            . "$text } ";
        $conf =~ s/(?=location = \S*status \{)/$text/
            or die "no place for a location\n";
        $t->write_conf($conf);
        my ($ok, $out) = $t->test_conf();
        ok(!$ok, "refused: $_->[1]");
        like($out, qr/"proxy_http_version 1\.1" is needed/, 'which is said');
    }

    VerifyTest::over($gw, $cl);
};


subtest 'HTTP/3' => sub {
    plan skip_all => 'this nginx has no HTTP/3'
        if $BUILD !~ /--with-http_v3_module/;
    plan skip_all => 'this curl has no HTTP/3'
        if AttestTest::run_out([ 'curl', '-V' ]) !~ /\bHTTP3\b/;

    my $t = AttestTest->new();
    my @h3 = (curl => [ '--http3-only' ]);

    $t->swtpm();
    $t->backend();
    $t->gateway(server => 'listen 127.0.0.1:%%PORT_TLS%% quic reuseport;',
        servers => 'server { listen 127.0.0.1:%%PORT_TLS%% ssl;'
            . ' listen 127.0.0.1:%%PORT_TLS%% quic; server_name plain;'
            . ' ssl_certificate %%DIR%%/plain.crt;'
            . ' ssl_certificate_key %%DIR%%/plain.key;'
            . ' location / { return 200 "plain\n"; } }');
    $t->allow(qr/PRIVATE KEY/);         # the operator's own file
    AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec',
        '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
        '/CN=plain', '-days', '2', '-keyout', $t->path('plain.key'),
        '-out', $t->path('plain.crt') ]);
    $t->start();

    my $nonce = 'ab' x 32;
    my $r = $t->get("/.well-known/attestation?nonce=$nonce", @h3);
    is($r->{status}, 200, 'evidence');
    ok(AttestTest::json($r), 'which is JSON');

    $r = $t->get($CHAT, @h3, method => 'POST', body => chat('in clear'));
    is($r->{status}, 400, 'a prompt in clear is refused');
    like((AttestTest::json($r) || {})->{type}, qr/:encryption-required$/,
        'by us');

    $r = $t->get('/.well-known/attestation', host => 'plain', @h3,
        headers => [ 'Host: localhost' ]);
    is($r->{status}, 421, 'not on a connection of another server');

    $t->stop();
    $t->finish();
};


AttestTest::done();
