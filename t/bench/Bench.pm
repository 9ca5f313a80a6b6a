# SPDX-License-Identifier: Apache-2.0

package Bench;

# What the parts of scripts/bench share: CPU time and memory of a worker,
# medians, and the rows of a table.

use strict;
use warnings;

use AttestTest;
use Exporter qw(import);
use List::Util qw(max min sum);
use Time::HiRes qw(clock_gettime sleep time);

our @EXPORT_OK = qw($bench $cpus @pin bare bare_beside count heading machine
    measure median over part ns ratio row stream worker_kb %cost %lag
    %memory);

our ($quick, $only, $rounds, $bench, $cpus, @pin, %cost, %lag, %memory);


# --quick, --only=PART,... and --rounds=N; one CPU for a worker, the others for
# all else.
sub setup {
    my (@args) = @_;

    $quick = grep { $_ eq '--quick' } @args;
    ($only) = map { /^--only=([\w,]+)$/ } @args;
    ($rounds) = map { /^--rounds=(\d+)$/ } @args;
    $rounds ||= $quick ? 2 : 7;
    $bench = AttestTest::build() . '/bench/bench';
    $cpus = () = AttestTest::read_file('/proc/cpuinfo') =~ /^processor/mg;
    @pin = $cpus > 1
        ? (AttestTest::which('taskset'), '-c', '1-' . ($cpus - 1)) : ();
}


sub part { return !$only || $only =~ /\b\Q$_[0]\E\b/ }


sub count { return int($_[0] * ($quick ? 0.1 : 1)) || 1 }


# For nginx.conf: the worker is alone on the first CPU, or is not on it.
sub affinity {
    my ($alone) = @_;

    return '' if $cpus < 2;
    return 'worker_cpu_affinity ' . ($alone ? '0' x ($cpus - 1) . '1'
        : '1' x ($cpus - 1) . '0') . ";\n";
}


# Nanoseconds that a process has been running, all its threads, those that
# have ended too: clock_getcpuclockid(3).
sub ns {
    my ($pid) = @_;

    return clock_gettime((~int($pid) << 3) | 2) * 1e9;
}


sub worker_kb {
    my ($pid) = @_;

    my $text = AttestTest::read_file("/proc/$pid/smaps_rollup");
    return sum($text =~ /^Private_\w+:\s+(\d+)/mg);
}


sub load {
    my (@args) = @_;
    my $out = AttestTest::run_out([ @pin, $bench, @args ], sec => 600);

    die "bench @args: $out" if $?;
    return $out;
}


# CPU of a process for one of N, in microseconds.
sub measure {
    my ($name, $pid, $n, @args) = @_;
    my $before = ns($pid);

    load(@args);
    push @{ $cost{$name} }, (ns($pid) - $before) / $n / 1000;
}


sub bare {
    my ($name, @args) = @_;

    push @{ $cost{$name} }, load('bare', @args) + 0;
}


# The same on the worker's CPU, with the others as busy as they are while the
# worker works: on many machines two CPUs share one core.
sub bare_beside {
    my ($t, $name, $key, $size, $n, @more) = @_;
    my @first = @pin ? ($pin[0], '-c', 0) : ();

    $t->spawn('busy', [ @pin, $bench, 'bare', $key, $size, 1e9, @more ])
        if @pin;

    my $out = AttestTest::run_out([ @first, $bench, 'bare', $key, $size, $n,
        @more ], sec => 600);
    die "bare: $out" if $?;

    $t->stop_proc('busy', 'KILL') if @pin;
    push @{ $cost{$name} }, $out + 0;
}


# How late tokens are, and what memory the worker holds when all are open.
sub stream {
    my ($t, $name, $streams, @args) = @_;
    my $file = $t->path("logs/stream.out");
    my ($pid) = $t->workers();
    my $idle = worker_kb($pid);
    my $most = 0;
    my $end = time() + 300;

    unlink $file;
    $t->spawn('stream', [ @pin, $bench, 'stream', @args ]);

    while ($t->alive('stream')) {
        die "streams do not end\n" if time() > $end;
        $most = max($most, worker_kb($pid));
        sleep 0.2;
    }

    delete $t->{procs}{stream};
    my ($p50, $p99) = AttestTest::read_file($file)
        =~ /^([\d.]+) ([\d.]+) [\d.]+$/m
        or die "stream: " . AttestTest::read_file($file);

    push @{ $lag{"$name p50"} }, $p50;
    push @{ $lag{"$name p99"} }, $p99;
    push @{ $memory{$name} }, ($most - $idle) / $streams;
}


# static.pem, as long in DER as another one, and of a key like ours.  By a CA
# in ca.pem, or by itself.
sub certificate {
    my ($t, $like, %o) = @_;
    my $want = der_length($like);
    my $padding = $want - 400;
    my @ca;

    if ($o{ca}) {
        openssl($t, 'ca', "basicConstraints = critical, CA:TRUE\n"
            . 'keyUsage = keyCertSign');
        @ca = ('-CA', $t->path('ca.pem'), '-CAkey', $t->path('ca.key'));
    }

    for (1 .. 6) {
        openssl($t, 'static', sprintf("subjectAltName = DNS:localhost\n"
            . '1.3.6.1.4.1.99999.1 = DER:04:82:%02x:%02x%s', $padding >> 8,
            $padding & 255, ':5a' x $padding), @ca);

        my $off = $want
            - der_length(AttestTest::read_file($t->path('static.pem')));
        return if abs($off) <= 2;
        $padding += $off;
    }

    die "no certificate of $want bytes\n";
}


sub openssl {
    my ($t, $name, $extensions, @more) = @_;

    AttestTest::write_file($t->path("$name.cnf"), <<"END");
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = $name.test
[ext]
$extensions
END
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'req',
        '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-days', '2', '-config', $t->path("$name.cnf"), '-keyout',
        $t->path("$name.key"), '-out', $t->path("$name.pem"), @more ]);
    die $out if $?;
}


sub der_length {
    my ($pem) = @_;
    my ($base64) = $pem =~ /-\n(.*?)-----END/s or die "no certificate\n";

    $base64 =~ s/[\s=]//g;
    return int(length($base64) * 3 / 4);
}


sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $n = @sorted;

    return $n % 2 ? $sorted[$n / 2] : ($sorted[$n / 2 - 1] + $sorted[$n / 2])
        / 2;
}


sub row {
    my ($name, $values, $rest) = @_;

    printf "%-46s %9.1f %9.1f %9.1f  %s\n", $name, median(@$values),
        min(@$values), max(@$values), $rest // '';
}


sub heading {
    printf "\n%-46s %9s %9s %9s\n", $_[0], 'median', 'min', 'max';
}


# Each value over the sum of those measured just before or after it: what
# else the machine does changes slower than that.
sub over {
    my ($what, @sum) = @_;

    return [ map { my $i = $_; $what->[$i] / sum(map { $_->[$i] } @sum) }
        0 .. $#$what ];
}


sub ratio {
    my ($what, $over, $target) = @_;
    my $ratio = median(@$what) / $over;

    return sprintf('%.2f x', $ratio) . ($target ? sprintf(
        ' (target %.2f: %s)', $target, $ratio <= $target ? 'met' : 'MISSED')
        : '');
}


sub machine {
    my ($cpu) = AttestTest::read_file('/proc/cpuinfo')
        =~ /^model name\s*:\s*(.*)$/m;
    my $nginx = AttestTest::run_out([ AttestTest::nginx(), '-v' ]);
    my $openssl = AttestTest::run_out([ AttestTest::which('openssl'),
        'version' ]);

    chomp($nginx, $openssl);
    printf "%s, %d CPUs, Linux %s\n%s, %s\n", $cpu // 'unknown CPU', $cpus,
        (POSIX::uname())[2], $nginx, $openssl =~ s/ \(.*//r;
}


1;
