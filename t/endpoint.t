# SPDX-License-Identifier: Apache-2.0

# The endpoints: every answer of attest_evidence, attest_keys, attest_status.

use strict;
use warnings;

use Test::More;

use Digest::SHA qw(sha256 sha256_hex hmac_sha256_hex);
use FindBin;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64url);
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup curl openssl python3
    tpm2_makecredential));
plan(skip_all => $missing) if $missing;

my $EV = '/.well-known/attestation';
my $KEYS = '/.well-known/hpke-keys';
my $JSON = 'application/cmw+json; cmwc_t="urn:ngx-attest:evidence:%s:v1"';
my $CBOR = 'application/cmw+cbor; cmwc_t="urn:ngx-attest:evidence:%s:v1"';

my $t = AttestTest->new();

$t->swtpm();

my $tpm = $t->{tpm_port};
my $fake_mode = fake_tpm($t, 'pass');
my $without = start_without_evidence();

$t->backend();
$t->write_conf(config());
$t->start();

test_cached();
test_accept();
test_fresh();
test_bad_args();
test_post();
test_bad_post();
test_methods();
test_exporter();
test_activation();
test_keys();
test_status();
test_http2();
test_keepalive();
test_coalesced();
test_queue();
test_client_gone();
test_reload();
test_hang();
test_no_evidence();

AttestTest::done();


# ---- surroundings

sub config {
    return <<'END';
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm swtpm:host=127.0.0.1,port=%%PORT_OFFTPM%% timeout=2s;
    attest_queue 2;
    charset utf-8;
    charset_types *;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;

        location = /.well-known/attestation { attest_evidence; }
        location = /small {
            client_body_buffer_size 16;
            attest_evidence;
        }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /attest-status { attest_status; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
    }

    server {
        listen 127.0.0.1:%%PORT_STATUS%%;
        location = /attest-status { attest_status; }
    }
}
END
}


# In front of the software TPM, one that misbehaves on demand; the file that
# says how.
sub fake_tpm {
    my ($to, $how) = @_;
    my $mode = $to->path('tpm-mode');

    AttestTest::write_file($mode, $how);

    $to->spawn('fake_tpm', [ AttestTest::which('python3'),
        "$FindBin::Bin/lib/fake_tpm.py", '--upstream', $tpm,
        '--listen', $to->port('OFFTPM'), '--mode-file', $mode ]);
    AttestTest::wait_port($to->port('OFFTPM')) or die "no fake TPM\n";

    return $mode;
}


# A gateway whose TPM hangs waits half a minute for it, beside the other tests.
sub start_without_evidence {
    my $to = AttestTest->new();
    my $text = config();

    fake_tpm($to, 'hang');
    $to->backend();
    $text =~ s/attest_queue 2;/attest_start_without_evidence on;/;
    $to->write_conf($text);
    $to->start(nowait => 1);
    return $to;
}


sub mode { AttestTest::write_file($fake_mode, $_[0]) }

sub status { return AttestTest::json($t->get('/attest-status')) }

sub counter { return status()->{counters}{$_[0]} }

sub nonce { return join '', map { sprintf '%02x', int rand 256 }
    1 .. ($_[0] || 32) }

sub post {
    my ($body, @headers) = @_;

    return $t->get($EV, method => 'POST', body => $body,
        headers => \@headers);
}


# Requests at once, each in a child; their responses in order.
sub parallel {
    my @requests = @_;
    my @got;

    for my $i (0 .. $#requests) {
        my $pid = fork() // die "fork: $!";

        if ($pid == 0) {
            $t->{requests} = 100000 + 1000 * $i + $t->{requests};
            my $r = $requests[$i]->();
            AttestTest::write_file($t->path("client/par.$i"),
                JSON::PP::encode_json($r));
            POSIX::_exit(0);
        }

        push @got, $pid;
    }

    waitpid $_, 0 for @got;
    return map { JSON::PP::decode_json(
        AttestTest::read_file($t->path("client/par.$_"))) } 0 .. $#requests;
}


# What follows the header of an answer to HEAD, until the connection ends.
sub head_body {
    my ($path, $port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port($port || 'PLAIN'), Timeout => 10) or die $!;
    local $/;

    print $s "HEAD $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n\r\n";
    my $all = <$s> // '';
    return $all =~ /\AHTTP.*?\r\n\r\n(.*)\z/s ? $1 : 'no header';
}


# ---- formats

# Deterministic CBOR of what we send: integers, strings, arrays, maps.
sub cbor {
    my ($in) = @_;
    my $head = ord(substr $$in, 0, 1, '');
    my ($major, $n) = ($head >> 5, $head & 31);
    my ($size, $form) = @{ { 24 => [ 1, 'C' ], 25 => [ 2, 'n' ],
        26 => [ 4, 'N' ], 27 => [ 8, 'Q>' ] }->{$n} || [] };

    $n = unpack $form, substr $$in, 0, $size, '' if $size;

    return $n if $major == 0;
    return substr $$in, 0, $n, '' if $major == 2 || $major == 3;
    return [ map { cbor($in) } 1 .. $n ] if $major == 4;
    return { map { my $k = cbor($in); ($k, cbor($in)) } 1 .. $n }
        if $major == 5;
    die "unexpected CBOR\n";
}


# A collection of either form: {label => bytes}, and its type.
sub collection {
    my ($r) = @_;
    my $c = $r->{headers}{'content-type'} =~ /json/ ? AttestTest::json($r)
        : do { my $in = $r->{body}; cbor(\$in) };
    my $type = delete $c->{__cmwc_t};

    $c->{$_} = $r->{headers}{'content-type'} =~ /json/
        ? decode_base64url($c->{$_}[1]) : $c->{$_}[1] for keys %$c;
    return ($c, $type);
}


sub claims {
    my ($bytes) = @_;

    return cbor(\$bytes);
}


sub is_problem {
    my ($r, $status, $what) = @_;
    my $doc = AttestTest::json($r) || {};

    is($r->{status}, $status, "$what: $status");
    is($r->{headers}{'content-type'}, 'application/problem+json',
        '  a problem document');
    is($r->{headers}{'cache-control'}, 'no-store', '  not cached');
    is($doc->{status}, $status, '  status in it');
    like($doc->{type} // '', qr/^(?:about:blank|urn:.+)$/, '  type in it');
    ok(length($doc->{title} // '') && length($doc->{detail} // ''),
        '  title and detail in it');
    is($r->{headers}{'content-length'}, length $r->{body}, '  length');
    return $doc;
}


# What each collection must hold, whoever asked.
sub is_bound {
    my ($c, $what) = @_;
    my $claims = claims($c->{claims});
    my $extra = sha256("ngx-attest.v1 tpm\0" . sha256($c->{claims})
        . sha256(''));
    my $item = $c->{tpm};

    is($claims->{'ngx-attest.v1/hpke-keys'}, sha256($c->{'hpke-keys'}),
        "$what: claims name the keys");
    is($claims->{'ngx-attest.v1/config'}, sha256($c->{config}),
        "$what: claims name the configuration record");
    isnt(index(cbor(\$item)->{quote}, $extra), -1,
        "$what: the quote signs the claims");

    my $hash = $claims->{'pubkey-hash'};
    is(cbor(\$hash)->[1], spki_hash(),
        "$what: claims name the certificate's key");
    return $claims;
}


sub spki_hash {
    my $pem = $t->path('client/cert.pem');

    AttestTest::write_file($pem, $t->certificate());
    my $der = $t->path('client/spki.der');
    AttestTest::run_out([ 'sh', '-c', "openssl x509 -in $pem -noout -pubkey"
        . " | openssl pkey -pubin -outform DER -out $der" ]);
    return sha256(AttestTest::read_file($der));
}


# ---- tests

sub test_cached {
    my $r = $t->get($EV);

    is($r->{status}, 200, 'cached evidence');
    is($r->{headers}{'content-type'}, sprintf($JSON, 'cached'), '  type');
    is($r->{headers}{vary}, 'Accept', '  Vary');
    is($r->{headers}{'cache-control'}, 'max-age=60', '  Cache-Control');
    is($r->{headers}{'content-length'}, length $r->{body}, '  length');

    my ($c, $type) = collection($r);
    is($type, 'urn:ngx-attest:evidence:cached:v1', '  collection type');
    is_deeply([ sort keys %$c ], [ qw(claims config hpke-keys tpm) ],
        '  members');
    my $claims = is_bound($c, 'cached');
    ok(!exists $claims->{nonce}, '  no nonce');
    ok(!exists $claims->{'ngx-attest.v1/tls-exporter'}, '  no exporter');

    my ($b) = collection($t->get($EV, headers =>
        [ 'Accept: application/cmw+cbor' ]));
    is_deeply($b, $c, '  the same evidence in CBOR');

    my $head = $t->get($EV, method => 'HEAD');
    is($head->{status}, 200, '  HEAD');
    is($head->{headers}{'content-length'}, length $r->{body},
        '  HEAD has the length');
    is($t->get($EV)->{body}, $r->{body}, '  the same the next time');
    is($t->get($EV, port => $t->port('PLAIN'), plain => 1)->{body},
        $r->{body}, '  the same without TLS');

    my $tag = $r->{headers}{etag};
    my $same = $t->get($EV, headers => [ "If-None-Match: $tag" ]);
    is($same->{status}, 304, '  not modified');
    is($same->{body}, '', '  without a body');
    is($t->get($EV, headers => [ "If-None-Match: $tag",
        'Accept: application/cmw+cbor' ])->{status}, 200,
        '  another form is something else');
    is($t->get("$EV?")->{body}, $r->{body}, '  an empty query is none');
}


sub test_accept {
    my %want = (
        '*/*' => $JSON,
        'application/*' => $JSON,
        'application/cmw+json' => $JSON,
        'APPLICATION/CMW+CBOR' => $CBOR,
        'application/cmw+json;q=0.1, application/cmw+cbor;q=0.2' => $CBOR,
        'application/cmw+json;q=0, */*;q=0.3' => $CBOR,
        'text/html, */*;q=0.1' => $JSON,
    );

    for my $accept (sort keys %want) {
        my $r = $t->get($EV, headers => [ "Accept: $accept" ]);
        is($r->{headers}{'content-type'}, sprintf($want{$accept}, 'cached'),
            "Accept: $accept");
    }

    is($t->get($EV, headers => [ 'Accept;' ])->{status}, 200,
        'empty Accept');
    is($t->get($EV, headers => [ 'Accept:' ])->{headers}{'content-type'},
        sprintf($JSON, 'cached'), 'no Accept');
    is_problem($t->get($EV, headers => [ 'Accept: text/html' ]), 406,
        'Accept: text/html');
    is_problem($t->get($EV, headers => [ 'Accept: application/cmw+json;q=0'
        ]), 406, 'Accept: q=0');
    is_problem($t->get("$EV?nonce=" . nonce(), headers =>
        [ 'Accept: text/html' ]), 406, 'fresh, Accept: text/html');
}


sub test_fresh {
    my ($cached) = collection($t->get($EV));

    for my $bytes (32, 33, 64) {
        my $nonce = nonce($bytes);
        my $r = $t->get("$EV?nonce=" . ($bytes == 33 ? uc $nonce : $nonce));

        is($r->{status}, 200, "fresh evidence, nonce of $bytes bytes");
        is($r->{headers}{'content-type'}, sprintf($JSON, 'fresh'),
            '  type');
        is($r->{headers}{'cache-control'}, 'no-store', '  Cache-Control');
        is($r->{headers}{'content-length'}, length $r->{body}, '  length');
        ok(!exists $r->{headers}{etag}, '  no ETag');

        my ($c, $type) = collection($r);
        is($type, 'urn:ngx-attest:evidence:fresh:v1', '  collection type');
        my $claims = is_bound($c, 'fresh');
        is(unpack('H*', delete $claims->{nonce}), $nonce, '  nonce');
        is_deeply($claims, claims($cached->{claims}),
            '  all other claims are the cached ones');
        isnt($c->{tpm}, $cached->{tpm}, '  another quote');
    }

    my $nonce = nonce();
    my $r = $t->get("$EV?nonce=$nonce", headers =>
        [ 'Accept: application/cmw+cbor' ]);
    is($r->{headers}{'content-type'}, sprintf($CBOR, 'fresh'), 'in CBOR');
    my ($c, $type) = collection($r);
    is($type, 'urn:ngx-attest:evidence:fresh:v1', '  collection type');
    is(unpack('H*', claims($c->{claims})->{nonce}), $nonce, '  nonce');
}


sub test_bad_args {
    my $n = nonce();
    my $made = counter('quotes_made');
    my %bad = (
        'nonce=' => qr/64 to 128/, 'nonce' => qr/nonce/, 'x=1' => qr/only/,
        'nonce=' . substr($n, 2) => qr/64 to 128/,
        "nonce=${n}0" => qr/even/, "nonce=$n$n$n" => qr/64 to 128/,
        "nonce=$n$n" . '00' => qr/64 to 128/, "nonce=${n}zz" => qr/hexadec/,
        "nonce=$n&nonce=$n" => qr/twice/, "nonce=$n&x=1" => qr/only/,
        "nonce=$n&binding=none" => qr/tls-exporter/,
        "nonce=$n&binding=" => qr/tls-exporter/,
        'binding=tls-exporter' => qr/missing/, "nonce=$n&" => qr/only/,
        'nonce=%30%30' . substr($n, 4) => qr/hexadecimal/,
        'credential=0003aabbcc&secret=0003aabbcc' => qr/only/,
        'nonce=' . 'a' x 4000 => qr/64 to 128/,
    );

    for my $args (sort keys %bad) {
        my $doc = is_problem($t->get("$EV?$args"), 400,
            substr($args, 0, 40));
        like($doc->{detail}, $bad{$args}, '  says what is expected');
    }

    my $head = $t->get("$EV?nonce=$n", method => 'HEAD');
    is($head->{status}, 400, 'HEAD has no fresh form');
    is(head_body("$EV?nonce=$n"), '', '  no body');
    is(counter('quotes_made'), $made, 'no quote was made for any of them');
}


sub test_post {
    my $nonce = nonce();

    for my $type ('application/json', 'Application/JSON ; charset="utf-8"') {
        my $r = post(qq({"nonce": "$nonce"}\n), "Content-Type: $type");
        is($r->{status}, 200, "POST $type");
        is($r->{headers}{'content-type'}, sprintf($JSON, 'fresh'), '  type');
        is($r->{headers}{'cache-control'}, 'no-store', '  Cache-Control');
        my ($c) = collection($r);
        is(unpack('H*', claims($c->{claims})->{nonce}), $nonce, '  nonce');
    }

    my $body = sprintf '%-4096s', qq({"nonce":"$nonce"});
    is(post($body)->{status}, 200, 'POST of 4096 bytes');
    is(post($body, 'Transfer-Encoding: chunked')->{status}, 200,
        'POST of 4096 bytes, chunked');
    is($t->get('/small', method => 'POST', body => $body)->{status}, 200,
        'POST that nginx put into a file');
    is($t->get($EV, method => 'POST', body => $body, http2 => 1)->{status},
        200, 'POST of 4096 bytes, HTTP/2');
    is($t->get($EV, method => 'POST', body => $body, curl =>
        [ '-H', 'Expect: 100-continue' ])->{status}, 200,
        'POST with Expect');
}


sub test_bad_post {
    my $n = nonce();
    my $made = counter('quotes_made');

    for my $body ('', '{}', '[]', 'null', "{\"nonce\":\"$n\"", "nonce=$n",
        qq({"nonce":"$n"}x), qq({"nonce":"$n","nonce":"$n"}),
        qq({"nonce":"$n","x":"y"}), qq({"nonce":["$n"]}), qq({"nonce":7}),
        qq({"nonce":"${n}0"}), qq({"nonce":"$n","binding":"none"}),
        qq({"nonce":"$n","binding":true}), qq({"nonc\\u0065":"$n"}),
        qq({"nonce":"$n","credential":"0003aabbcc","secret":"0003aabbcc"}),
        '{"credential":"0003aabbcc"}', '{"secret":"0003aabbcc"}',
        '{"credential":"0004aabbcc","secret":"0003aabbcc"}',
        '{"credential":"","secret":"0003aabbcc"}',
        '{"credential":"0081' . 'aa' x 129 . '","secret":"0003aabbcc"}',
        '[' x 4000)
    {
        is_problem(post($body), 400, 'body ' . substr($body, 0, 50));
    }

    my $big = sprintf '%-4097s', qq({"nonce":"$n"});
    is_problem(post($big), 413, '4097 bytes');
    is_problem(post($big, 'Transfer-Encoding: chunked'), 413,
        '4097 bytes, chunked');
    is_problem(post($big x 20, 'Transfer-Encoding: chunked'), 413,
        '80 KiB, chunked');
    is_problem($t->get($EV, method => 'POST', body => $big x 20, http2 => 1),
        413, '80 KiB, HTTP/2');
    is_problem($t->get('/small', method => 'POST', body => $big), 413,
        '4097 bytes in a file');

    for my $type ('text/plain', 'application/x-www-form-urlencoded',
        'application/jsonx')
    {
        is_problem(post(qq({"nonce":"$n"}), "Content-Type: $type"), 415,
            $type);
    }

    is_problem(post(qq({"nonce":"$n"}), 'Content-Type:'), 415, 'no type');
    is_problem($t->get("$EV?nonce=$n", method => 'POST', body =>
        qq({"nonce":"$n"})), 400, 'POST with arguments');
    is(counter('quotes_made'), $made, 'no quote was made for any of them');
}


sub test_methods {
    for my $method (qw(PUT DELETE PATCH OPTIONS)) {
        my $r = $t->get($EV, method => $method);
        is_problem($r, 405, "$method evidence");
        is($r->{headers}{allow}, 'GET, HEAD, POST', '  Allow');
    }

    for my $path ($KEYS, '/attest-status') {
        my $r = $t->get($path, method => 'POST', body => 'x');
        is_problem($r, 405, "POST $path");
        is($r->{headers}{allow}, 'GET, HEAD', '  Allow');
    }
}


# The exporter as the client's own end of the connection computes it.
sub test_exporter {
    my $nonce = nonce();
    my $args = "nonce=$nonce&binding=tls-exporter";
    my $out = s_client("GET $EV?$args HTTP/1.1\r\nHost: localhost\r\n"
        . "Accept: application/cmw+json\r\nConnection: close\r\n\r\n");
    my ($want) = $out =~ /Keying material: ([0-9A-F]{64})/;
    my ($json) = $out =~ /^(\{"[^\n]*\})/m;

    my ($c) = collection({ body => $json // '{}',
        headers => { 'content-type' => 'json' } });
    my $claims = is_bound($c, 'bound');
    is(uc unpack('H*', $claims->{'ngx-attest.v1/tls-exporter'} // ''), $want,
        'the exporter of this connection');
    is(unpack('H*', $claims->{nonce}), $nonce, '  and the nonce');

    is($t->get("$EV?$args", http2 => 1)->{status}, 200, '  HTTP/2');
    is(post(qq({"nonce":"$nonce","binding":"tls-exporter"}))->{status}, 200,
        '  POST');

    my %plain = (port => $t->port('PLAIN'), plain => 1);
    my $doc = is_problem($t->get("$EV?$args", %plain), 409, 'without TLS');
    unlike(JSON::PP::encode_json($doc), qr/claims/, '  no evidence in it');
    is($t->get("$EV?nonce=$nonce", %plain)->{status}, 200,
        '  unbound evidence without TLS');
}


sub s_client {
    my ($request) = @_;
    my $in = $t->path('client/request');

    AttestTest::write_file($in, $request);
    return AttestTest::run_out([ 'openssl', 's_client', '-connect',
        '127.0.0.1:' . $t->port('TLS'), '-servername', 'localhost',
        '-keymatexport', 'EXPORTER-Channel-Binding', '-keymatexportlen',
        '32', '-ign_eof' ], stdin => $in);
}


# A verifier's side of credential activation, by tpm2-tools.
sub make_credential {
    my ($secret, $name) = @_;
    my ($c) = collection($t->get($EV));
    my $item = cbor(\$c->{tpm});
    my $dir = $t->path('client');

    $name //= '000b' . sha256_hex($item->{ak});
    AttestTest::write_file("$dir/ek.pub",
        pack('n/a*', $item->{ek}));
    AttestTest::write_file("$dir/secret", $secret);
    my $out = AttestTest::run_out([ 'tpm2_makecredential', '-T', 'none',
        '-u', "$dir/ek.pub", '-s', "$dir/secret", '-n', $name, '-o',
        "$dir/cred" ]);

    # magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET
    my ($id, $enc) = unpack 'x8 n/a* n/a*',
        AttestTest::read_file("$dir/cred");
    die "tpm2_makecredential: $out\n" if !defined $enc;
    return map { unpack 'H*', pack('n/a*', $_) } $id, $enc;
}


sub test_activation {
    my $secret = pack 'H*', nonce();
    my ($id, $enc) = make_credential($secret);
    my $before = counter('activations');
    my $r = post(qq({"credential":"$id","secret":"$enc"}));
    my $doc = AttestTest::json($r);
    my ($c) = collection($t->get($EV));

    is($r->{status}, 200, 'credential activation');
    is($r->{headers}{'content-type'}, 'application/json', '  type');
    is($r->{headers}{'cache-control'}, 'no-store', '  Cache-Control');
    is_deeply([ sort keys %$doc ], [ qw(claims proof) ], '  members');
    is($doc->{claims}, sha256_hex($c->{claims}), '  current claims');
    is($doc->{proof}, hmac_sha256_hex(sha256($c->{claims}), $secret),
        '  HMAC under the secret');
    is(index($r->{body}, unpack 'H*', $secret), -1, '  not the secret');
    is(counter('activations'), $before + 1, '  counted');

    my ($other) = make_credential($secret, '000b' . nonce());
    is_problem(post(qq({"credential":"$other","secret":"$enc"})), 422,
        'a credential made for another key');
    (my $cut = $id) =~ s/(.)$/$1 eq '0' ? 1 : 0/e;
    is_problem(post(qq({"credential":"$cut","secret":"$enc"})), 422,
        'a damaged credential');
    is(counter('activations'), $before + 1, '  not counted');
    is($t->get("$EV?nonce=" . nonce())->{status}, 200,
        '  evidence works afterwards');
}


sub test_keys {
    my $r = $t->get($KEYS);
    my ($c) = collection($t->get($EV));
    my ($first) = unpack 'n/a*', $c->{'hpke-keys'};

    is($r->{status}, 200, 'keys');
    is($r->{headers}{'content-type'}, 'application/ohttp-keys', '  type');
    is($r->{headers}{'cache-control'}, 'max-age=60', '  Cache-Control');
    is($r->{headers}{'content-length'}, length $r->{body}, '  length');
    is(unpack('H*', $r->{body}), unpack('H*', $first),
        '  the first member of the attested list, bare');
    is($t->get($KEYS, method => 'HEAD')->{headers}{'content-length'},
        length $r->{body}, '  HEAD');
    is($t->get($KEYS, port => $t->port('PLAIN'), plain => 1)->{body},
        $r->{body}, '  the same without TLS');
    is($t->get($KEYS, headers => [ "If-None-Match: $r->{headers}{etag}" ])
        ->{status}, 304, '  not modified');
}


sub test_status {
    my $r = $t->get('/attest-status');
    my $s = AttestTest::json($r);
    my $e = $s->{evidence};

    is($r->{status}, 200, 'status');
    is($r->{headers}{'content-type'}, 'application/json', '  type');
    is($r->{headers}{'cache-control'}, 'no-store', '  Cache-Control');
    is($r->{headers}{'content-length'}, length $r->{body}, '  length');
    like($s->{version}, qr/^\d+\.\d+\.\d+$/, '  version');
    is($s->{generation}, 1, '  generation');
    is($s->{root_of_trust}, 'software', '  root of trust');
    ok($e->{valid}, '  valid');
    cmp_ok($e->{not_before}, '<=', time(), '  not_before');
    cmp_ok($e->{not_after}, '>', time(), '  not_after');
    cmp_ok($e->{renew_at}, '<', $e->{not_after}, '  renew_at');
    ok($e->{age} >= 0 && $e->{age} < 600, '  age');
    cmp_ok($s->{counters}{quotes_made}, '>', 5, '  quotes were made');
    is($s->{counters}{queue_full}, 0, '  no queue was full');

    my $p = $t->get('/attest-status?format=prometheus');
    is($p->{headers}{'content-type'}, 'text/plain; version=0.0.4',
        'Prometheus: type');
    is($p->{headers}{'content-length'}, length $p->{body}, '  length');
    is_metrics($p->{body}, $s);

    is_problem($t->get("/attest-status?$_"), 400, "status?$_")
        for 'format=xml', 'x=1', 'format=prometheus&x=1', 'format=';
    is($t->get('/attest-status', port => $t->port('STATUS'), plain => 1)
        ->{status}, 200, 'status in a server of its own');
    is(head_body('/attest-status', 'STATUS'), '', 'HEAD has no body');
}


# Every line has the exposition format, every sample its TYPE before.
sub is_metrics {
    my ($text, $s) = @_;
    my (%type, %value, @bad);

    for (split /\n/, $text) {
        next if /^# HELP ngx_attest_\w+ \S/;

        if (/^# TYPE (ngx_attest_\w+) (counter|gauge)$/) {
            push @bad, $_ if $type{$1}++;

        } elsif (/^((ngx_attest_\w+)(?:\{(?:\w+="[^"]*",?)+\})?) (\d+)$/) {
            push @bad, $_ if !$type{$2} || exists $value{$1};
            $value{$1} = $3;

        } else {
            push @bad, $_;
        }
    }

    is_deeply(\@bad, [], '  format');
    is($value{'ngx_attest_evidence_valid'}, 1, '  valid');
    is($value{'ngx_attest_generation'}, 1, '  generation');
    is($value{'ngx_attest_quotes_total{result="made"}'},
        $s->{counters}{quotes_made}, '  quotes');
    is($value{'ngx_attest_refused_total{reason="replay"}'}, 0, '  replays');
    is($value{'ngx_attest_activations_total'}, $s->{counters}{activations},
        '  activations');
    is(scalar(grep { /_total\b/ } keys %value),
        scalar(keys %{ $s->{counters} }), '  every counter');
}


sub test_http2 {
    is($t->get($EV, http2 => 1)->{body}, $t->get($EV)->{body},
        'HTTP/2: cached');
    is($t->get("$EV?nonce=" . nonce(), http2 => 1)->{status}, 200,
        'HTTP/2: fresh');
    is_problem($t->get("$EV?x=1", http2 => 1), 400, 'HTTP/2: bad');
    is($t->get($KEYS, http2 => 1)->{headers}{'content-type'},
        'application/ohttp-keys', 'HTTP/2: keys');
}


# One connection serves on after each kind of answer, bodies unread or not.
sub test_keepalive {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('PLAIN'), Timeout => 10) or die $!;
    my $n = nonce();
    my $body = qq({"nonce":"$n"});
    my $head = "Host: localhost\r\n";
    my $length = 'Content-Length: ' . length $body;
    my @requests = (
        "GET $EV?nonce=$n HTTP/1.1\r\n$head\r\n",
        "POST $EV HTTP/1.1\r\n${head}Content-Type: text/plain\r\n"
            . "$length\r\n\r\n$body",
        "POST $EV HTTP/1.1\r\n${head}Content-Type: application/json\r\n"
            . "$length\r\n\r\n$body",
        "GET $EV?nonce=$n HTTP/1.1\r\n$head$length\r\n\r\n$body",
        "PUT $EV HTTP/1.1\r\n$head$length\r\n\r\n$body",
        "GET $EV HTTP/1.1\r\n$head\r\n");

    print $s join '', @requests;
    is_deeply([ map { read_answer($s) } @requests ],
        [ 200, 415, 200, 200, 405, 200 ], 'six pipelined requests');
}


sub read_answer {
    my ($s) = @_;
    local $/ = "\r\n\r\n";
    my $head = <$s> // return 0;
    my ($length) = $head =~ /Content-Length: (\d+)/;

    read($s, my $body, $length) == $length or return 0;
    return $head =~ m{^HTTP/1.1 (\d+)} ? $1 : 0;
}


sub test_coalesced {
    my $url = "$EV?nonce=" . nonce();
    my $before = status()->{counters};

    mode('slow:60');
    my @r = parallel((sub { $t->get($url) }) x 5,
        sub { $t->get($url, headers => [ 'Accept: application/cmw+cbor' ]) });
    mode('pass');

    is_deeply([ map { $_->{status} } @r ], [ (200) x 6 ],
        'six requests with one nonce');
    my $after = status()->{counters};
    my $quotes = $after->{quotes_made} - $before->{quotes_made};
    my $joined = $after->{quotes_coalesced} - $before->{quotes_coalesced};
    is($quotes + $joined, 6, '  each made a quote or joined one');
    cmp_ok($joined, '>=', 4, '  most joined');
    is($r[1]{body}, $r[2]{body}, '  and got the same evidence')
        if $quotes == 1;
}


sub test_queue {
    my $before = counter('queue_full');

    mode('slow:100');
    my @r = parallel(map { my $n = nonce(); sub {
        $t->get("$EV?nonce=$n") } } 1 .. 6);
    mode('pass');

    my @full = grep { $_->{status} == 503 } @r;
    is(scalar(grep { $_->{status} == 200 } @r), 3,
        'one at work and two waiting');
    is(scalar @full, 3, '  three too many');
    is_problem($full[0], 503, '  refused') if @full;
    like($full[0]{headers}{'retry-after'} // '', qr/^[1-9]\d*$/,
        '  Retry-After');
    is(counter('queue_full'), $before + 3, '  counted');
}


sub test_client_gone {
    mode('slow:100');

    for my $http2 (0, 1) {
        my $r = $t->get("$EV?nonce=" . nonce(), sec => 0.4,
            http2 => $http2);
        is($r->{status}, 0, "a client that goes away, http2 $http2");
    }

    # one of two leaves, the other one is answered
    my $url = "$EV?nonce=" . nonce();
    my @r = parallel(sub { $t->get($url, sec => 0.4) },
        sub { $t->get($url) });
    is_deeply([ map { $_->{status} } @r ], [ 0, 200 ],
        'one of two goes away');

    mode('pass');
    is($t->get("$EV?nonce=" . nonce())->{status}, 200, '  served on');
}


sub test_reload {
    mode('slow:100');
    my $n = nonce();
    my @r = parallel(sub { $t->get("$EV?nonce=$n") },
        sub { sleep 0.4; kill 'HUP', $t->master(); { status => 1 } });
    mode('pass');

    is($r[0]{status}, 200, 'reload while a request waits');
    ok(AttestTest::until_true(20, sub { $t->workers() == 1 }),
        '  the old worker goes');
    is($t->get("$EV?nonce=" . nonce())->{status}, 200, '  served on');
}


sub test_hang {
    my $generation = status()->{generation};
    my $start = time();

    mode('hang');
    my @r = parallel(map { my $n = nonce($_); sub {
        $t->get("$EV?nonce=$n") } } 32, 40);
    my $took = time() - $start;

    is_problem($r[0], 503, 'a TPM that hangs');
    like($r[0]{headers}{'retry-after'} // '', qr/^[1-9]\d*$/,
        '  Retry-After');
    unlike($r[0]{body}, qr/swtpm|tcti|127\.0\.0\.1|Esys/i,
        '  no internals in it');
    is($r[1]{status}, 503, '  so the one behind');
    cmp_ok($took, '<', 15, '  in time');
    is($t->get($EV)->{status}, 200, '  cached evidence goes on');

    my $s = status();
    is($s->{generation}, $generation, '  the same generation');
    cmp_ok($s->{counters}{quotes_failed}, '>=', 1, '  counted');

    mode('pass');
    ok(AttestTest::until_true(60, sub {
        return $t->get("$EV?nonce=" . nonce())->{status} == 200
            || (sleep(1), 0)[1];
    }), '  recovers');
}


sub test_no_evidence {
    my $t = $without;

    for my $name (qw(TLS PLAIN STATUS)) {
        AttestTest::wait_port($t->port($name), 60)
            or die "no start without evidence:\n" . $t->error_log();
    }

    my $r = $t->get('/attest-status', port => $t->port('STATUS'),
        plain => 1);
    my $s = AttestTest::json($r);
    is($r->{status}, 200, 'status without evidence');
    ok(!$s->{evidence}{valid}, '  not valid');
    is($s->{generation}, undef, '  no generation');
    ok(length $s->{last_error}{text}, '  last error: text');
    cmp_ok($s->{last_error}{time}, '>', time() - 600, '  last error: time');

    my $p = $t->get('/attest-status?format=prometheus',
        port => $t->port('STATUS'), plain => 1);
    like($p->{body}, qr/^ngx_attest_evidence_valid 0$/m, '  Prometheus');

    for my $path ($EV, $KEYS, "$EV?nonce=" . nonce()) {
        my $got = $t->get($path, port => $t->port('PLAIN'), plain => 1);
        is_problem($got, 503, substr($path, 0, 36));
        like($got->{headers}{'retry-after'} // '', qr/^[1-9]\d*$/,
            '  Retry-After');
    }
}
