# SPDX-License-Identifier: Apache-2.0

# Whole lives: start, renewal, rotation, reload, several workers, and what
# happens when a worker or the TPM is killed.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;
use Time::HiRes qw(sleep);

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $STATUS = <<'END';
server {
    listen 127.0.0.1:%%PORT_STATUS%%;
    location = /status { attest_status; }
}
END


sub status {
    my ($t) = @_;

    return AttestTest::json($t->get('/status', plain => 1,
        port => $t->port('STATUS'))) || {};
}


sub generation { return status($_[0])->{generation} || 0 }


sub spki {
    my ($t) = @_;
    my $pem = $t->path('leaf.pem');

    AttestTest::write_file($pem, $t->certificate());
    return AttestTest::run_out([ 'openssl', 'x509', '-in', $pem, '-noout',
        '-pubkey' ]);
}


sub wait_generation {
    my ($t, $want, $sec) = @_;

    return AttestTest::until_true($sec || 30,
        sub { generation($t) >= $want });
}


subtest 'one identity for all workers, across reloads' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->gateway(workers => 3, http => $STATUS,
        names => 'localhost a.example .b.example _ www.*');
    $t->start();

    is(generation($t), 1, 'evidence was made before the workers');

    my %keys = map { spki($t) => 1 } 1 .. 9;
    my %certs = map { $t->certificate() => 1 } 1 .. 9;
    is(scalar keys %keys, 1, 'one key in all workers');
    is(scalar keys %certs, 1, 'one certificate in all workers');

    my $text = AttestTest::run_out([ 'openssl', 'x509', '-noout', '-text',
        '-in', $t->path('leaf.pem') ]);
    like($text, qr/DNS:localhost, DNS:a\.example, DNS:\*\.b\.example,/,
        'names of the server');
    unlike($text, qr/DNS:_|www\.\*/, 'only names that can be');

    my $before = (keys %keys)[0];

    ok($t->reload(), 'reload');
    is(generation($t), 1, 'nothing changed, nothing was made');
    is(spki($t), $before, 'the same key');

    (my $changed = $t->{text}) =~ s/a\.example/c.example/;
    $t->write_conf($changed);
    ok($t->reload(), 'reload with another name');
    is(generation($t), 2, 'new evidence');
    is(spki($t), $before, 'still the same key');
    like(AttestTest::run_out([ 'openssl', 'x509', '-noout', '-text',
        '-in', $t->path('leaf.pem') ]), qr/DNS:c\.example/, 'the new name');

    for my $pid ($t->master(), $t->workers()) {
        like(AttestTest::read_file("/proc/$pid/limits"),
            qr/Max core file size\s+0\s+0/, 'no core dumps');
    }

    for my $pid ($t->workers()) {
        my ($locked) = AttestTest::read_file("/proc/$pid/status")
            =~ /VmLck:\s+(\d+)/;
        # a sanitized process locks nothing
        cmp_ok($locked, '>=', AttestTest::asan() ? 0 : 4096,
            'the zone is locked in memory');
    }

    my @workers = $t->workers();
    kill 'KILL', $workers[0];
    $t->allow(qr/exited on signal 9/);
    ok(AttestTest::until_true(10, sub { $t->workers() == 3
        && !grep { $_ == $workers[0] } $t->workers() }), 'worker respawned');
    is(spki($t), $before, 'the same key after kill -9') for 1 .. 3;

    is($t->stop(), 0, 'ends cleanly');
    $t->finish();
};


subtest 'renewal and rotation without reload' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->fake_clock();
    $t->gateway(workers => 2, http => "attest_lifetime 1h; $STATUS");
    $t->start();

    my (%keys, %certs, %configs, $failed);
    my $first = generation($t);
    my $now = $first - 1;

    for (1 .. 1000) {
        my $seen = generation($t);
        my $r = $t->get('/.well-known/hpke-keys');

        $failed++ if $r->{status} != 200;
        $configs{ $r->{body} } = 1;
        $keys{ spki($t) } = 1;
        $certs{ $t->certificate() } = 1;
        last if $seen >= $first + 3;

        # one generation after the other, and each is looked at before it ends
        if ($seen > $now) {
            $now = $seen;
            $t->pass_time(2450);
        }

        sleep 0.05;
    }

    is($failed || 0, 0, 'every request was answered');
    cmp_ok(generation($t), '>=', $first + 3, 'renewed by itself');
    is(scalar keys %keys, 1, 'one TLS key');
    cmp_ok(scalar keys %certs, '>=', 3, 'new certificates');
    cmp_ok(scalar keys %configs, '>=', 3, 'new prompt keys');
    $t->finish();
};


subtest 'the TPM dies and comes back' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->gateway(http => "attest_lifetime 4s; $STATUS",
        tpm_args => 'timeout=1s');
    $t->start();

    $t->stop_swtpm('KILL');

    is($t->get('/.well-known/attestation')->{status}, 200,
        'the last good evidence serves');
    is($t->get('/.well-known/attestation?nonce=' . '00' x 32)->{status}, 503,
        'fresh evidence does not');

    like($t->wait_log(qr/renewal failed: .*the last good evidence serves/),
        qr/renewal failed/, 'the log says so');
    like($t->wait_log(qr/no valid evidence, attested servers refuse/),
        qr/refuse/, 'and when it is over');

    is($t->certificate(), '', 'no handshake without evidence');

    my $status = status($t);
    ok(!$status->{evidence}{valid}, 'status knows');
    ok(length($status->{last_error}{text} || ''), 'status says why');

    $t->swtpm();
    ok(AttestTest::until_true(30, sub { length $t->certificate() }),
        'recovers by itself');
    is($t->get('/.well-known/attestation')->{status}, 200, 'serves again');
    $t->finish();
};


subtest 'the TPM hangs' => sub {
    my $t = AttestTest->new();
    my $tcti = $t->swtpm();

    $t->backend();
    $t->gateway(http => "attest_lifetime 1h; $STATUS",
        tpm_args => 'timeout=500ms');
    $t->start();

    # a stopped process accepts and never answers
    kill 'STOP', $t->{procs}{swtpm};

    my $r = $t->get('/.well-known/attestation?nonce=' . '11' x 32);
    is($r->{status}, 503, 'a deadline for fresh evidence');
    ok($r->{headers}{'retry-after'}, 'with Retry-After');
    is($t->get('/.well-known/attestation')->{status}, 200,
        'cached evidence is unaffected');

    kill 'CONT', $t->{procs}{swtpm};
    ok(AttestTest::until_true(30, sub {
        $t->get('/.well-known/attestation?nonce=' . '22' x 32)->{status}
            == 200 }), 'fresh evidence again');
    is($t->stop(), 0, 'ends cleanly');
    $t->finish();
};


subtest 'no TPM at the start' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->stop_swtpm();
    $t->backend();
    $t->gateway(http => "attest_lifetime 1h; $STATUS");
    $t->allow(qr/\[emerg\].*cannot collect evidence/);
    ok(!$t->start(may_fail => 1), 'nginx does not start');
    like($t->error_log() . AttestTest::read_file($t->path('logs/nginx.out')),
        qr/attest: cannot collect evidence: \S+/, 'and says why');

    $t->gateway(http => "attest_start_without_evidence on; $STATUS");
    $t->start();
    is($t->certificate(), '', 'starts when told to, but serves nothing');
    ok(!status($t)->{evidence}{valid}, 'status answers');

    $t->swtpm();
    ok(AttestTest::until_true(30, sub { length $t->certificate() }),
        'serves when the TPM is there');
    $t->finish();
};


subtest 'a reload that cannot be attested' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->gateway(http => "attest_lifetime 1h; $STATUS");
    $t->start();
    $t->stop_swtpm();

    my @before = $t->workers();
    $t->gateway(http => "attest_lifetime 2h; $STATUS");
    $t->allow(qr/\[emerg\].*cannot collect evidence/);
    $t->reload(nowait => 1);
    like($t->wait_log(qr/cannot collect evidence/), qr/cannot/, 'refused');
    is_deeply([ $t->workers() ], \@before, 'the old workers go on');
    is($t->get('/.well-known/attestation')->{status}, 200,
        'with the old evidence');
    $t->finish();
};


subtest 'reload and death under streaming load' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->gateway(workers => 2, http => "attest_lifetime 1h; $STATUS");
    $t->start();

    my $policy = $t->path('policy.json');
    my $cli = AttestTest::cli();
    my $out = AttestTest::run_out([ 'sh', '-c',
        "$cli policy " . $t->url() . " > $policy" ]);
    is($?, 0, 'a policy') or diag($out);

    my @streams = map {
        my $name = "chat$_";
        $t->spawn($name, [ AttestTest::cli(), 'chat', $t->url(), '--policy',
            $policy, 'count to one hundred, slowly' ]);
        $name;
    } 1 .. 6;

    ok(AttestTest::until_true(30, sub {
        !grep { !-s $t->path("logs/$_.out") } @streams;
    }), 'all of them stream');
    ok($t->reload(sec => 60), 'reload in the middle');

    for my $name (@streams) {
        my $pid = delete $t->{procs}{$name};
        waitpid $pid, 0;
        is($? >> 8, 0, "$name came to its end")
            or diag(AttestTest::read_file($t->path("logs/$name.out")));
    }

    unlike($t->error_log(), qr/exited with code [1-9]|open socket/,
        'workers ended cleanly');
    $t->finish();
};


subtest 'an ordinary certificate, renewed' => sub {
    my $t = AttestTest->new();
    my ($cert, $key) = map { $t->path("ca.$_") } qw(crt key);
    my $hash;

    my $make = sub {
        AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec',
            '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
            '/CN=localhost', '-days', '2', '-keyout', "$key.new",
            '-out', "$cert.new" ]);
        # new files, as ACME clients make them: since 1.27.4 a reload keeps
        # what has the same inode and time
        rename("$_.new", $_) or die "$_: $!" for $cert, $key;
        my $der = $t->path('spki.der');
        AttestTest::run_out([ 'sh', '-c', "openssl x509 -in $cert -pubkey "
            . "-noout | openssl pkey -pubin -outform DER > $der" ]);
        $hash = sha256_hex(AttestTest::read_file($der));
    };

    my $claims_have = sub {
        my $r = $t->get('/.well-known/attestation', headers =>
            [ 'Accept: application/cmw+cbor' ]);
        return index(unpack('H*', $r->{body}), $hash) >= 0;
    };

    $t->allow(qr/PRIVATE KEY/);         # the operator's own file
    $make->();
    $t->swtpm();
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $STATUS
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        ssl_certificate $cert;
        ssl_certificate_key $key;
        location = /.well-known/attestation { attest_evidence; }
    }
}
END
    $t->start();
    ok($claims_have->(), 'evidence binds the certificate of the operator');
    is(generation($t), 1, 'first generation');

    my $old = $hash;
    $make->();
    isnt($hash, $old, 'the certificate is renewed with a new key');
    ok($t->reload(), 'reload');
    ok($claims_have->(), 'evidence follows it');
    is(generation($t), 2, 'second generation');
    $t->finish();
};

done_testing();
