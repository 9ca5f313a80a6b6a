#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# The NVIDIA provider against a double of NVIDIA's library.  ATTEST_UNIT:
# folder of the test binaries (build/unit).

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use lib abs_path(dirname(__FILE__) . '/../lib');
use AttestTest;

my $top = AttestTest::top();
my $bin = ($ENV{ATTEST_UNIT} || "$top/build/unit") . '/test_provider_nvidia';

$bin = abs_path($bin);
plan(skip_all => 'no test_provider_nvidia') unless $bin && -x $bin;

my $t = AttestTest->new(canary => 0);
my $dir = $t->fake_nvml();
chdir $top or die;

AttestTest::run_scenario($bin, 'double', [ $dir ]);

# Nobody who is not told where it lies finds it.
my @real = grep { -e "$_/libnvidia-ml.so.1" } '/usr/lib', '/usr/lib64',
    glob('/usr/lib/*-linux-gnu');

AttestTest::run_scenario($bin, 'absent', [ $dir ]) if !@real;

$t->fake_nvml('gpus 2');
$ENV{LD_LIBRARY_PATH} = $t->nvml_env()->{LD_LIBRARY_PATH};
AttestTest::run_scenario($bin, 'found', [ $dir ]);

AttestTest::done();
