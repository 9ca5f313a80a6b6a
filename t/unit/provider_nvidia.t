#!/usr/bin/perl

# The NVIDIA provider against a double of NVIDIA's library.  ATTEST_UNIT:
# folder of the test binaries (build/unit).

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $unit = $ENV{ATTEST_UNIT} || "$top/build/unit";
my $bin = abs_path("$unit/test_provider_nvidia");
my $doubles = "$unit/../doubles";

plan(skip_all => "no $unit/test_provider_nvidia") unless $bin && -x $bin;

my $dir = tempdir('attest-nvml-XXXXXX', TMPDIR => 1, CLEANUP => 1);

copy("$doubles/nvml/libnvidia-ml.so.1", $dir) or die "no double: $!";
copy("$doubles/nvml-old/libnvidia-ml.so.1", "$dir/old.so") or die;
chdir $top or die;

scenario('double', $dir);

# Nobody who is not told where it lies finds it.
scenario('not found', $dir, 0) if !grep { -e "$_/libnvidia-ml.so.1" }
    '/usr/lib', '/usr/lib64', glob('/usr/lib/*-linux-gnu');

write_control('gpus 2');
$ENV{LD_LIBRARY_PATH} = $dir;
scenario('found', $dir, 1);

done_testing();


# Runs the binary; its tests become ours.
sub scenario {
    my ($name, @args) = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    open(my $out, '-|', $bin, @args) or die "$bin: $!";

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            ok(!$1, "$name: $2");
            $n++;
            $failed = 1 if $1;
        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;
        } elsif ($line =~ /^# ?(.*)/) {
            note($1);
        } else {
            diag($line);
        }
    }

    close($out);
    ok($plan && $plan == $n && $? == ($failed << 8), "$name: ran to its end")
        or diag("status $?, $n of $plan");
}


sub write_control {
    my ($text) = @_;

    open(my $f, '>', "$dir/control") or die;
    print $f "$text\n";
    close($f);
}
