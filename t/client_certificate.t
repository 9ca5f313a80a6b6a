# SPDX-License-Identifier: Apache-2.0

# Gateways that ask their clients for a certificate (ssl_verify_client), and
# what a gateway's refusals look like.

use strict;
use warnings;

use Test::More;

use FindBin;
use POSIX ();

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();

make_identities();

$t->swtpm();
$t->backend();
$t->write_conf(<<'END');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        ssl_client_certificate %%DIR%%/ca.pem;
        ssl_verify_client on;
        ssl_verify_depth 3;

        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /denied { return 403; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }

    # without evidence
    server {
        listen 127.0.0.1:%%PORT_OTHER%%;
        location / { return 503 "no"; }
        location = /page { return 410; }
        location = /problem {
            default_type application/problem+json;
            return 404 '{"title":"Nothing here"}';
        }
    }
}
END
$t->start();

my @me = ('--cert', $t->path('client.pem'), '--key', $t->path('client.key'));
my $policy = $t->path('policy.json');

test_all_commands();
test_chain();
test_refused();
test_files();
test_http_errors();

AttestTest::done();


sub openssl {
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), @_ ]);

    die "openssl @_: $out\n" if $?;
}


# A CA with two clients, one below an intermediate; one client of nobody.
sub make_identities {
    my @ec = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);

    openssl('req', '-x509', @ec, '-subj', "/CN=$_", '-days', 30,
        '-keyout', $t->path("$_.key"), '-out', $t->path("$_.pem"))
        for qw(ca alien);

    issue('client', 'ca');
    issue('middle', 'ca', "basicConstraints=critical,CA:TRUE\n");
    issue('deep', 'middle');

    AttestTest::write_file($t->path('chain.pem'), join "\n",
        'Our certificate:', AttestTest::read_file($t->path('deep.pem')),
        'and who signed it:', AttestTest::read_file($t->path('middle.pem')));

    openssl('pkey', '-in', $t->path('client.key'), '-aes256', '-passout',
        'pass:secret', '-out', $t->path('pkcs8.key'));
    openssl('ec', '-in', $t->path('client.key'), '-aes128', '-passout',
        'pass:secret', '-out', $t->path('old.key'));
}


sub issue {
    my ($name, $by, $extensions) = @_;

    AttestTest::write_file($t->path('ext'), $extensions
        // "basicConstraints=CA:FALSE\n");
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-subj', "/CN=$name",
        '-keyout', $t->path("$name.key"), '-out', $t->path("$name.csr"));
    openssl('x509', '-req', '-in', $t->path("$name.csr"), '-days', 30,
        '-CA', $t->path("$by.pem"), '-CAkey', $t->path("$by.key"),
        '-CAcreateserial', '-extfile', $t->path('ext'),
        '-out', $t->path("$name.pem"));
}


sub says {
    my ($name, $want, $re, $status, $out) = @_;

    my $ok = is($status, $want, "$name: exit status $want");
    $ok = like($out, $re, "$name: says so") && $ok;
    diag($out) if !$ok;
}


sub test_all_commands {
    my $out = AttestTest::run_out([ AttestTest::cli(), 'policy', $t->url(),
        @me ], stdout => $policy);

    is($?, 0, 'policy') or diag($out);
    says('verify', 0, qr/^TRUSTED/m, $t->attest('verify', $t->url(),
        '--policy', $policy, @me));
    says('show', 0, qr/cached evidence of the endpoint/, $t->attest('show',
        $t->url(), @me));
    says('chat', 0, qr/\S/, $t->attest('chat', $t->url(), '--policy',
        $policy, @me, 'Hello'));
}


sub test_chain {
    says('a chain', 0, qr/^TRUSTED/m, $t->attest('verify', $t->url(),
        '--policy', $policy, '--cert', $t->path('chain.pem'),
        '--key', $t->path('deep.key')));
}


# Each command says what the gateway answered.
sub test_refused {
    my $none = qr/the gateway answered 400: No required SSL certificate/;
    my $other = qr/the gateway answered 400: The SSL certificate error/;
    my @alien = ('--cert', $t->path('alien.pem'), '--key',
        $t->path('alien.key'));

    for ([ 'no certificate', $none ], [ "another's", $other, @alien ]) {
        my ($what, $re, @args) = @$_;

        says("verify, $what", 2, $re, $t->attest('verify', $t->url(),
            '--policy', $policy, @args));
        says("verify, JSON, $what", 2, $re, $t->attest('verify', $t->url(),
            '--policy', $policy, '--json', @args));
        says("policy, $what", 2, $re, $t->attest('policy', $t->url(),
            @args));
        says("chat, $what", 2, $re, $t->attest('chat', $t->url(),
            '--policy', $policy, @args, 'Hello'));

        my (undef, $out) = $t->attest('show', $t->url(), @args);
        like($out, $re, "show, $what");
    }
}


sub test_files {
    my $with = sub {
        my ($cert, $key) = @_;

        return $t->attest('verify', $t->url(), '--cert', $t->path($cert),
            '--key', $t->path($key));
    };

    says('one without the other', 2, qr/--cert and --key belong together/,
        $t->attest('verify', $t->url(), '--cert', $t->path('client.pem')));
    says('no such file', 2, qr/cannot open .*none\.pem/,
        $with->('none.pem', 'client.key'));
    says('no certificate', 2, qr/--cert .*client\.key: no certificate/,
        $with->('client.key', 'client.key'));
    says('no key', 2, qr/--key .*client\.pem: no private key/,
        $with->('client.pem', 'client.pem'));
    says('of another certificate', 2, qr/--key .*alien\.key: not the key of/,
        $with->('client.pem', 'alien.key'));

    for my $key (qw(pkcs8.key old.key)) {
        says("an encrypted key, $key", 2,
            qr/--key .*\Q$key\E: the key is encrypted, and nobody is asked/,
            $with->('client.pem', $key));
        is(left_on_stdin('verify', $t->url(), '--cert',
            $t->path('client.pem'), '--key', $t->path($key)),
            "one\ntwo\n", 'and standard input was not read');
    }
}


# What a command leaves of a pipe, without a terminal.
sub left_on_stdin {
    my (@args) = @_;

    pipe(my $r, my $w) or die $!;
    syswrite $w, "one\ntwo\n";
    close $w;

    my $pid = fork() // die $!;

    if ($pid == 0) {
        POSIX::setsid();
        open STDIN, '<&', $r;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        { exec { AttestTest::cli() } AttestTest::cli(), @args }
        POSIX::_exit(127);
    }

    waitpid $pid, 0;
    sysread $r, my $left, 100;
    return $left;
}


sub test_http_errors {
    my $url = 'http://127.0.0.1:' . $t->port('OTHER');

    for ([ 'a text', '/x', qr/the gateway answered 503$/m ],
        [ 'a problem document', '/problem',
            qr/the gateway answered 404: Nothing here/ ],
        [ "nginx's page", '/page', qr/the gateway answered 410: Gone/ ])
    {
        my ($what, $path, $re) = @$_;

        says("verify, $what", 2, $re, $t->attest('verify', "$url$path"));
        says("show, $what", 2, $re, $t->attest('show', "$url$path"));
        says("policy, $what", 2, $re, $t->attest('policy', "$url$path"));
        says("chat, $what", 2, $re, $t->attest('chat', "$url$path",
            '--policy', $policy, 'Hello'));
    }

    says('chat, behind the verdict', 2, qr/the gateway answered 403/,
        $t->attest('chat', $t->url(), '--policy', $policy, @me, '--path',
        '/denied', 'Hello'));
}
