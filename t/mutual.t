# SPDX-License-Identifier: Apache-2.0

# Evidence of clients: a server that wants it of them, by a policy and nothing
# else, and a group of backends that is shown this instance's certificate.
# One nginx plays both sides here.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl curl python3));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();
my ($policy, $other, $both, $aged) = map { $t->path("$_.json") }
    qw(policy other both aged);

$t->swtpm();
$t->backend();
$t->fake_clock();
own_certificate('server');
own_certificate('client');
write_conf('');
$t->start();
policies();
write_conf(wanting());
ok($t->reload(), 'reload with a policy for clients');

my $key = key_id();

test_trusted();
test_both();
test_refused();
test_misdirected();
test_no_session();
test_renewed();
test_expired();
test_expired_h2();
test_no_evidence();
test_configuration();

AttestTest::done();


# $more: the servers that want evidence, and the groups that lead to them.
sub write_conf {
    my ($more) = @_;

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    log_format judged '\$server_name \$status verdict=\$attest_client_verdict '
        'root=\$attest_client_root_of_trust key=\$attest_client_key_id '
        'verify=\$ssl_client_verify why=\$attest_client_why uri=\$uri '
        'connection=\$connection \$server_protocol';

    attest_tpm %%TCTI%%;
    attest_lifetime 10m;
    $more

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /attest-status { attest_status; }
        location / { proxy_pass http://%%BACKEND%%; }
        @{[ $more eq '' ? '' : fronts() ]}
    }
}
END
}


sub fronts {
    my $tls = <<'END';
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
END

    return <<"END";
        location /peer {
            proxy_pass https://peer;
$tls        }
        location /peer/own {
            proxy_pass https://peer;
            proxy_ssl_certificate %%DIR%%/client.pem;
            proxy_ssl_certificate_key %%DIR%%/client.key;
$tls        }
        location /silent {
            proxy_pass https://silent;
$tls        }
        location /both {
            proxy_pass https://both;
            proxy_ssl_protocols TLSv1.3;
$tls        }
        location /unproven {
            proxy_pass https://unproven;
            proxy_ssl_protocols TLSv1.2 TLSv1.3;
$tls        }
        location /other {
            proxy_pass https://other;
$tls        }
        location /aged {
            proxy_pass https://aged;
$tls        }
        location /aged_h2 {
            grpc_pass grpcs://aged_h2;
            grpc_ssl_server_name on;
            grpc_ssl_name localhost;
            grpc_set_header Host localhost;
        }
        location /plain { proxy_pass http://peer; }
END
}


sub wanting {
    my $server = <<"END";
        ssl_certificate %%DIR%%/server.pem;
        ssl_certificate_key %%DIR%%/server.key;
        ssl_session_cache shared:sessions:1m;
        ssl_session_tickets on;
        access_log %%DIR%%/logs/judged.log judged;
END

    return <<"END";
    upstream peer {
        server 127.0.0.1:%%PORT_PEER%%;
        keepalive 4;
        attest_present on;
    }
    upstream silent {
        server 127.0.0.1:%%PORT_PEER%%;
        keepalive 4;
    }
    upstream both {
        server 127.0.0.1:%%PORT_BOTH%%;
        keepalive 4;
        attest_verify $both;
        attest_present on;
    }
    upstream unproven {
        server 127.0.0.1:%%PORT_PEER%%;
        attest_verify $both;
        attest_present on;
    }
    upstream aged {
        server 127.0.0.1:%%PORT_AGED%%;
        keepalive 4;
        attest_present on;
    }
    upstream aged_h2 {
        server 127.0.0.1:%%PORT_AGED%%;
        keepalive 4;
        attest_present on;
    }
    upstream other {
        server 127.0.0.1:%%PORT_OTHER%%;
        attest_present on;
    }

    server {
        listen 127.0.0.1:%%PORT_PEER%% ssl http2;
        server_name localhost;
$server
        attest_verify_client $policy;
        error_page 403 =200 /open;
        location / {
            return 200 "\$connection \$attest_client_verdict
                \$attest_client_root_of_trust \$attest_client_key_id
                \$ssl_client_verify";
        }
    }

    server {
        listen 127.0.0.1:%%PORT_PEER%% ssl;
        server_name open.test;
$server
        location / { return 200 "open \$attest_client_verdict\\n"; }
    }

    server {
        listen 127.0.0.1:%%PORT_BOTH%% ssl;
        server_name localhost;
        attest_certificate on;
        attest_verify_client $policy;
        location = /.well-known/attestation { attest_evidence; }
        location / { return 200 "both \$attest_client_verdict"; }
    }

    server {
        listen 127.0.0.1:%%PORT_AGED%% ssl http2;
        server_name localhost;
$server
        attest_verify_client $aged;
        location / { return 200 "\$connection"; }
    }

    server {
        listen 127.0.0.1:%%PORT_OTHER%% ssl;
        server_name localhost;
$server
        attest_verify_client $other;
        location / { return 200 "other\\n"; }
    }
END
}


sub own_certificate {
    my ($name) = @_;
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'req',
        '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-subj', '/CN=localhost', '-days', '2',
        '-keyout', $t->path("$name.key"), '-out', $t->path("$name.pem") ]);
    die $out if $?;
}


# By the first one our own evidence is trusted, without a nonce; by the other
# one that of another TPM would be.  $both is for endpoints: with a nonce.
sub policies {
    my $p = decode_json(AttestTest::read_file($t->policy()));

    delete $p->{config};
    AttestTest::write_file($both, encode_json($p));

    $p->{$_} = JSON::PP::false for qw(require_nonce require_exporter
        require_ek require_eventlog);
    AttestTest::write_file($policy, encode_json($p));

    AttestTest::write_file($aged, encode_json({ %$p, max_age => 200 }));

    $p->{ak} = [ '000b' . '12' x 32 ];
    AttestTest::write_file($other, encode_json($p));
}


sub key_id {
    my (undef, $out) = $t->attest('verify', $t->url(), '--json', '--policy',
        $policy);
    my $json = decode_json($out);

    is($json->{verdict}, 'trusted', 'the policy is for this gateway')
        or diag($out);
    return $json->{tls_key_sha256};
}


sub judged {
    my ($re) = @_;

    return ok(AttestTest::until_true(10, sub {
        return AttestTest::read_file($t->path('logs/judged.log')) =~ $re;
    }), "log: $re") || diag(AttestTest::read_file($t->path('logs/judged.log')));
}


sub refused {
    my ($what, $r, $re) = @_;

    is($r->{status}, 403, "$what: 403");
    like($r->{body}, qr/"type":"urn:ngx-attest:problem:client-evidence"/,
        "$what: its type");
    like($r->{body}, $re, "$what: its detail") or diag($r->{body});
}


sub direct {
    my ($path, %o) = @_;

    return $t->get($path, port => $t->port('PEER'), %o);
}


sub with_own_certificate {
    return (curl => [ '--cert', $t->path('client.pem'), '--key',
        $t->path('client.key') ]);
}


sub test_trusted {
    my $r = $t->get('/peer');

    is($r->{status}, 200, 'evidence of ours') or diag($t->error_log());
    like($r->{body}, qr/^\d+\ trusted\s+[\w-]+\ $key\s+SUCCESS$/,
        'is judged, and told');
    judged(qr/200 verdict=trusted root=[\w-]+ key=$key .* why=every check/);

    my $again = $t->get('/peer');

    is((split ' ', $again->{body})[0], (split ' ', $r->{body})[0],
        'the connection is kept');
    is($t->get('/peer/own')->{status}, 200,
        'it stands before a certificate of the location');
    is($t->get('/plain')->{status}, 500, 'a group that presents needs TLS');
    like($t->error_log(), qr/"peer" has "attest_present on" and is not used/,
        'and says so');
    $t->allow(qr/is not used without TLS/);
}


# Who verifies shows evidence, too: also the thread that appraises.
sub test_both {
    my $r = $t->get('/both');

    is($r->{status}, 200, 'each side wants evidence') or diag($r->{body});
    is($r->{body}, 'both trusted', 'and gets it');

    # to present is no reason not to verify
    $r = $t->get('/unproven');

    is($r->{status}, 502, 'a peer without evidence gets no request')
        or diag($r->{body});
    unlike(AttestTest::read_file($t->path('logs/judged.log')), qr/unproven/,
        'nothing of it');
}


sub test_refused {
    refused('no certificate', $t->get('/silent'), qr/has shown no cert/);
    refused('directly', direct('/x'), qr/has shown no certificate/);
    refused('over HTTP/2', direct('/x', curl => [ '--http2' ]),
        qr/has shown no certificate/);
    refused('a body, too', direct('/x', method => 'POST',
        body => 'x' x 100_000), qr/has shown no certificate/);

    refused('a certificate without evidence', direct('/x',
        with_own_certificate()), qr/is not what this server wants/);
    judged(qr/403 verdict=undecided root=- key=[0-9a-f]{64} verify=FAILED:/);
    like($t->error_log(), qr/a client's evidence is refused, undecided: /,
        'log: why');

    refused('evidence of another machine', $t->get('/other'),
        qr/is not what this server wants/);
    judged(qr/403 verdict=not\ trusted root=- key=$key /);
}


# nginx goes by the Host field, the handshake by SNI.
sub test_misdirected {
    my @to = ('--connect-to', '::127.0.0.1:' . $t->port('PEER'));

    like(direct('/x', headers => [ 'Host: open.test' ],
        with_own_certificate())->{body}, qr/^open $/,
        'another server of the address wants none, and is told nothing');

    my $out = AttestTest::run_out([ AttestTest::which('curl'), '-q', '-sk',
        @to, '-H', 'Host: localhost', '-w', ' %{http_code}',
        'https://open.test/' ]);
    like($out, qr/Misdirected.* 421$/s, 'a connection to another server');
}


sub test_no_session {
    for my $version (qw(-tls1_2 -tls1_3)) {
        my $out = AttestTest::run_out([ AttestTest::which('openssl'),
            's_client', '-connect', '127.0.0.1:' . $t->port('PEER'),
            '-servername', 'localhost', $version, '-reconnect' ]);

        cmp_ok(scalar(() = $out =~ /^New, /mg), '>', 0, "$version: connects");
        unlike($out, qr/^Reused, /m, "$version: resumes nothing");
    }
}


# A kept connection has shown the certificate of before.
sub test_renewed {
    my ($before) = split ' ', $t->get('/peer')->{body};

    renewed(450);

    my ($after, $verdict) = split ' ', $t->get('/peer')->{body};

    isnt($after, $before, 'has a connection of its own');
    is($verdict, 'trusted', '  it is judged');
}


sub clients {
    return AttestTest::json($t->get('/attest-status'))->{clients};
}


# The client's nginx keeps its connection: by its own count it is young.
sub test_expired {
    my $first = $t->get('/aged');

    is($first->{status}, 200, 'young evidence')
        or diag(AttestTest::read_file($t->path('logs/judged.log')));
    is($t->get('/aged')->{body}, $first->{body}, 'on a connection that stays');

    my $before = clients();

    $t->pass_time(220);
    refused('evidence that got too old on it', $t->get('/aged'),
        qr/has expired: connect again/);
    refused('and again, on a new one', $t->get('/aged'),
        qr/is not what this server wants/);

    my $after = clients();

    is($after->{refused_expired} - $before->{refused_expired}, 1,
        'status: what has expired');
    is($after->{refused_evidence} - $before->{refused_evidence}, 1,
        'status: what is not accepted');
    is($after->{judged} - $before->{judged}, 1, 'status: what was judged');
    is($after->{trusted}, $before->{trusted}, 'status: not trusted');

    $t->get('/silent');
    is(clients()->{refused_missing} - $after->{refused_missing}, 1,
        'status: nothing was shown');
    like($t->get('/attest-status?format=prometheus')->{body},
        qr/^ngx_attest_client_refused_total\{reason="expired"\} 1$/m,
        'metrics');
}


# The connections of the requests so far, as the server has them.
sub connections {
    my @c = AttestTest::read_file($t->path('logs/judged.log'))
        =~ m{ uri=/aged_h2 connection=(\d+) HTTP/2\.0$}mg;

    return @c;
}


sub renewed {
    $t->mark_log();
    $t->pass_time($_[0]);
    return ok($t->wait_log(qr/attest: generation \d+/, 30), 'new evidence');
}


# HTTP/2 has no "close" in an answer: who asks once more is told to leave.
sub test_expired_h2 {
    renewed(300);

    my @r = map { $t->get('/aged_h2') } 1, 2;

    is($r[$_]{status}, 200, 'HTTP/2: young evidence') for 0, 1;
    is($r[1]{body}, $r[0]{body}, 'on a connection that stays');

    $t->pass_time(220);
    refused('evidence that got too old on it', $t->get('/aged_h2'),
        qr/has expired: connect again/);
    refused('and once more', $t->get('/aged_h2'),
        qr/has expired: connect again/);
    refused('a new connection is judged anew', $t->get('/aged_h2'),
        qr/is not what this server wants/);
    judged(qr{ 403 \ verdict=not\ trusted .*
        uri=/aged_h2\ connection=\d+\ HTTP/2}x);

    renewed(300);
    is($t->get('/aged_h2')->{status}, 200, 'and accepted with new evidence');

    # a request is logged when its answer is gone
    ok(AttestTest::until_true(10, sub { return connections() == 6 }),
        'six requests');

    my ($first, @all) = connections();

    is("@all[0 .. 2]", "$first $first $first", 'refused where it was');
    isnt($all[3], $first, 'until that connection was left');
    isnt($all[4], $all[3], 'and the next one has other evidence');
}


sub test_no_evidence {
    $t->stop_swtpm();
    $t->allow(qr/attest: /);
    $t->pass_time(1200);
    is($t->get('/peer')->{status}, 0, 'no evidence: nothing is served');
    refused('nor is another', direct('/x'), qr/has shown no certificate/);
}


sub test_configuration {
    my $ssl = "listen 127.0.0.1:%%PORT_PEER%% ssl; ssl_certificate "
        . "%%DIR%%/server.pem; ssl_certificate_key %%DIR%%/server.key;";
    my $strict = $t->path('client/policy.json');

    AttestTest::write_file($t->path('garbage'), "{}x");

    for ([ 'a CA, too', "$ssl ssl_verify_client optional_no_ca; "
            . "attest_verify_client $policy;",
            qr/"attest_verify_client" conflicts with "ssl_verify_client" in/ ],
        [ 'early data', "$ssl ssl_early_data on; "
            . "attest_verify_client $policy;",
            qr/conflicts with "ssl_early_data on" in/ ],
        [ 'no TLS', "listen 127.0.0.1:%%PORT_PEER%%; "
            . "attest_verify_client $policy;",
            qr/conflicts with a server without "listen ... ssl"/ ],
        [ 'twice', "$ssl attest_verify_client $policy; "
            . "attest_verify_client $policy;", qr/is duplicate/ ],
        [ 'no such file', "$ssl attest_verify_client none.json;",
            qr/"attest_verify_client": cannot open .*none\.json/ ],
        [ 'no policy', "$ssl attest_verify_client %%DIR%%/garbage;",
            qr/"attest_verify_client": policy .*garbage: / ],
        [ 'no signature', "$ssl attest_verify_client $policy "
            . "key=%%DIR%%/garbage;",
            qr/"attest_verify_client": .*is not a minisign public key/ ],
        [ 'another word', "$ssl attest_verify_client $policy deep;",
            qr/invalid parameter "deep" in "attest_verify_client"/ ],
        [ 'what no certificate proves', "$ssl attest_verify_client $strict;",
            qr/cannot prove what ".*" demands: "require_nonce"/ ],
        [ 'nothing to present', "$ssl } upstream u { server 127.0.0.1:1; "
            . 'attest_present on;',
            qr/"attest_present on" in upstream "u" needs "attest_certi/ ],
        [ 'a value that is none', "$ssl } upstream u { server 127.0.0.1:1; "
            . 'attest_present yes;', qr/invalid value "yes" in "attest_pre/ ])
    {
        my ($what, $text, $re) = @$_;

        $t->write_conf("%%GLOBALS%%\nevents {}\nhttp {\n%%HTTP%%\n"
            . "server {\n$text\n}\n}\n");
        my ($ok, $out) = $t->test_conf();
        ok(!$ok, "nginx -t: $what");
        like($out, $re, '  says why');
    }
}
