# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# What nginx has written: its logs, and that nothing in them is forbidden.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use File::Basename qw(dirname basename);
use File::Copy ();
use File::Find ();
use File::Path qw(make_path remove_tree);
use Test::More ();

# What no log may ever hold: a secret, a prompt, a sanitizer's complaint.
our $CANARY = 'CANARY-7f3a';
our @FORBIDDEN = (
    qr/\[(?:alert|crit|emerg)\]/,
    qr/ERROR: (?:Address|Leak|Memory|Thread)Sanitizer/,
    qr/runtime error:/,
    qr/PRIVATE KEY/,
    qr/\Q$CANARY\E/,
    qr/exited on signal/,
    qr/open socket #\d+ left/,
    qr/^==\d+== (?!Warning: set address range|$)/,
);


sub error_log  { return read_file($_[0]->path('logs/error.log')) }


sub access_log { return read_file($_[0]->path('logs/access.log')) }


sub mark_log   { $_[0]->{mark} = -s $_[0]->path('logs/error.log') || 0 }


# The first match behind mark_log(), or the empty string after $sec seconds.
sub wait_log {
    my ($self, $re, $sec) = @_;

    return until_true($sec || 20, sub {
        my $log = substr($self->error_log(), $self->{mark} || 0);
        return $log =~ /($re)/ ? $1 : undef;
    }) // '';
}


# Expected in this test although forbidden elsewhere.
sub allow { push @{ $_[0]->{allow} }, $_[1] }


# One test: nothing forbidden in anything that nginx wrote.  Runs by itself
# at the end of the test file too.
sub check_logs {
    my ($self) = @_;
    my @bad;

    $self->{checked} = 1;

    for my $file ($self->written_files()) {
        push @bad, $self->bad_lines($file);
    }

    Test::More::ok(!@bad, 'nothing forbidden in logs and files');
    Test::More::diag("$_\n") for @bad[0 .. ($#bad < 19 ? $#bad : 19)];
    return !@bad;
}


# All but what the test itself wrote (keys are named *.key), and the backend's
# raw record.
sub written_files {
    my ($self) = @_;
    my @files;

    my $tsm = $self->path('tsm');

    File::Find::find({ no_chdir => 1, preprocess => sub {
        return $File::Find::dir eq $tsm ? () : @_;
    }, wanted => sub {
        return if !-f $_ || m{/tpm/|/client/|/nginx\.conf$}
            || /\/backend\.raw$|\.key$/;
        push @files, $_;
    } }, $self->{dir});

    return sort @files;
}


sub bad_lines {
    my ($self, $file) = @_;
    my @bad;

    open my $fh, '<:raw', $file or return "$file: $!";

    while (my $line = <$fh>) {
        my ($re) = grep { $line =~ $_ } @FORBIDDEN or next;
        next if grep { $line =~ $_ } @{ $self->{allow} };
        chomp $line;
        push @bad, basename($file) . ":$.: " . substr($line, 0, 300);
    }

    return @bad;
}


# Logs stay where scripts/test looks through them once more.
sub keep_logs {
    my ($self) = @_;
    my $to = $ENV{ATTEST_LOG_DIR} or return;

    $to .= '/' . (asan() ? 'asan-' : '') . basename($0) . "-$$";
    make_path($to);
    File::Copy::copy($_, "$to/" . basename($_)) for $self->written_files();
}


1;
