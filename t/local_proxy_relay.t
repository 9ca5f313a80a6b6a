# SPDX-License-Identifier: Apache-2.0

# "ngx-attest proxy" with what others have to do with it: who has signed the
# policy (--policy-key), and a relay of Oblivious HTTP (--relay), which is an
# nginx here with somebody behind it who keeps all that it sees.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Digest::SHA ();
use JSON::PP ();
use ProxyTest;
use Test::More;

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3 minisign));
plan(skip_all => $missing) if $missing;

ProxyTest::start();

my $relay = AttestTest->new(fresh_tpm => 0);
my $RESOURCE = '/.well-known/ohttp-gateway';
my $cert = $relay->path('relay.pem');
my $plan = $relay->path('plan');
my $seen = $relay->path('seen');
my ($signed, %pub) = ($t->path('client/signed.json'));

signed();
start_relay();

test_signed();
test_unsigned();
test_replaced();
test_relay();
test_relay_answers();
test_relay_certificate();
test_relay_dead();

AttestTest::done();


# ---- who has signed the policy

sub minisign {
    my $out = AttestTest::run_out([ AttestTest::which('minisign'), @_ ]);

    is($?, 0, "minisign $_[0]") or diag($out);
}


# By "a"; "b" is somebody else.
sub signed {
    AttestTest::write_file($signed, AttestTest::read_file($policy));

    for my $name (qw(a b)) {
        $pub{$name} = $t->path("client/$name.pub");
        minisign('-G', '-W', '-p', $pub{$name}, '-s',
            $t->path("client/$name.key"));
    }

    minisign('-S', '-s', $t->path('client/a.key'), '-m', $signed);
    chmod 0644, values %pub, "$signed.minisig";
}


sub report {
    my ($url) = @_;
    my ($status, $body) = curl("$url/?format=json");
    my $report = eval { JSON::PP::decode_json($body) } // {};

    return $report->{upstreams}{peers}[0] // {};
}


# nginx reads copies of the policy, its signature and the key.
sub test_signed {
    my ($name, $url) = proxy('--policy', $signed, '--policy-key', $pub{a});
    my ($status) = chat($url, 'signed');
    my $peer = report($url);

    is($status, 200, 'signed: chat') or diag(said($name));
    ok($peer->{verified}, 'signed: verified');
    is($peer->{policy}{file}, 'signed.json', 'signed: which policy');
    ok($peer->{policy}{signed}, 'signed: had to be signed');
    stopped($name);
}


# Nothing is asked, made or started before that is clear.
sub test_unsigned {
    my $other = $t->path('client/other.json');
    my $asked = status_requests();

    AttestTest::write_file($other, AttestTest::read_file($policy) . "\n");

    never('by another key', qr/another key/, '--policy', $signed,
        '--policy-key', $pub{b});
    never('by nobody', qr/other\.json\.minisig/, '--policy', $other,
        '--policy-key', $pub{a});

    AttestTest::write_file("$other.minisig",
        AttestTest::read_file("$signed.minisig"));
    never('another text', qr/other\.json.*(?:signature|signed)/, '--policy',
        $other, '--policy-key', $pub{a});
    never('no key', qr/none\.pub/, '--policy', $signed, '--policy-key',
        $t->path('client/none.pub'));

    is(status_requests(), $asked, 'and the gateway was not asked');
}


sub never {
    my ($what, $why, @args) = @_;
    my ($exit, $out) = refused(@args);

    is($exit, 2, "signed $what: refused");
    like($out, $why, "signed $what: why");
    unlike($out, qr/PASS|TRUSTED|Serving/, "signed $what: nothing is judged");
    nothing_left("signed $what");
}


# Connections for evidence that the gateway has logged.
sub status_requests {
    return scalar(() = AttestTest::read_file($t->path('logs/access.log'))
        =~ m{ /\.well-known/attestation}g);
}


# What is replaced on disk is nobody's concern while it runs, and in its own
# folder it would have to be signed.
sub test_replaced {
    my ($name, $url) = proxy('--policy', $signed, '--policy-key', $pub{a});
    my ($nginx) = nginx_of($name);
    my ($folder) = glob "$tmp/*";
    my $keep = AttestTest::read_file($signed);
    my $weaker = "$keep\n";

    AttestTest::write_file($signed, $weaker);
    is((chat($url, 'replaced'))[0], 200, 'replaced: goes on') or
        diag(said($name));

    AttestTest::write_file("$folder/signed.json", $weaker);
    kill 'HUP', $nginx;
    ok(AttestTest::until_true(20, sub {
        said($name) =~ /signed\.json is not signed by the key of/ }),
        'replaced: a reload refuses it') or diag(said($name));
    is((chat($url, 'reloaded'))[0], 200, 'replaced: and goes on as before');
    is(report($url)->{policy}{sha256}, Digest::SHA::sha256_hex($keep),
        'replaced: by the policy that was signed');
    stopped($name);

    never('and replaced since', qr/signature|signed/, '--policy', $signed,
        '--policy-key', $pub{a});
    AttestTest::write_file($signed, $keep);
}


# ---- a relay

sub start_relay {
    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=relay', '-addext', 'subjectAltName=DNS:localhost',
        '-days', 30, '-keyout', "$cert.key", '-out', $cert ]);
    is($?, 0, 'relay: has a certificate');
    chmod 0644, $cert;

    plan_of({});
    $relay->spawn('between', [ AttestTest::which('python3'),
        "$FindBin::Bin/lib/seal_between.py", $relay->port('between'),
        $t->port('TLS'), $plan, $relay->path('log'), $seen ]);
    AttestTest::wait_port($relay->port('between')) or die "no between\n";

    $relay->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_RELAY%% ssl;
        ssl_certificate $cert;
        ssl_certificate_key $cert.key;
        client_max_body_size 64m;
        location = /relay {
            proxy_pass http://127.0.0.1:%%PORT_between%%$RESOURCE;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }
}
END
    $relay->start();
}


sub plan_of { AttestTest::write_file($plan, JSON::PP::encode_json($_[0])) }


sub relay_url { return 'https://localhost:' . $relay->port('RELAY') . '/relay' }


sub relayed { return scalar(() = AttestTest::read_file($seen) =~ /^POST /mg) }


sub test_relay {
    my ($name, $url) = proxy('--relay', relay_url(), '--relay-ca', $cert);
    my $canary = 'CANARY-7f3a';
    my $before = relayed();
    my ($status, $body) = chat($url, "$canary by relay",
        fields => [ "Authorization: Bearer $canary-key" ]);

    is($status, 200, 'relay: chat') or diag($body, said($name));
    like($body, qr/\Q$canary\E by relay/, 'relay: its answer');
    like($t->backend_raw(), qr/\Q$canary\E by relay/,
        'relay: the gateway has got the prompt');

    ($status, $body) = chat($url, "$canary streams", stream => \1);
    is($status, 200, 'relay: stream');
    like($body, qr/^data: \[DONE\]/m, 'relay: the stream is whole');

    ($status, $body) = curl("$url/v1/models");
    is($status, 200, 'relay: models');

    my $all = AttestTest::read_file($seen);
    is(relayed() - $before, 3, 'relay: all went through it');
    cmp_ok(length $all, '>', 3000, 'relay: and was kept there');
    unlike($all, qr{CANARY|You said|\[DONE\]|"data"|/v1/|Bearer},
        'relay: which has seen nothing of it');
    like($all, qr{^content-type: message/ohttp-chunked-req}mi,
        'relay: but what is sealed');
    unlike(AttestTest::read_file($t->path('logs/access.log')),
        qr{"POST /v1/}, 'relay: nothing went past it');

    stopped($name);
    unlike(said($name), qr/CANARY/, 'relay: nothing of a prompt is shown');
}


# Somebody who answers in the gateway's place.
sub test_relay_answers {
    my ($name, $url) = proxy('--relay', relay_url(), '--relay-ca', $cert);

    plan_of({ status => 200, fields => [ [ 'Content-Type',
        'application/json' ] ], body => '{"choices":[{"lie":1}]}' });
    my ($status, $body) = chat($url, 'answered by whom');

    is($status, 502, 'relay answers: an error');
    unlike($body, qr/lie/, 'relay answers: and not its answer');
    like($body, qr/"error"/, 'relay answers: as clients know errors');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /to a sealed request was not sealed/ }),
        'relay answers: it is said') or diag(said($name));

    plan_of({ status => 429, fields => [ [ 'Retry-After', '7' ] ],
        body => 'slow down' });
    ($status, $body) = curl('-i', '-d', '{}', "$url/v1/chat/completions");
    is($status, 429, 'relay refuses: passed on');
    like($body, qr/^attest-seal: unauthenticated/mi,
        'relay refuses: as an error of nobody') or diag($body);

    plan_of({ cut => -9 });
    ($status, $body) = chat($url, 'cut', stream => \1);
    unlike($body, qr/\[DONE\].*\n0\z/s, 'relay cuts: it shows');
    plan_of({ flip => 60 });
    ($status, $body) = chat($url, 'flipped');
    unlike($body, qr/You said/, 'relay changes a bit: no answer');

    plan_of({});
    is((chat($url, 'honest again'))[0], 200, 'relay is honest: served');
    stopped($name);
}


# A relay that is not the one that was meant gets nothing.
sub test_relay_certificate {
    my $ca = $relay->path('other.pem');

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=other', '-days', 30, '-keyout', "$ca.key", '-out',
        $ca ]);
    chmod 0644, $ca;

    my $before = relayed();
    my ($name, $url) = proxy('--relay', relay_url(), '--relay-ca', $ca);
    is((chat($url, 'to whom'))[0], 502, 'relay by nobody: refused');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /the relay has a certificate that no authority/ }),
        'relay by nobody: it is said') or diag(said($name));
    is(relayed(), $before, 'relay by nobody: has got nothing');
    stopped($name);

    my ($exit, $out) = refused('--relay', relay_url(), '--relay-ca',
        '/nowhere');
    is($exit, 2, 'no such CA: refused');
    like($out, qr/--relay-ca/, 'no such CA: why');
    ($exit, $out) = refused('--relay-ca', $ca);
    is($exit, 2, 'a CA without a relay: refused');
}


# The gateway is there, and nobody gets through to it.
sub test_relay_dead {
    $relay->stop();

    my ($name, $url) = proxy('--relay', relay_url(), '--relay-ca', $cert);
    my ($status, $body) = chat($url, 'CANARY-7f3a to nobody');

    is($status, 502, 'dead relay: an error');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /the relay takes no connections/ }),
        'dead relay: it is said') or diag(said($name));
    unlike(said($name), qr/the gateway takes|CANARY/, 'dead relay: and whose '
        . 'fault it is');

    $relay->start();
    is((chat($url, 'alive'))[0], 200, 'relay is back: served again');
    stopped($name);
}
