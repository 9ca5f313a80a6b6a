# SPDX-License-Identifier: Apache-2.0

# "ngx-attest proxy" where somebody else ends the gateway's TLS, as a content
# delivery network does: an nginx here, with somebody behind it who keeps all
# that it reads.  And what "verify" and "chat" make of such a gateway.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use JSON::PP ();
use ProxyTest;
use Test::More;

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3));
plan(skip_all => $missing) if $missing;

my $CANARY = $AttestTest::CANARY;
my $ALONE = 'TLS ends elsewhere, and the verdict rests on the list of prompt '
    . 'keys alone';
my $SEEN_BY_HIM = qr/\Q$CANARY\E|You said|\[DONE\]|"data"|chat\/completions/;

ProxyTest::start();

my $cdn = AttestTest->new(fresh_tpm => 0);
my $seen = $cdn->path('seen');
my $there_port = $cdn->port('CDN');
my $loose = $t->path('client/loose.json');
my @there = ('--policy', $loose, '--connect');

loosen();
start_cdn();
push @there, "127.0.0.1:$there_port";

test_ohttp();
test_ehbp();
test_relay();
test_authority();
test_off();
test_strict();
test_direct();
test_printed();
test_verify();
test_chat();

AttestTest::done();


# The gateway's policy, but that nothing has to name the connection.
sub loosen {
    my $p = JSON::PP::decode_json(AttestTest::read_file($policy));

    $p->{require_exporter} = JSON::PP::false;
    AttestTest::write_file($loose, JSON::PP::encode_json($p));
}


sub certificate {
    my ($name) = @_;
    my $file = $cdn->path("$name.pem");

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', "/CN=$name", '-addext', 'subjectAltName=DNS:localhost',
        '-days', 2, '-keyout', "$file.key", '-out', $file ]);
    is($?, 0, "a certificate of $name");
    chmod 0644, $file;
    return $file;
}


sub start_cdn {
    my $cert = certificate('cdn');

    certificate('other');
    AttestTest::write_file($cdn->path('plan'), '{}');
    AttestTest::write_file($seen, '');
    $cdn->spawn('between', [ AttestTest::which('python3'),
        "$FindBin::Bin/lib/seal_between.py", $cdn->port('between'),
        $t->port('TLS'), $cdn->path('plan'), $cdn->path('log'), $seen ]);
    AttestTest::wait_port($cdn->port('between')) or die "no between\n";

    $cdn->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_CDN%% ssl;
        ssl_certificate $cert;
        ssl_certificate_key $cert.key;
        ssl_protocols TLSv1.3;
        client_max_body_size 64m;
        location / {
            proxy_pass http://127.0.0.1:%%PORT_between%%;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_buffering off;
        }
    }
}
END
    $cdn->start();
}


sub ca { return ('--ca', $cdn->path("$_[0].pem")) }


# Since it was last asked for.
sub read_there {
    my $text = AttestTest::read_file($seen);

    AttestTest::write_file($seen, '');
    return $text;
}


sub key { return (fields => [ "Authorization: Bearer $CANARY-key" ]) }


sub test_ohttp {
    my ($name, $url) = proxy(@there, ca('cdn'), '--seal', 'ohttp');

    like(said($name), qr/^NOTE  tls-elsewhere: /m, 'ohttp: a note');
    like(said($name), qr/^TRUSTED: .*; $ALONE$/m, 'ohttp: the verdict')
        or diag(said($name));
    unlike(said($name), qr/could not verify|is not sent/,
        'ohttp: nginx has verified it, too');
    is((curl("$url/healthz"))[0], 200, 'ohttp: healthy');
    read_there();

    my ($status, $body) = chat($url, "$CANARY through it", key());
    is($status, 200, 'ohttp: chat') or diag($body, said($name));
    like($body, qr/You said.*\Q$CANARY\E through it/, 'ohttp: its answer');
    like($t->backend_raw(), qr/\Q$CANARY\E through it/,
        'ohttp: the gateway has got the prompt');

    ($status, $body) = chat($url, "$CANARY streams", stream => \1, key());
    like($body, qr/^data: \[DONE\]/m, 'ohttp: the stream is whole');
    is((curl("$url/v1/models"))[0], 200, 'ohttp: models');

    my $there = read_there();
    is(scalar(() = $there =~ m{^POST /\.well-known/ohttp-gateway }mg), 3,
        'ohttp: all went that way');
    unlike($there, $SEEN_BY_HIM, 'ohttp: and nothing of it was read');

    like(said($name), qr/is trusted: .*; TLS ends elsewhere, the verdict is /,
        'ohttp: the line of an appraisal');
    stopped($name);
    unlike(said($name), qr/\Q$CANARY\E/, 'ohttp: nothing of a prompt is shown');
}


# Fields are read there, by one whom an authority knows.
sub test_ehbp {
    my ($name, $url) = proxy(@there, ca('cdn'), '--seal', 'ehbp');

    read_there();
    my ($status, $body) = chat($url, "$CANARY by EHBP",
        fields => [ 'Authorization: Bearer of-mine' ]);
    is($status, 200, 'ehbp: chat') or diag($body, said($name));
    like($body, qr/You said.*\Q$CANARY\E by EHBP/, 'ehbp: its answer');

    my $there = read_there();
    unlike($there, qr/\Q$CANARY\E|You said/, 'ehbp: no body was read');
    like($there, qr{^POST /v1/chat/completions.*Bearer of-mine}ms,
        'ehbp: path and fields were, as the documents say');

    ($status, $body) = curl("$url/v1/models");
    is($status, 500, 'ehbp: without a body there is nothing to seal');
    like($body, qr/problem:tls-elsewhere/, 'ehbp: it says so');
    is(read_there(), '', 'ehbp: and sends nothing');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /ends elsewhere, a request without a body/ }),
        'ehbp: the command, too') or diag(said($name));
    stopped($name);
}


# What is proven through one of them is sealed for, and carried by another.
sub test_relay {
    my $relay = $t->url('/.well-known/ohttp-gateway') =~ s/:\d+/:$there_port/r;
    my ($name, $url) = proxy(@there, ca('cdn'), '--relay', $relay,
        '--relay-ca', $cdn->path('cdn.pem'));

    is((curl("$url/healthz"))[0], 200, 'relay: healthy') or diag(said($name));
    read_there();
    my ($status, $body) = chat($url, "$CANARY relayed", key());
    is($status, 200, 'relay: chat') or diag($body, said($name));
    like($body, qr/You said.*\Q$CANARY\E relayed/, 'relay: its answer');
    unlike(read_there(), $SEEN_BY_HIM, 'relay: and nothing of it was read');
    stopped($name);
}


sub test_authority {
    my ($name, $url) = proxy(@there, ca('other'));

    read_there();
    is((chat($url, $CANARY))[0], 502, 'by nobody: refused');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /the gateway has a certificate that no authority/ }),
        'by nobody: it is said') or diag(said($name));
    unlike(read_there(), qr/^POST .*(?:ohttp|v1)/m, 'by nobody: gets nothing');
    stopped($name);

    my ($exit, $out) = refused(@there, '--ca', '/nowhere');
    is($exit, 2, 'no such CA: refused');
    like($out, qr/--ca: /, 'no such CA: why');
}


sub test_off {
    my ($exit, $out) = refused(@there, ca('cdn'), '--seal', 'off');

    is($exit, 2, 'off: refused');
    like($out, qr/nothing is served: TLS ends elsewhere, .*not --seal off/,
        'off: why');
    unlike($out, qr/Serving/, 'off: nothing listens');
    nothing_left('off');
}


sub test_strict {
    my ($exit, $out) = refused('--connect', $there[-1], ca('cdn'));

    is($exit, 1, 'strict: a policy that wants the exporter refuses');
    like($out, qr/^NOT TRUSTED: /m, 'strict: the verdict');
    like($out, qr/^FAIL  fresh-key: /m, 'strict: whose key it is not');
    unlike($out, qr/tls-elsewhere|Serving/, 'strict: and nothing less');
    nothing_left('strict');
}


# The same policy, and a gateway that ends TLS itself.
sub test_direct {
    my ($name, $url) = proxy('--policy', $loose, '--seal', 'off');

    unlike(said($name), qr/elsewhere/, 'direct: its key was verified');
    is((chat($url, 'direct'))[0], 200, 'direct: not sealed') or
        diag(said($name));
    stopped($name);
}


# With nobody asked the authority alone says whose end it is.
sub test_printed {
    my ($exit, $out) = refused(@there, ca('cdn'), '--print-config');
    my $ca = $cdn->path('cdn.pem');

    is($exit, 0, 'printed');
    is(scalar(() = $out =~ /proxy_ssl_verify on;/g), 2,
        'printed: who ends TLS is verified');
    like($out, qr/proxy_ssl_trusted_certificate "\Q$ca\E";/,
        'printed: by whom');

    ($exit, $out) = refused(@there, '--print-config');
    unlike($out, qr/proxy_ssl_verify|error_page/,
        'printed: and else is nobody');
}


sub verify { return $t->attest('verify', $t->url(), @_) }


# Somebody else sends something after it: he has to know, and to say so.
sub test_verify {
    my ($exit, $out) = verify(@there);

    is($exit, 1, 'verify: another key is not trusted');
    like($out, qr/^NOT TRUSTED: /m, 'verify: the verdict');
    unlike($out, qr/tls-elsewhere/, 'verify: not unless it is asked to');

    ($exit, $out) = verify(@there, '--keys-only');
    is($exit, 0, 'keys only: trusted') or diag($out);
    like($out, qr/^NOTE  tls-elsewhere: .* was not judged; /m,
        'keys only: a note');
    like($out, qr/^TRUSTED: .*; $ALONE$/m, 'keys only: the verdict');

    my $json = JSON::PP::decode_json((verify(@there, '--keys-only',
        '--json'))[1]);
    is($json->{keys_only}, JSON::PP::true(), 'keys only: the report');
    like($json->{why}, qr/; $ALONE$/, 'keys only: why');
    ok(length $json->{key_config}, 'keys only: it has these keys');
    ok(!exists $json->{$_}, "keys only: and no $_")
        for qw(tls_key_sha256 certificate);

    $json = JSON::PP::decode_json((verify('--policy', $loose, '--keys-only',
        '--json'))[1]);
    ok(!exists $json->{keys_only} && $json->{tls_key_sha256},
        'keys only: not of a gateway that ends TLS itself');

    verify_refused();
}


sub verify_refused {
    my ($exit, $out) = verify('--policy', $policy, '--keys-only');

    is($exit, 2, 'keys only: not with a policy that wants the exporter');
    like($out, qr/--keys-only needs a policy/, 'keys only: why');
    ($exit, $out) = $t->attest('verify', $t->path('client'), '--policy',
        $loose, '--keys-only');
    is($exit, 2, 'keys only: nor of a folder');
    like($out, qr/--keys-only wants a URL/, 'keys only: why');
}


sub test_chat {
    my @args = ('chat', $t->url(), @there);

    read_there();
    my ($exit, $out) = $t->attest(@args, "$CANARY of a chat");
    is($exit, 0, 'chat: answered') or diag($out);
    like($out, qr/You said: "\Q$CANARY\E of a chat"/, 'chat: the answer');
    like($out, qr/^ngx-attest: TLS ends elsewhere: /m, 'chat: says it');
    unlike(read_there(), qr/\Q$CANARY\E|You said/,
        'chat: nothing of it was read');

    ($exit, $out) = $t->attest('chat', $t->url(), '--policy', $policy,
        '--connect', $there[-1], $CANARY);
    is($exit, 1, 'chat: not with a policy that wants the exporter');
    like($out, qr/nothing was sent/, 'chat: nothing is sent');
    unlike(read_there(), qr/^POST \/v1/m, 'chat: and nothing was');
}
