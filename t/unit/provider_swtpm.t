#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# The TPM provider against swtpm: on free ports, with a state directory of
# its own.  ATTEST_UNIT: folder of the test binaries (build/unit).

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Open2;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $top = abs_path(dirname(__FILE__) . '/../..');
my $unit = $ENV{ATTEST_UNIT} || "$top/build/unit";
my $bin = abs_path("$unit/test_provider_tpm");

plan(skip_all => "no $unit/test_provider_tpm") unless $bin && -x $bin;

for my $tool (qw(swtpm tpm2_getcap openssl python3)) {
    plan(skip_all => "no $tool") if system("which $tool >/dev/null 2>&1");
}

my %pids;
my $parent = $$;
my $dir = tempdir('attest-tpm-XXXXXX', TMPDIR => 1, CLEANUP => 1);

END {
    my $status = $?;
    if (defined $parent && $$ == $parent) {
        stop($_) for keys %pids;
    }
    $? = $status;
}

###############################################################################

my $port = free_port();
my $tcti = "swtpm:host=127.0.0.1,port=$port";
my $swtpm = swtpm("$dir/state", $port);

$ENV{ATTEST_STDERR} = "$dir/stderr";
$ENV{TPM2TOOLS_TCTI} = "swtpm:host=127.0.0.1,port=$port";

# The test program silences tpm2-tss itself.
delete $ENV{TSS2_LOG};

scenario('quote', $tcti);
is(handles(), '', 'nothing is left in the TPM');

# by the stock TCTI: the way of "device:" and the others

scenario('quote', "libtss2-tcti-swtpm.so.0:host=127.0.0.1,port=$port");

scenario('logs', $tcti, $dir);
scenario('many', $tcti, 200);
is(handles(), '', 'nothing is left after 200 collects');

scenario('kill', $tcti);
is(handles(), '', 'nothing is left after 25 kills');

scenario('activate', $tcti, 0);
scenario('activate', $tcti, 1);
is(handles(), '', 'nothing is left after activation');

# the fake TPM, and what a client that died leaves in a real one

my ($fake, $fport) = fake("$dir/mode", "$dir/log");
my $ftcti = "swtpm:host=127.0.0.1,port=$fport";

mode('hang@10');
unlink "$dir/log";
scenario('fail', $ftcti);
like(handles(), qr/0x8/, 'a hung call leaves a key behind');
mode('pass');
scenario('many', $ftcti, 1);
is(handles(), '', 'the next call removes it');

tool("tpm2_startauthsession --policy-session -S $dir/session.ctx");
tool("tpm2_createprimary -Q -C n -c $dir/null.ctx");
my $others = handles();
isnt($others, '', 'a session or a key of another program');
scenario('many', $tcti, 1);
is(handles(), $others, 'stays');
tool("tpm2_flushcontext $_") for qw(-t -l -s);
is(handles(), '', 'until it is removed');

unlink "$dir/log";
scenario('many', $ftcti, 5);
my @log = logged();
is(scalar(grep { $_ eq 'connect' } @log), 5, 'one connection each');
is(scalar(grep { $_ eq 'CreatePrimary' } @log), 2, 'AK and EK made once');
is(scalar(grep { $_ eq 'Quote' } @log), 5, 'one quote each');
is(scalar(grep { $_ eq 'Startup' } @log), 0, 'no startup');

scenario('deadline', $ftcti, "$dir/mode");
scenario('wrong', $ftcti, "$dir/mode");
scenario('flip', $ftcti, "$dir/mode");
scenario('many', $tcti, 1);
is(handles(), '', 'nothing is left after wrong answers');

# keys of others

tool("tpm2_createek -Q -c $dir/ek.ctx -G rsa -u $dir/ek.pub");
tool("tpm2_flushcontext -t");
tool("tpm2_createak -Q -C $dir/ek.ctx -c $dir/ak.ctx -G rsa -g sha256"
    . " -s rsassa -n $dir/ak.name -u $dir/ak.pub");
tool("tpm2_flushcontext -t");
tool("tpm2_evictcontrol -Q -C o -c $dir/ak.ctx 0x81000003");
tool("tpm2_flushcontext -t");

scenario('ak', $tcti, '81000003', '0', unpack('H*', slurp("$dir/ak.name")));
scenario('ak', $tcti, '81000004', '0', 'error');

tool("tpm2_createprimary -Q -C o -c $dir/srk.ctx");
tool("tpm2_flushcontext -t");
tool("tpm2_evictcontrol -Q -C o -c $dir/srk.ctx 0x81000001");
tool("tpm2_flushcontext -t");
scenario('ak', $tcti, '81000001', '0', 'error');

# a template as Google's: another key than ours, by its unique field

my $template = pack('H*', '0001000b00050072' . '0000' . '0010'
    . '0014000b' . '0800' . '00000000' . '0100') . ("\x07" x 256);
my $name = template_name($template);

nvwrite('0x01c10001', $template, length $template);
scenario('ak', $tcti, '0', '01c10001', $name);
nvwrite('0x01c10001', pack('n/a*', $template), 2 + length $template);
scenario('ak', $tcti, '0', '01c10001', $name);
nvwrite('0x01c10001', substr($template, 0, 100), 100);
scenario('ak', $tcti, '0', '01c10001', 'error');
nvwrite('0x01c10001', 'nonsense', 8);
scenario('ak', $tcti, '0', '01c10001', 'error');
scenario('ak', $tcti, '0', '01c10003', 'error');

# EK certificates

scenario('ek', $tcti, 'rsa', '-');
ek_cert('ecc', "$dir/ecc.der");
nvwrite('0x01c0000a', slurp("$dir/ecc.der") . "\xff" x 300);
scenario('ek', $tcti, 'ecc', "$dir/ecc.der");
scenario('activate', $tcti, 0);
ek_cert('rsa', "$dir/rsa.der");
nvwrite('0x01c00002', slurp("$dir/rsa.der"));
scenario('ek', $tcti, 'rsa', "$dir/rsa.der");
nvwrite('0x01c00002', "\xff" x 900);
scenario('ek', $tcti, 'ecc', "$dir/ecc.der");

# behind the header of TPM 1.2 times, with what may be inside and behind it

my $rsa = slurp("$dir/rsa.der");
for my $nv (["\x10\x01\x00" . pack('n', length $rsa) . $rsa, 'header'],
    ["\x10\x01\x00" . pack('n', length $rsa) . $rsa . "\xff" x 100, 'padded'],
    ["\x10\x01\x00" . pack('n', 2 + length $rsa) . "\x10\x02" . $rsa,
        'two headers'],
    [$rsa . slurp("$dir/ecc.der"), 'two certificates'])
{
    pass("EK certificate: $nv->[1]");
    nvwrite('0x01c00002', $nv->[0]);
    scenario('ek', $tcti, 'rsa', "$dir/rsa.der");
}

for my $nv ("\x10\x01\x00" . pack('n', 100) . $rsa,
    "\x10\x01\x01" . pack('n', length $rsa) . $rsa, "\x10\x01\x00\x00")
{
    pass('no EK certificate: ' . unpack 'H10', $nv);
    nvwrite('0x01c00002', $nv);
    scenario('ek', $tcti, 'ecc', "$dir/ecc.der");
}
nvwrite('0x01c00002', slurp("$dir/rsa.der") . "\0" x 700);

# an EK that the TPM keeps, and one that only looks like it

tool("tpm2_createek -Q -c 0x81010001 -G rsa -u $dir/ek.pub");
tool("tpm2_flushcontext -t");
scenario('ek', $tcti, 'rsa', "$dir/rsa.der");
scenario('activate', $tcti, 0);
unlink "$dir/log";
scenario('many', $ftcti, 2);
is(scalar(grep { $_ eq 'CreatePrimary' } logged()), 1,
    'the persistent EK is used');
tool("tpm2_evictcontrol -Q -C o -c 0x81010001");
tool("tpm2_createprimary -Q -C e -c $dir/other.ctx");
tool("tpm2_flushcontext -t");
tool("tpm2_evictcontrol -Q -C o -c $dir/other.ctx 0x81010001");
tool("tpm2_flushcontext -t");
scenario('ek', $tcti, 'rsa', "$dir/rsa.der");
is(handles(), '', 'nothing is left');

# banks

tool('tpm2_pcrallocate -Q sha1:none+sha256:all+sha384:all+sha512:none');
stop($swtpm);
$swtpm = swtpm("$dir/state", $port);
scenario('nobank', $tcti);

# away and back

scenario('reset', $tcti);
is(handles(), '', 'nothing is left after resets');

stop($swtpm);
$swtpm = swtpm("$dir/unix", undef, "$dir/tpm.sock");
scenario('many', "swtpm:path=$dir/tpm.sock", 3);

is(slurp("$dir/stderr"), '', 'tpm2-tss said nothing on stderr');

done_testing();

###############################################################################

# Runs one scenario of the binary; its tests become ours.

sub scenario {
    my ($name, @args) = @_;

    my $pid = open2(my $out, my $in, 'sh', '-c',
        'exec "$0" "$@" 2>>"$ATTEST_STDERR"', $bin, $name, @args);

    my ($plan, $n, $failed) = (0, 0, 0);

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            ok(!$1, "$name: $2");
            $n++;
            $failed = 1 if $1;
        } elsif ($line =~ /^STEP (\S+)/) {
            step($1);
            print $in "done\n";
            $in->flush();
        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;
        } elsif ($line =~ /^# ?(.*)/) {
            note($1);
        } else {
            diag($line);
        }
    }

    waitpid($pid, 0);
    my $status = $?;
    ok($plan && $plan == $n && $status == ($failed << 8),
        "$name: ran to its end")
        or diag("status $status, $n of $plan", slurp("$dir/stderr"));
}

sub step {
    my ($what) = @_;

    stop($swtpm) if $what ne 'start';
    remove_tree("$dir/state") if $what eq 'replace';
    $swtpm = swtpm("$dir/state", $port) if $what ne 'stop';
}

# The stock TCTI of tpm2-tools wants the control channel on the next port.

sub free_port {
    for (1 .. 50) {
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            Listen => 1, Proto => 'tcp') or die "no port: $!";
        return $s->sockport() if IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp',
            LocalPort => $s->sockport() + 1);
    }
    die "no two free ports in a row";
}

sub spawn {
    my ($err, @command) = @_;

    defined(my $pid = fork()) or die "fork: $!";
    if ($pid == 0) {
        open(STDERR, '>>', $err);
        open(STDOUT, '>>', $err);
        exec(@command) or POSIX::_exit(127);
    }
    $pids{$pid} = 1;
    return $pid;
}

sub stop {
    my ($pid) = @_;

    return unless delete $pids{$pid};
    kill('KILL', $pid);
    waitpid($pid, 0);
}

# No startup: the provider finds a TPM that nobody has started up.

sub swtpm {
    my ($state, $p, $path) = @_;

    mkdir $state;
    my $pid = spawn("$dir/swtpm.err", 'swtpm', 'socket', '--tpm2',
        '--tpmstate', "dir=$state", '--flags', 'not-need-init',
        '--server', $path ? "type=unixio,path=$path"
            : "type=tcp,port=$p,bindaddr=127.0.0.1",
        $path ? () : ('--ctrl', 'type=tcp,bindaddr=127.0.0.1,port='
            . ($p + 1)));

    for (1 .. 1200) {
        return $pid if $path ? -S $path : listening($p);
        sleep(0.05);
    }
    die "swtpm does not start";
}

sub listening {
    my ($p) = @_;

    # a connection would be the TPM's one client: ask the kernel instead
    my $hex = sprintf(':%04X', $p);
    return scalar(grep { /^\s*\d+: 0100007F$hex 00000000:0000 0A/ }
        split(/\n/, slurp('/proc/net/tcp')));
}

sub fake {
    my ($mode, $log) = @_;

    mode('pass');
    my $p = free_port();
    my $pid = spawn("$dir/fake.err", 'python3', "$top/t/lib/fake_tpm.py",
        '--listen', $p, '--upstream', $port, '--mode-file', $mode,
        '--log', $log);

    for (1 .. 1200) {
        return ($pid, $p) if listening($p);
        sleep(0.05);
    }
    die "the fake TPM does not start";
}

sub mode {
    my ($mode) = @_;

    open(my $f, '>', "$dir/mode") or die;
    print $f $mode;
    close($f);
}

sub slurp {
    my ($path) = @_;

    open(my $f, '<:raw', $path) or die "$path: $!";
    local $/;
    return scalar <$f>;
}

sub logged {
    return split(/\n/, slurp("$dir/log"));
}

sub tool {
    my ($command) = @_;

    my $out = `cd $dir && $command 2>&1`;
    die "$command: $out" if $?;
    return $out;
}

# Transient objects and loaded sessions in the TPM.

sub handles {
    my $out = tool('tpm2_getcap handles-transient')
        . tool('tpm2_getcap handles-loaded-session');
    return join(' ', $out =~ /0x[0-9A-Fa-f]+/g);
}

sub nvwrite {
    my ($index, $data) = @_;

    open(my $f, '>:raw', "$dir/nv.bin") or die;
    print $f $data;
    close($f);

    `tpm2_nvundefine -Q -C o $index 2>/dev/null`;
    tool("tpm2_nvdefine -Q -C o -s " . length($data)
        . " -a 'ownerread|authread|ownerwrite' $index");
    tool("tpm2_nvwrite -Q -C o -i $dir/nv.bin $index");
}

# The name of the key that the TPM makes of a template.

sub template_name {
    my ($data) = @_;

    open(my $f, '>:raw', "$dir/unique.bin") or die;
    # TPMU_PUBLIC_ID as tpm2_createprimary reads it: a TPM2B in memory
    print $f pack('S/a*', substr($data, -256));
    close($f);

    tool("tpm2_createprimary -Q -C e -G rsa2048:rsassa-sha256:null"
        . " -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|"
        . "restricted|sign' -u $dir/unique.bin -c $dir/t.ctx");
    tool("tpm2_readpublic -Q -c $dir/t.ctx -n $dir/t.name");
    tool("tpm2_flushcontext -t");
    return unpack('H*', slurp("$dir/t.name"));
}

# A certificate of the EK, made by hand.

sub ek_cert {
    my ($alg, $der) = @_;

    tool("tpm2_createek -Q -c $dir/e.ctx -G $alg -u $dir/e.pem -f pem");
    tool("tpm2_flushcontext -t");
    tool("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/ca.key"
        . " -out $dir/ca.pem -subj /CN=ca -days 2") unless -f "$dir/ca.pem";
    tool("openssl req -new -key $dir/ca.key -subj /CN=ek -out $dir/e.csr");
    tool("openssl x509 -req -in $dir/e.csr -CA $dir/ca.pem"
        . " -CAkey $dir/ca.key -CAcreateserial -force_pubkey $dir/e.pem"
        . " -days 2 -outform der -out $der");
}

###############################################################################
