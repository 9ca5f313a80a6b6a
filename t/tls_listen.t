# SPDX-License-Identifier: Apache-2.0

# Whether a server has TLS is said by the addresses that it listens on, not by
# what it inherits from http{}.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl))) {
    plan skip_all => $why;
}

my $t = AttestTest->new();
my ($cert, $key) = map { $t->path("own.$_") } qw(crt key);

AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=own', '-days', '2',
    '-keyout', $key, '-out', $cert ]);
$t->swtpm();

my $OWN = "ssl_certificate $cert; ssl_certificate_key $key;";
my $SHARED = "$OWN ssl_session_cache shared:S:1m;";
my $NOT_FOR_US = "$SHARED ssl_protocols TLSv1.2; ssl_early_data on;"
    . " ssl_session_tickets on;";
my $PLACES = 'location = /e { attest_evidence; }'
    . ' location = /c { return 200 "content\n"; }';


sub conf {
    my ($http, @servers) = @_;
    my $servers = join '', map { "    server { $_ $PLACES }\n" } @servers;

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $http
$servers
}
END
}


sub accepted {
    my ($what, @conf) = @_;

    conf(@conf);
    my ($ok, $out) = $t->test_conf();
    ok($ok, $what) or diag($out);
    return $out;
}


sub refused {
    my ($what, $re, @conf) = @_;

    conf(@conf);
    my ($ok, $out) = $t->test_conf();
    ok(!$ok, "$what: refused");
    like($out, $re, "$what: by this name");
}


# Not every port of this test is in every configuration.
sub up {
    my ($port) = @_;

    $t->start(nowait => 1);
    AttestTest::wait_port($t->port($port), 40) && $t->workers()
        or AttestTest::until_true(40, sub { $t->workers() })
        or die "nginx does not start\n";
}


sub status {
    my ($path, $port, @more) = @_;

    return $t->get($path, port => $t->port($port), @more)->{status};
}


# Messages of configurations that are only tested.
$t->allow(qr/\[emerg\].*(?:in the attested server in|no "ssl_certificate")/);

subtest 'a server without TLS inherits none' => sub {
    my $out = accepted('all of it inherited', $NOT_FOR_US,
        'listen 127.0.0.1:%%PORT_PLAIN%%;',
        'listen 127.0.0.1:%%PORT_TLS%% ssl; attest_certificate on;'
        . ' ssl_session_cache none; ssl_protocols TLSv1.3;'
        . ' ssl_early_data off;');

    unlike($out, qr/\[warn\]/, 'without a warning');
    up('PLAIN');
    is(status('/c', 'PLAIN', plain => 1), 200, 'content');
    is(status('/e', 'PLAIN', plain => 1), 200, 'evidence');
    is(status('/c', 'TLS'), 200, 'content of the other by TLS');
    $t->stop();

    accepted('variables', 'ssl_certificate $uri; ssl_certificate_key $uri;',
        'listen 127.0.0.1:%%PORT_PLAIN%%;');
    accepted('not the default server', $NOT_FOR_US,
        'listen 127.0.0.1:%%PORT_PLAIN%% default_server; server_name a;',
        'listen 127.0.0.1:%%PORT_PLAIN%%; server_name b;');

    like(accepted('a certificate for nobody', '',
        'listen 127.0.0.1:%%PORT_PLAIN%%; attest_certificate on;'),
        qr/\[warn\].*"attest_certificate on" has no effect/, 'is said');
    up('PLAIN');
    is(status('/c', 'PLAIN', plain => 1), 200, 'content');
    $t->stop();
};


subtest 'a server with TLS does' => sub {
    my $tls = 'listen 127.0.0.1:%%PORT_TLS%% ssl;';
    my $on = "$tls attest_certificate on;";

    refused('a session cache', qr/"ssl_session_cache" conflicts/, $SHARED,
        $on);
    refused('0-RTT', qr/"ssl_early_data on" conflicts/,
        'ssl_early_data on;', $on);
    refused('no certificate', qr/no "ssl_certificate"/,
        '', $tls);
    refused('by a neighbour on the same address',
        qr/"ssl_early_data on" conflicts/, 'ssl_early_data on;',
        "$tls server_name a; attest_certificate on; ssl_early_data off;",
        'listen 127.0.0.1:%%PORT_TLS%%; server_name b; '
        . 'attest_certificate on;');

    for my $value (qw(none off)) {
        accepted("ssl_session_cache $value overrides", $SHARED,
            "$on ssl_session_cache $value;");
    }

    up('TLS');
    is(status('/c', 'TLS'), 200, 'and works');
    $t->stop();

    accepted('on an address that another has made TLS', '', $on .
        ' server_name a;', 'listen 127.0.0.1:%%PORT_TLS%%; server_name '
        . 'localhost; attest_certificate on;');
    up('TLS');
    is(status('/c', 'TLS'), 200, 'content');
    $t->stop();
};


subtest '"ssl on" of the versions that have it' => sub {
    plan skip_all => 'gone in 1.25.1'
        if AttestTest::nginx_version() >= 1025001;

    unlike(accepted('"ssl on"', '', 'listen 127.0.0.1:%%PORT_TLS%%; ssl on;'
        . ' attest_certificate on;'), qr/no effect/, 'is TLS');
    up('TLS');
    is(status('/c', 'TLS'), 200, 'content');
    $t->stop();
};


subtest 'with and without TLS in one server' => sub {
    my $tls = 'listen 127.0.0.1:%%PORT_TLS%% ssl; attest_certificate on;';
    my $port = $t->port('PLAIN');

    for my $address ("127.0.0.1:$port", "unix:$t->{dir}/socket") {
        like(accepted($address, '', "listen $address; $tls"),
            qr/\[warn\].*"listen \Q$address\E" without TLS.*421/,
            'nginx -t says what will become of it');
    }

    conf('', "listen 127.0.0.1:$port; $tls");
    up('PLAIN');
    is(status('/c', 'PLAIN', plain => 1), 421, 'as it does');
    is(status('/c', 'TLS'), 200, 'and the other is served');
    $t->stop();

    unlike(accepted('two servers', '', $tls,
        "listen 127.0.0.1:$port; server_name other;"), qr/\[warn\]/,
        'is no reason for a warning');
};

$t->finish();
done_testing();
