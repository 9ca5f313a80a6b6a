#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# The Nitro provider against a security module that is preloaded
# (t/doubles/fake_nsm.c).  The scenarios are in test_provider_nitro.c.

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use AttestTest;

my $unit = $ENV{ATTEST_UNIT} || AttestTest::build() . '/unit';
my $bin = abs_path("$unit/test_provider_nitro");

plan(skip_all => "no $unit/test_provider_nitro") if !$bin || !-x $bin;

my $t = AttestTest->new();
$t->fake_nsm();
chdir AttestTest::top() or die $!;

AttestTest::scenario([ $bin, 'live', $t->path('nsm.control'),
    $t->path('nsm.log') ], env => $t->nsm_env());

ok(!(grep { /^bad / } $t->nsm_log()), 'the double understood all of it');

$t->finish();
done_testing();
