#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

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
chdir AttestTest::top() or die $!;

AttestTest::scenario([ $bin, 'live', $mount,
    map { $t->path($_) } qw(tsm.control tsm.log files tsm-roots.pem) ]);

ok(!(grep { /^bad / } $t->tsm_log()), 'the double understood all of it');
is($t->stop_fake_tsm(), 0, 'the double ends')
    or diag(AttestTest::read_file($t->path('logs/fake_tsm.out')));

$t->finish();
done_testing();
