# SPDX-License-Identifier: Apache-2.0

package Interop;

# Stock clients for t/interop: installed below build/interop by their lock
# files, once, whoever comes first.
#
#   my $dir = Interop::npm();            # node_modules, and our own *.mjs
#   my $python = Interop::venv();        # a Python that has requirements.txt
#   my $python = Interop::venv('model'); # one that has requirements-model.txt
#   my ($status, $out, @checks) = Interop::checks([ $python, $script ]);

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use JSON::PP qw(decode_json);

use AttestTest;
use PromptClient;

my $from = AttestTest::top() . '/t/interop';
my $to = AttestTest::top() . '/build/interop';


sub npm {
    my @files = qw(package.json package-lock.json);

    once($to, \@files, sub {
        copy("$from/$_", $to) or die "$_: $!\n" for @files;
        return AttestTest::run_out([ AttestTest::which('npm'), 'ci',
            '--prefix', $to, '--ignore-scripts', '--no-audit', '--no-fund' ],
            sec => 300);
    });

    for my $file (glob "$from/*.mjs") {
        copy($file, "$to/") or die "$file: $!\n";
    }

    return $to;
}


# Why there can be no virtual environment, or undef.
sub no_venv {
    AttestTest::run_out([ PromptClient::python(), '-c',
        'import ensurepip, venv' ]);

    return if !$?;
    die "python3-venv is missing in CI\n" if $ENV{CI};
    return 'missing: python3-venv';
}


sub venv {
    my ($name) = @_;
    my $suffix = $name ? "-$name" : '';
    my ($dir, $list) = ("$to/venv$suffix", "requirements$suffix.txt");

    once($dir, [ $list ], sub {
        remove_tree("$dir/lib");
        my $said = AttestTest::run_out([ PromptClient::python(), '-m',
            'venv', $dir ], sec => 300);
        return $said if $?;
        return AttestTest::run_out([ "$dir/bin/python", '-m', 'pip',
            'install', '-q', '--disable-pip-version-check', '--no-deps',
            '-r', "$from/$list" ], sec => 300);
    });

    return "$dir/bin/python";
}


# Runs the code unless it has done so for these files; $? says how it went.
sub once {
    my ($dir, $files, $install) = @_;
    my $stamp = sha256_hex(map { AttestTest::read_file("$from/$_") } @$files);

    make_path($dir);
    open my $lock, '>', "$dir/.lock" or die "$dir: $!\n";
    flock($lock, LOCK_EX) or die "$dir: $!\n";

    return if AttestTest::read_file("$dir/.stamp") eq $stamp;

    my $said = $install->();
    die "@$files:\n$said" if $?;
    AttestTest::write_file("$dir/.stamp", $stamp);
}


# Debian 12's node is 18, the clients want 20: all it lacks is behind an
# option there.  We listen on IPv4 only.
sub node_env {
    my $version = AttestTest::run_out([ AttestTest::which('node'),
        '--version' ]);
    my ($major) = $version =~ /^v(\d+)/ or die "node: $version\n";

    return (NODE_NO_WARNINGS => 1,
        NODE_OPTIONS => '--dns-result-order=ipv4first'
            . ($major < 20 ? ' --experimental-global-webcrypto' : ''));
}


# A client that prints one line of JSON for each check; the wait status, all
# that it said, and the checks.
sub checks {
    my ($cmd, %env) = @_;
    my $out = AttestTest::run_out($cmd, sec => 240, env => \%env);
    my $status = $?;

    return ($status, $out, grep { defined $_->{name} }
        map { decode_json($_) } grep { /^\{"/ } split /\n/, $out);
}


1;
