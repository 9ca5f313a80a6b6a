# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# What stands for a guest's devices: configfs-tsm, NSM, NVML and a metadata
# service; and evidence, of the doubles and of real machines.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use File::Copy ();
use File::Path qw(make_path remove_tree);


# Where evidence of real machines lies; t/data/README.md lists it.
sub fixtures {
    return $ENV{ATTEST_FIXTURES} // top() . '/../shared/fixtures/evidence';
}


# Why these files of it cannot be used, or undef.
sub no_fixtures {
    my @missing = grep { !-r fixtures() . "/$_" } @_;

    return @missing
        ? 'real evidence ' . fixtures() . "/$missing[0] is not there" : undef;
}


sub fixture { return read_file(fixtures() . "/$_[0]") }


# What the doubles make of each kind, in files of a folder.
sub doubles_evidence {
    my ($dir) = @_;

    mkdir $dir;
    my $out = run_out([ build() . '/doubles/double_evidence', $dir ]);
    die "no evidence of the doubles: $out\n" if $? != 0;

    return $dir;
}


# Why there can be no double of configfs-tsm here, or undef.
sub no_fake_tsm {
    return 'no /dev/fuse here' if !-e '/dev/fuse';
    return 'built without libfuse3' if !-x build() . '/doubles/fake_tsm';
    return missing('fusermount3');
}


# t/doubles/fake_tsm, which behaves as a guest's configfs-tsm does; what its
# control file may say is written there.  Returns the path for attest_tsm; the
# roots for a policy are in the file tsm-roots.pem.
sub fake_tsm {
    my ($self, $control) = @_;
    my $mount = $self->path('tsm');

    make_path($mount);
    $self->tsm_control($control // '');
    my $dev = (stat $mount)[0];

    $self->spawn('fake_tsm', [ build() . '/doubles/fake_tsm',
        '--control=' . $self->path('tsm.control'),
        '--log=' . $self->path('tsm.log'),
        '--roots=' . $self->path('tsm-roots.pem'), $mount ]);

    until_true(60, sub { ((stat $mount)[0] // $dev) != $dev })
        or die "fake_tsm does not start:\n"
            . read_file($self->path('logs/fake_tsm.out'));
    return $mount;
}


# The same at the real one's place, in a mount namespace of its own; nginx
# runs there, too.  False where that is not allowed.
sub fake_tsm_in_place {
    my ($self, $control) = @_;
    my $mount = '/sys/kernel/config/tsm/report';
    my @double = (build() . '/doubles/fake_tsm',
        '--control=' . $self->path('tsm.control'),
        '--log=' . $self->path('tsm.log'),
        '--roots=' . $self->path('tsm-roots.pem'), $mount);

    $self->tsm_control($control // '');
    $self->spawn('fake_tsm', [ 'unshare', '-m', 'sh', '-ec',
        'mount -t tmpfs none /sys/kernel; mkdir -p "$1"; shift; exec "$@"',
        'sh', $mount, @double ]);

    my @inside = ('nsenter', '-m', '-t', $self->{procs}{fake_tsm}, '--');
    my $works = until_true(20, sub {
        return -1 if !$self->alive('fake_tsm');
        return run_out([ @inside, 'stat', '-f', '-c', '%T', $mount ])
            =~ /fuse/;
    }) || 0;

    delete $self->{procs}{fake_tsm} if $works == -1;
    $self->{inside} = \@inside if $works == 1;
    return $works == 1;
}


# By rename: the double must never see half of it.
sub tsm_control {
    my ($self, $text) = @_;
    my $file = $self->path('tsm.control');

    write_file("$file.new", "$text\n");
    rename "$file.new", $file or die "$file: $!\n";
}


sub tsm_log { return split /\n/, read_file($_[0]->path('tsm.log')) }


sub stop_fake_tsm {
    my ($self) = @_;
    my $status = $self->stop_proc('fake_tsm', 'TERM', 5);

    # When it was killed, the mount is still there.
    if (!defined $status || $status) {
        run_out([ which('fusermount3'), '-u', '-z', $self->path('tsm') ]);
    }

    return $status;
}


# t/doubles/fake_nsm, a Nitro security module in every process that is started
# with nsm_env(); nginx is, from now on.
sub fake_nsm {
    my ($self, $control) = @_;

    $self->nsm_control($control // '');
    $self->{nginx_env} = $self->nsm_env();

    # workers, another user, write there too
    write_file($self->path('nsm.log'), '');
    chmod 0666, $self->path('nsm.log');
}


sub nsm_env {
    my ($self) = @_;
    my $so = build() . '/doubles/fake_nsm.so';

    return {
        %{ nginx_env() },
        LD_PRELOAD       => asan() ? asan_libs() . " $so" : $so,
        FAKE_NSM_CONTROL => $self->path('nsm.control'),
        FAKE_NSM_LOG     => $self->path('nsm.log'),
    };
}


sub nsm_control {
    my ($self, $text) = @_;
    my $file = $self->path('nsm.control');

    write_file("$file.new", "$text\n");
    rename "$file.new", $file or die "$file: $!\n";
}


sub nsm_log { return split /\n/, read_file($_[0]->path('nsm.log')) }


# NVIDIA's library as ../doubles/fake_nvml.c plays it, in a folder of this
# test; programs that are started with the environment nvml_env() find it.
# The text says what it does, see there; call again to change it.
sub fake_nvml {
    my ($self, $text) = @_;
    my $dir = $self->path('nvml');

    make_path($dir);
    # not again: a worker may have it mapped
    for my $name (-e "$dir/old.so" ? () : qw(nvml nvml-old)) {
        File::Copy::copy(build() . "/doubles/$name/libnvidia-ml.so.1",
            "$dir/" . ($name eq 'nvml' ? 'libnvidia-ml.so.1' : 'old.so'))
            or die "no double of NVIDIA's library: $!\n";
    }

    write_file("$dir/control.new", ($text // 'gpus 1') . "\n");
    rename "$dir/control.new", "$dir/control" or die $!;
    return $dir;
}


sub nvml_env { return { LD_LIBRARY_PATH => $_[0]->path('nvml') } }


# Azure's metadata service; the folder holds its answers.  The address.
sub start_fake_imds {
    my ($self, $dir) = @_;
    my $port = $self->port('OFF_imds');

    $self->spawn('imds', [ which('python3'), top() . "/t/doubles/fake_imds.py",
        '--port', $port, '--dir', $dir ]);
    wait_port($port) or die "the fake metadata service does not start\n";
    return "127.0.0.1:$port";
}


1;
