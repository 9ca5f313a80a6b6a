# SPDX-License-Identifier: Apache-2.0

# A TPM that others use or own: what they have loaded is theirs, and what
# stands in our way is called by its name.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use AttestTest;

my $why = AttestTest::missing(qw(nginx swtpm curl tpm2_createprimary
    tpm2_changeauth tpm2_flushcontext tpm2_nvdefine));
plan skip_all => $why if $why;


sub conf {
    my ($t, $args) = @_;

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%% $args;
    attest_lifetime 3s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
    }
}
END
}


sub get {
    my ($t, $args) = @_;

    return $t->get('/e' . ($args // ''), plain => 1, port => $t->port());
}


sub tool {
    my ($t, @cmd) = @_;
    my $out = AttestTest::run_out([ AttestTest::which(shift @cmd), '-T',
        $t->tcti(), @cmd ], sec => 60);

    die "@cmd: $out\n" if $?;
    return $out;
}


sub loaded {
    my ($t) = @_;

    return tool($t, 'tpm2_getcap', 'handles-transient');
}


subtest 'objects of other programs' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    tool($t, 'tpm2_createprimary', '-Q', '-C', 'o', '-c', $t->path('o.ctx'));
    my $others = loaded($t);
    like($others, qr/0x80/, 'one is there');

    conf($t, '');
    $t->start();
    is(get($t)->{status}, 200, 'evidence');
    is(get($t, '?nonce=' . '0' x 64)->{status}, 200, 'fresh evidence');
    is(loaded($t), $others, 'it is still there, and nothing else');

    my $first = $t->error_log() =~ /generation 1 / ? 1 : 0;
    ok($first && $t->wait_log(qr/generation 3 /, 40), 'renewals');
    is(loaded($t), $others, 'it is still there');
    $t->finish();
};


subtest 'a TPM that is full of them' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    tool($t, 'tpm2_createprimary', '-Q', '-C', 'o', '-c', $t->path('o.ctx'))
        for 1 .. 3;
    my $others = loaded($t);

    $t->allow(qr/cannot collect evidence/);
    conf($t, '');
    ok(!$t->start(may_fail => 1), 'no start');
    like($t->error_log(), qr/full of what other programs have loaded/,
        'and why');
    is(loaded($t), $others, 'they are all there');
    $t->finish();
};


subtest 'a password on the endorsement hierarchy' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    tool($t, 'tpm2_changeauth', '-Q', '-c', 'endorsement', 'secret');
    $t->allow(qr/cannot collect evidence/);
    conf($t, '');
    ok(!$t->start(may_fail => 1), 'no start');
    like($t->error_log(), qr/the endorsement hierarchy of the TPM has a pass/,
        'the message names the hierarchy');
    $t->finish();
};


subtest 'an EK certificate that cannot be used' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    conf($t, '');
    $t->start();
    unlike($t->error_log(), qr/no EK/, 'a maker\'s TPM: nothing to say');
    $t->finish();

    # a TPM without a maker
    my $bare = AttestTest->new();
    mkdir $bare->path('tpm');
    $bare->swtpm();
    AttestTest::write_file($bare->path('nv'), "\xff" x 64);
    tool($bare, 'tpm2_nvdefine', '-Q', '-C', 'o', '-s', 64, '-a',
        'ownerread|authread|ownerwrite', '0x01c00002');
    tool($bare, 'tpm2_nvwrite', '-Q', '-C', 'o', '-i', $bare->path('nv'),
        '0x01c00002');
    conf($bare, '');
    $bare->start();
    like($bare->error_log(),
        qr/\[warn\].*no EK certificate: the 64 bytes of NV index 0x01c00002/,
        'erased bytes in its place are said in the log');
    $bare->finish();
};

done_testing();
