# SPDX-License-Identifier: Apache-2.0

# A gateway behind somebody else's TLS, as that of a content delivery network:
# a real nginx ends it, and is asked anew.  The policy wants no exporter, so
# the verdict is about the keys for prompts, and nothing but what is sealed for
# them is sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use JSON::PP qw(decode_json encode_json);
use SealTest ();
use Test::More;
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $CANARY = $AttestTest::CANARY;
my $TYPE = 'urn:ngx-attest:problem:';

my $gw = VerifyTest::gateway(server => SealTest::gateway_conf());
my $cdn = cdn();
my $cl = VerifyTest::client($gw, policy => policy(), http => groups(),
    server => locations());

AttestTest::write_file($cl->path('strict.json'),
    AttestTest::read_file($gw->policy()));
$cl->start();

test_ohttp();
test_ehbp();
test_clear();
test_direct();
test_told();
test_strict();
test_restart();
test_authority();

$_->stop() for $cl, $cdn, $gw;
AttestTest::done();


# Fresh evidence, by a nonce, and of no connection.
sub policy {
    my $p = decode_json(AttestTest::read_file($gw->policy()));

    $p->{require_exporter} = JSON::PP::false;
    return encode_json($p);
}


sub certificate {
    my ($t, $name) = @_;

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
        '-days', '2', '-keyout', $t->path("$name.key"),
        '-out', $t->path("$name.pem") ]);
}


sub cdn {
    my $t = AttestTest->new(canary => 0);
    my $to = '127.0.0.1:' . $gw->port('TLS');

    certificate($t, $_) for qw(cdn other);
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    log_format all '\$request_method \$uri auth=\$http_authorization '
        'body=\$request_body';
    access_log %%DIR%%/logs/all.log all;
    server {
        listen 127.0.0.1:%%PORT_A%% ssl;
        listen 127.0.0.1:%%PORT_B%% ssl;
        server_name localhost;
        ssl_certificate %%DIR%%/cdn.pem;
        ssl_certificate_key %%DIR%%/cdn.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {
            proxy_pass https://$to;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header Connection "";
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_ssl_protocols TLSv1.3;
            proxy_buffering off;
        }
    }
}
END
    $t->start();
    return $t;
}


sub groups {
    my ($one, $two) = map { "127.0.0.1:" . $cdn->port($_) } qw(A B);

    return <<"END";
    upstream gw { server $one; server $two; attest_verify %%POLICY%%;
        keepalive 4; }
    upstream direct { server %%GW%%; attest_verify %%POLICY%%; }
    upstream strict { server $one; attest_verify %%DIR%%/strict.json; }
    proxy_ssl_protocols TLSv1.3;
END
}


sub locations {
    my $text = '';
    my %seal = (
        ohttp => [ 'gw', 'attest_seal ohttp;' ],
        ehbp => [ 'gw', 'attest_seal ehbp; ' . known('cdn') ],
        unknown => [ 'gw', 'attest_seal ehbp;' ],
        other => [ 'gw', 'attest_seal ehbp; ' . known('other') ],
        clear => [ 'gw', known('cdn') ],
        direct => [ 'direct', '' ],
        sealed => [ 'direct', 'attest_seal ehbp;' ],
        strict => [ 'strict', 'attest_seal ohttp;' ]);

    for (sort keys %seal) {
        $text .= <<"END";
        location /$_/ {
            $seal{$_}[1]
            proxy_set_header Host inside.test;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer of-the-caller";
            proxy_pass https://$seal{$_}[0]/;
        }
END
    }

    return "$text location = /report { attest_report; }\n";
}


sub known {
    return 'proxy_ssl_verify on; proxy_ssl_trusted_certificate '
        . $cdn->path("$_[0].pem") . ';';
}


sub ask {
    my ($path, %o) = @_;

    return $cl->get($path, plain => 1, port => $cl->port(''), %o);
}


sub post { return ask($_[0], method => 'POST', body => $_[1]) }


# What the one in between was sent, but for questions for evidence.
sub between {
    return join '', grep { !m{/\.well-known/(?:attestation|hpke-keys)} }
        map { "$_\n" } split /\n/,
        AttestTest::read_file($cdn->path('logs/all.log'));
}


sub refused {
    my ($what, $r) = @_;

    is($r->{status}, 500, "$what: 500");
    is((AttestTest::json($r) || {})->{type}, "${TYPE}tls-elsewhere",
        "$what: a problem of its own");
}


sub test_ohttp {
    for (1 .. 3) {
        my $r = post('/ohttp/echo', "$CANARY ohttp $_");

        is($r->{status}, 200, 'sealed by Oblivious HTTP') or diag($r->{body});
        is($r->{body}, "$CANARY ohttp $_", 'comes back');
    }

    like(between(), qr{^POST /\.well-known/ohttp-gateway auth=- }m,
        'went by way of the one in between');
    unlike(between(), qr/$CANARY|of-the-caller/,
        'who read nothing of it, nor a credential');
}


sub test_ehbp {
    my $r = post('/ehbp/echo', "$CANARY ehbp");

    is($r->{status}, 200, 'sealed by EHBP') or diag($r->{body});
    is($r->{body}, "$CANARY ehbp", 'comes back');
    unlike(between(), qr/body=.*$CANARY/, 'its body was not read');
    like(between(), qr{^POST /echo auth=Bearer of-the-caller }m,
        'its fields were, by an end that an authority knows');
}


# None of it costs the peer its place.
sub test_clear {
    my $before = between();

    for (1 .. 3) {
        refused('not sealed', post('/clear/clear', "$CANARY in clear"));
        refused('EHBP without a body', ask('/ehbp/request'));
        refused('EHBP, and nobody knows the end',
            post('/unknown/echo', "$CANARY"));
    }

    is(between(), $before, 'nothing of these was sent');
    is(post('/ohttp/echo', 'x')->{status}, 200, 'others go on');

    my $log = $cl->error_log();
    like($log, qr/TLS of upstream "gw" ends elsewhere, a request $_/, 'log')
        for 'without "attest_seal" is not sent', 'without a body, which EHBP',
        'whose fields EHBP leaves in clear, without "proxy_ssl_verify on"';
}


# Also on connections that others have made, who did not ask for one.
sub test_authority {
    is(post('/ohttp/echo', 'x')->{status}, 200, 'a connection is kept')
        for 1 .. 4;

    my $before = between();

    is(post('/other/echo', $CANARY)->{status}, 502,
        'an end that no authority knows is refused') for 1 .. 3;
    is(between(), $before, 'and gets nothing');
    $cl->allow(qr/upstream SSL certificate verify error/);
}


# The policy is no reason to think less of a gateway that ends TLS itself.
sub test_direct {
    is(post('/direct/clear', 'in clear')->{status}, 200,
        'a gateway that ends TLS gets what is not sealed');
    is(post('/sealed/echo', $CANARY)->{body}, $CANARY, 'and what is');
    is(ask('/sealed/request')->{status}, 200, 'also without a body');
    is(VerifyTest::peer($cl, 'direct')->{keys_only}, JSON::PP::false(),
        'status: its key was verified');
}


sub test_told {
    my @peers = grep { $_->{upstream} eq 'gw' }
        @{ VerifyTest::status($cl)->{upstreams} };

    ok(@peers, 'status: peers');
    for (@peers) {
        is($_->{verdict}, 'trusted', 'status: trusted');
        is($_->{keys_only}, JSON::PP::true(), 'status: for its keys alone');
        is($_->{exporter}, JSON::PP::false(), 'status: no exporter');
    }

    like($cl->error_log(), qr/"gw" is trusted: .*; TLS ends elsewhere, the /,
        'log: the same');
    like(ask('/report')->{body}, qr/somebody else ends TLS, and nothing is/,
        'the report says it');

    my $json = AttestTest::json(ask('/report',
        headers => [ 'Accept: application/json' ]));
    ok((grep { $_->{keys_only} } @{ $json->{upstreams}{peers} }),
        'for machines, too');
}


sub test_strict {
    my $before = between();
    my $r = post('/strict/echo', $CANARY);

    is($r->{status}, 502, 'a policy that wants the exporter is not met');
    is(AttestTest::json($r)->{type}, "${TYPE}upstream-unverified", 'its type');
    is(between(), $before, 'nothing was sent');
}


# All keys are others, but that of the end of TLS.
sub test_restart {
    $gw->stop();
    $gw->start();
    $cdn->allow(qr/upstream/);

    for my $form (qw(ohttp ehbp)) {
        my $r = post("/$form/echo", "$CANARY again");

        is($r->{status}, 200, "$form: the gateway was restarted")
            or diag($cdn->error_log(), $cl->error_log());
        is($r->{body}, "$CANARY again", 'and nothing is lost');
    }
}
