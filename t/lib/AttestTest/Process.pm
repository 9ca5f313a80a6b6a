# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# Processes of a test: programs, free ports, folders, starting and stopping,
# clocks, logs, files, and scenarios of test binaries.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Test::More ();
use Time::HiRes qw(sleep time);

my ($slot, $slot_next, $slot_lock);


# The packaged Python comes first: others may be a shell script in front of
# one, which takes longer to start than all the rest.
sub which {
    my ($name) = @_;

    return "/usr/bin/$name" if $name eq 'python3' && -x "/usr/bin/$name";

    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
        return "$dir/$name" if -x "$dir/$name";
    }

    die "$name is not installed, see scripts/setup\n";
}


# Toolchains are often installed where no PATH points to; undef: nowhere.
sub tool {
    my ($name) = @_;
    my ($own) = grep { -x } "/usr/local/go/bin/$name",
        ($ENV{HOME} // '') . "/.cargo/bin/$name";

    return eval { which($name) } || $own;
}


# A reason to skip, or undef.  In CI nothing is skipped.
sub missing {
    my @missing = grep { !eval { which($_) } } @_;

    return if !@missing;
    die "missing in CI: @missing\n" if $ENV{CI};
    return "missing: @missing";
}


# The same for toolchains.
sub missing_toolchains {
    my @missing = grep { !tool($_) } @_;

    return if !@missing;
    die "missing in CI: @missing\n" if $ENV{CI};
    return "missing: @missing";
}


# A Go program of t/interop, built once for all tests that use it; its path.
sub build_go {
    my ($source, $name) = @_;
    my $dir = top() . "/build/interop/go";

    build_locked($dir, tool('go'), '-C', top() . "/t/interop/$source", 'build',
        '-mod=readonly', '-o', "$dir/$name", '.');
    return "$dir/$name";
}


# A command that builds into a folder, one at a time.
sub build_locked {
    my ($dir, @cmd) = @_;

    make_path($dir);
    open my $lock, '>', "$dir/.lock" or die "$dir: $!\n";
    flock($lock, Fcntl::LOCK_EX()) or die "$dir: $!\n";

    my $said = run_out(\@cmd, sec => 600);
    die "$cmd[0] failed:\n$said" if $?;
}


# A port nobody listens on.  Each process owns a range of 40, by a lock that
# it holds as long as it lives; the range lies below the ephemeral ports.
sub free_port {
    take_slot() if !defined $slot;

    for (1 .. 40) {
        my $port = 12000 + $slot * 40 + $slot_next++ % 40;
        my $s = IO::Socket::INET->new(LocalAddr => '0.0.0.0',
            LocalPort => $port, Proto => 'tcp', Listen => 1,
            ReuseAddr => 1) or next;
        close $s;
        return $port;
    }

    die "no free port\n";
}


sub take_slot {
    my $dir = "/tmp/ngx-attest-ports-$<";

    make_path($dir, { mode => 0700 });

    for my $try (0 .. 499) {
        my $i = ($$ + $try) % 500;
        sysopen(my $fh, "$dir/$i", O_CREAT | O_RDWR, 0600) or next;

        if (flock($fh, LOCK_EX | LOCK_NB)) {
            ($slot, $slot_next, $slot_lock) = ($i, 0, $fh);
            return;
        }
    }

    die "no free range of ports in $dir\n";
}


sub spawn {
    my ($self, $name, $cmd, %opts) = @_;
    my $log = $self->path("logs/$name.out");

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        die_with_parent();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        %ENV = (%ENV, %{ $opts{env} || {} });
        { exec { $cmd->[0] } @$cmd }
        print STDERR "cannot run $cmd->[0]: $!\n";
        POSIX::_exit(127);
    }

    $self->{procs}{$name} = $pid;
    return $pid;
}


# Even when the test is killed with -9 nothing stays: prctl(PR_SET_PDEATHSIG).
sub die_with_parent {
    my %number = (x86_64 => 157, aarch64 => 167, riscv64 => 167);
    my $prctl = $number{(POSIX::uname())[4]} or return;

    syscall($prctl, 1, POSIX::SIGTERM(), 0, 0, 0);
}


sub alive {
    my ($self, $name) = @_;
    my $pid = $self->{procs}{$name} or return 0;

    return waitpid($pid, WNOHANG) == 0;
}


# Stops by pid; returns the wait status, undef when it had to be killed.
sub stop_proc {
    my ($self, $name, $signal, $sec) = @_;
    my $pid = delete $self->{procs}{$name} or return;

    kill($signal || 'TERM', $pid);

    my $gone = until_true($sec || 20, sub { waitpid($pid, WNOHANG) != 0 });
    return $? if $gone;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}


# True as soon as the code says so; longer limits where nginx is slow.
sub until_true {
    my ($sec, $code) = @_;
    my $end = time() + $sec * (valgrind() ? 8 : asan() ? 2 : 1);

    while (1) {
        my $got = $code->();
        return $got if $got;
        return if time() > $end;
        sleep 0.03;
    }
}


sub wait_port {
    my ($port, $sec) = @_;

    return until_true($sec || 20, sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Timeout => 1);
    });
}


# How many times a text is in the memory of a process.
sub traces {
    my ($pid, $text) = @_;
    my $n = 0;

    no warnings 'portable';

    open my $mem, '<:raw', "/proc/$pid/mem" or die "memory of $pid: $!\n";

    for (split /\n/, read_file("/proc/$pid/maps")) {
        my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        my $size = hex($to) - hex $from;

        next if $size > 1 << 28 || !sysseek $mem, hex $from, 0;
        next if !sysread $mem, my ($data), $size;
        while ($data =~ /\Q$text\E/g) {
            $n++;
            Test::More::diag(sprintf '%s: %s', $_, substr($data,
                $-[0] > 60 ? $-[0] - 60 : 0, 120) =~ tr/ -~/./cr) if $ENV{V};
        }
    }

    return $n;
}


# t/doubles/fake_clock: clocks of nginx that set_clock() sets, from now on.
sub fake_clock {
    my ($self) = @_;
    my $env = nginx_env();
    my $so = build() . '/doubles/fake_clock.so';

    $self->{passed} = 0;
    write_file($self->path('clock'), pack('q q', 0, 0));
    $self->{nginx_env} = {
        %$env,
        LD_PRELOAD => join(' ', grep { defined } $env->{LD_PRELOAD}, $so),
        FAKE_CLOCK => $self->path('clock'),
    };
}


# How many seconds the wall clock and the boot-time clock are off.  In its
# place: the file is mapped.
sub set_clock {
    my ($self, $wall, $boot) = @_;

    open my $fh, '+<:raw', $self->path('clock') or die "clock: $!\n";
    syswrite $fh, pack('q q', $wall, $boot // 0);
    close $fh or die "clock: $!\n";
}


# So many seconds pass for nginx: no clock is set, and nobody has to wait.
sub pass_time {
    my ($self, $sec) = @_;

    $self->{passed} += $sec;
    $self->set_clock($self->{passed}, $self->{passed});
}


# Output of a command, both streams; $? is its status.  Options: stdin and
# stdout (files), env, sec.
sub run_out {
    my ($cmd, %o) = @_;
    my $file = File::Temp->new();
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', $o{stdin} || '/dev/null';
        open STDERR, '>', $file->filename;
        open STDOUT, '>&', \*STDERR;
        open STDOUT, '>', $o{stdout} if $o{stdout};
        %ENV = (%ENV, %{ $o{env} || {} });
        { exec { $cmd->[0] } @$cmd }
        POSIX::_exit(127);
    }

    my $end = time() + ($o{sec} || 120);
    until (waitpid($pid, WNOHANG)) {
        kill 'KILL', $pid if time() > $end;
        sleep 0.01;
    }

    my $status = $?;
    my $out = read_file($file->filename);
    $? = $status;
    return $out;
}


# '' when there is none.
sub read_file {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    local $/;
    return scalar(<$fh>) // '';
}


sub write_file {
    my ($path, $text) = @_;

    open my $fh, '>:raw', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}


# Runs a scenario of a C test, whose tests become ours; $step is called for
# what it asks to be done.
sub run_scenario {
    my ($bin, $name, $args, $step) = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    require IPC::Open2;
    my $pid = IPC::Open2::open2(my $out, my $in, $bin, $name, @$args);

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            Test::More::ok(!$1, "$name: $2");
            $n++;
            $failed = 1 if $1;
        } elsif ($line =~ /^STEP (\S+)/) {
            $step->($1);
            print $in "done\n";
            $in->flush();
        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;
        } elsif ($line =~ /^# ?(.*)/) {
            Test::More::note($1);
        } else {
            Test::More::diag($line);
        }
    }

    waitpid $pid, 0;
    my $status = $?;
    Test::More::ok($plan && $plan == $n && $status == ($failed << 8),
        "$name: ran to its end")
        or Test::More::diag("status $status, $n of $plan");
}


# A scenario of a test binary: its tests become ours.  Options: env.
sub scenario {
    my ($cmd, %o) = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    my $file = File::Temp->new();
    run_out($cmd, stdout => $file->filename, %o);
    my $status = $?;

    for (split /\n/, read_file($file->filename)) {
        if (/^(not )?ok \d+ - (.*)/) {
            Test::More::ok(!$1, $2);
            $n++;
            $failed = 1 if $1;
        } elsif (/^1\.\.(\d+)/) {
            $plan = $1;
        } elsif (/^# ?(.*)/) {
            $failed ? Test::More::diag($1) : Test::More::note($1);
        } else {
            Test::More::diag($_);
        }
    }

    Test::More::ok($plan && $plan == $n && $status == ($failed << 8),
        'ran to its end')
        or Test::More::diag("status $status, $n of $plan");
}


1;
