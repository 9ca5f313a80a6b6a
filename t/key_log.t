# SPDX-License-Identifier: Apache-2.0

# Modules, and builds of nginx, that write the secrets of TLS connections to a
# file: not in attested servers, and not of verified groups.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm openssl))) {
    plan skip_all => $why;
}

my $t = AttestTest->new();
my $module = $t->path('keylog_module.so');

AttestTest::compile_module('keylog_module', $module)
    or plan skip_all => 'no headers of nginx to build a module with';

my $THEIRS = $t->path('plain');

AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=plain', '-days', '2',
    '-keyout', "$THEIRS.key", '-out', "$THEIRS.crt" ]);
$t->allow(qr/PRIVATE KEY/);         # the operator's own file
$t->swtpm();


# Theirs first: what they set is there when we look.
sub conf {
    my (%o) = @_;
    my ($attested, $plain, $gw, $open) =
        map { $_ // '' } @o{qw(attested plain gw open)};
    my $text = <<"END";
load_module $module;
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    upstream gw { server 127.0.0.1:9; attest_verify %%DIR%%/policy.json; }
    upstream open { server 127.0.0.1:9; }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name attested;
        attest_certificate on;
        $attested
    }
    server {
        listen 127.0.0.1:%%PORT_OTHER%% ssl;
        server_name plain;
        ssl_certificate $THEIRS.crt;
        ssl_certificate_key $THEIRS.key;
        $plain
        location /gw { proxy_ssl_verify_depth 2; $gw proxy_pass https://gw; }
        location /open { proxy_ssl_verify_depth 3; $open
            proxy_pass https://open; }
    }
}
END

    $t->write_conf($text);
    return $t->test_conf();
}


AttestTest::write_file($t->path('policy.json'),
    '{"version": 1, "roots_of_trust": ["software"], "pcrs": {"sha256": {"0": "'
    . '0' x 64 . '"}}}');

my ($ok, $out) = conf(plain => 'double_key_log on;',
    open => 'double_proxy_key_log on;');
ok($ok, 'elsewhere it is nobody\'s business') or diag($out);

($ok, $out) = conf(attested => 'double_key_log on;');
ok(!$ok, 'an attested server: refused');
like($out, qr/"ssl_key_log" conflicts with attestation.*: the secrets/,
    'which is said');

($ok, $out) = conf(gw => 'double_proxy_key_log on;');
ok(!$ok, 'a location that passes to a verified group: refused');
like($out, qr/"\/gw" passes to "gw", which .*secrets would be written to/,
    'which is said');

AttestTest::done();
