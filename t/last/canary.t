# SPDX-License-Identifier: Apache-2.0

# Runs when all other tests are done: what nginx wrote in any of them holds no
# prompt, no key and no sanitizer's complaint.  scripts/test keeps the logs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use File::Find;
use Test::More;

my $dir = $ENV{ATTEST_LOG_DIR};

plan skip_all => 'scripts/test keeps the logs that this test reads'
    if !$dir || !-d $dir;

my @files;

find({ no_chdir => 1, wanted => sub { push @files, $_ if -f } }, $dir);

# A run of single files may have kept none; the whole run has.
plan skip_all => 'no test has kept a log' if !@files;

my @always = (
    qr/\Q$AttestTest::CANARY\E/,
    qr/PRIVATE KEY/,
    qr/Sanitizer/,
    qr/runtime error:/,
);

for my $re (@always) {
    my @hits = grep { AttestTest::read_file($_) =~ $re } @files;

    is("@hits", '', "no $re in " . @files . ' files');
}

done_testing();
