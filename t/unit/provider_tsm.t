#!/usr/bin/perl

# The configfs-tsm provider against a file system that behaves as the kernel's
# does (t/doubles/fake_tsm.c).  The scenarios are in test_provider_tsm.c.

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use AttestTest;

my $unit = $ENV{ATTEST_UNIT} || AttestTest::build() . '/unit';
my $bin = abs_path("$unit/test_provider_tsm");

plan(skip_all => "no $unit/test_provider_tsm") if !$bin || !-x $bin;

my $why = AttestTest::no_fake_tsm();
plan(skip_all => $why) if $why;

my $t = AttestTest->new();
my $mount = $t->fake_tsm();
mkdir $t->path('files');

scenario('live', $mount, map { $t->path($_) } qw(tsm.control tsm.log files));

ok(!(grep { /^bad / } $t->tsm_log()), 'the double understood all of it');
is($t->stop_fake_tsm(), 0, 'the double ends');

$t->finish();
done_testing();


# Its tests become ours.
sub scenario {
    my @args = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    chdir AttestTest::top() or die $!;
    open my $out, '-|', $bin, @args or die "$bin: $!";

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            ok(!$1, $2);
            $n++;
            $failed = 1 if $1;
        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;
        } elsif ($line =~ /^# ?(.*)/) {
            $failed ? diag($1) : note($1);
        } else {
            diag($line);
        }
    }

    close $out;
    ok($plan && $plan == $n && $? == ($failed << 8), 'ran to its end')
        or diag("status $?, $n of $plan");
}
