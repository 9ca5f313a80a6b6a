#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Credentials of attest_tpm_make_credential() opened by a TPM: swtpm of its
# own on free ports, tpm2-tools, and test_credential (see there) as the maker.
#
# ATTEST_UNIT: the folder of the unit test programs (default build/unit, or
# build/asan/unit with ATTEST_ASAN).  In CI nothing is skipped.

use warnings;
use strict;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;


sub have { my $f = shift; grep { -x "$_/$f" } split /:/, $ENV{PATH}; }

for my $need ('swtpm', 'tpm2_activatecredential') {
    next if have($need);
    die "missing in CI: $need\n" if $ENV{CI};
    plan skip_all => "missing: $need";
}

my $maker = ($ENV{ATTEST_UNIT}
             || ($ENV{ATTEST_ASAN} ? 'build/asan/unit' : 'build/unit'))
            . '/test_credential';
die "$maker is not built\n" unless -x $maker;

my $dir = tempdir('attest-cred-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $secret = join '', map { sprintf '%02x', $_ } 1 .. 32;
my $pid;

sub stop {
    return unless $pid;
    kill 'TERM', $pid;
    for (1 .. 50) {
        if (waitpid($pid, WNOHANG) == $pid) { undef $pid; return; }
        select undef, undef, undef, 0.1;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    undef $pid;
}

END { my $rc = $?; stop(); $? = $rc; }
$SIG{INT} = $SIG{TERM} = sub { exit 1 };


# The TCTI expects the control channel on the port after the data channel.

sub free_ports {
    for (1 .. 100) {
        my $a = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
            or next;
        my $port = $a->sockport();
        my $b = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                      LocalPort => $port + 1) or next;
        return $port;
    }
    die 'no two free ports in a row';
}


sub start {
    my $port = free_ports();

    mkdir "$dir/state";
    $pid = fork();
    die "fork: $!" unless defined $pid;

    if ($pid == 0) {
        open STDOUT, '>', "$dir/swtpm.log";
        open STDERR, '>&', \*STDOUT;
        exec 'swtpm', 'socket', '--tpm2', '--tpmstate', "dir=$dir/state",
            '--server', "type=tcp,port=$port,bindaddr=127.0.0.1",
            '--ctrl', 'type=tcp,port=' . ($port + 1) . ',bindaddr=127.0.0.1',
            '--flags', 'not-need-init,startup-clear'
            or POSIX::_exit(127);
    }

    $ENV{TPM2TOOLS_TCTI} = "swtpm:host=127.0.0.1,port=$port";

    for (1 .. 50) {
        return 1 if tool('tpm2_getcap', 'properties-fixed') == 0;
        if (waitpid($pid, WNOHANG) == $pid) { undef $pid; return 0; }
        select undef, undef, undef, 0.1;
    }
    return 0;
}


# Exit status of a program; what it says goes to a log.

sub tool {
    my $child = fork();
    die "fork: $!" unless defined $child;

    if ($child == 0) {
        open STDOUT, '>>', "$dir/tools.log";
        open STDERR, '>&', \*STDOUT;
        exec @_ or POSIX::_exit(127);
    }
    waitpid $child, 0;
    return $?;
}


sub slurp {
    open my $f, '<:raw', shift or return '';
    local $/;
    return <$f>;
}


sub spew {
    open my $f, '>:raw', shift or die "write: $!";
    print $f shift;
    close $f;
}


sub activate {
    my ($cred) = @_;
    my $rc;

    unlink "$dir/out";
    tool('tpm2_startauthsession', '--policy-session', '-S', "$dir/session");
    tool('tpm2_policysecret', '-S', "$dir/session", '-c', 'e');
    $rc = tool('tpm2_activatecredential', '-c', "$dir/ak.ctx",
               '-C', "$dir/ek.ctx", '-i', $cred, '-o', "$dir/out",
               '-P', "session:$dir/session");
    tool('tpm2_flushcontext', "$dir/session");
    tool('tpm2_flushcontext', '-t');
    return $rc == 0 ? unpack('H*', slurp("$dir/out")) : 'refused';
}


sub run {
    my ($ek, $ak, $hash) = @_;
    my $what = "EK $ek, AK $ak";

    is(tool('tpm2_createek', '-c', "$dir/ek.ctx", '-G', $ek,
            '-u', "$dir/ek.pub"), 0, "$what: EK");
    tool('tpm2_flushcontext', '-t');
    is(tool('tpm2_createak', '-C', "$dir/ek.ctx", '-c', "$dir/ak.ctx",
            '-G', $ak, '-g', $hash, '-s', $ak eq 'rsa' ? 'rsassa' : 'ecdsa',
            '-u', "$dir/ak.pub", '-n', "$dir/ak.name"), 0, "$what: AK");
    tool('tpm2_flushcontext', '-t');

    is(tool($maker, "$dir/ek.pub", "$dir/ak.name", $secret, "$dir/cred"), 0,
       "$what: credential made");
    is(activate("$dir/cred"), $secret, "$what: the TPM recovers the secret");

    my $name = slurp("$dir/ak.name");
    substr($name, 33, 1) ^= "\x01";
    spew("$dir/other.name", $name);
    tool($maker, "$dir/ek.pub", "$dir/other.name", $secret, "$dir/cred2");
    is(activate("$dir/cred2"), 'refused', "$what: not for another key");

    my $cred = slurp("$dir/cred");
    substr($cred, 8 + 69, 1) ^= "\x01";
    spew("$dir/cred3", $cred);
    is(activate("$dir/cred3"), 'refused', "$what: not when changed");

    is(activate("$dir/cred"), $secret, "$what: still good afterwards");
}


ok(start(), 'swtpm starts') or die slurp("$dir/swtpm.log");

run('rsa', 'ecc', 'sha256');
run('ecc', 'rsa', 'sha256');
run('ecc', 'ecc', 'sha256');

diag(slurp("$dir/tools.log")) unless Test::More->builder->is_passing;

stop();
done_testing();
