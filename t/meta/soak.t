# SPDX-License-Identifier: Apache-2.0

# The short form of scripts/soak: memory after thousands of requests, and of
# streams that clients left in the middle.

use strict;
use warnings;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/../lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup curl));
plan(skip_all => $missing) if $missing;

# Tools that keep what was freed say nothing about growth.
plan(skip_all => 'not below valgrind or sanitizers')
    if AttestTest::valgrind() || AttestTest::asan();

local $ENV{ATTEST_NO_SETUP} = 1;

my $out = AttestTest::run_out([ AttestTest::top() . '/scripts/soak',
    '--requests', 5000 ], sec => 300);

is($?, 0, 'scripts/soak') or diag($out);
like($out, qr/^no growth$/m, 'no growth');

my ($requests) = $out =~ /^(\d+) requests in/m;
cmp_ok($requests || 0, '>=', 5000, 'so many requests');
note($out);

done_testing();
