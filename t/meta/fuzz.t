# SPDX-License-Identifier: Apache-2.0

# Each fuzz target for a few seconds, from its corpus; scripts/fuzz runs them
# for long.  New inputs go to a folder below build/, never into the tree.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use File::Basename;
use File::Path qw(make_path remove_tree);
use Test::More;

my $top = AttestTest::top();
my $seconds = $ENV{FUZZ_SECONDS} || 2;
my @sources = glob "$top/t/fuzz/fuzz_*.c";

ok(@sources > 0, 'there are fuzz targets');

for my $source (@sources) {
    my $name = basename($source, '.c');
    my $binary = "$top/build/fuzz/$name";
    my $corpus = "$top/t/fuzz/corpus/$name";
    my $work = "$top/build/fuzz/work-$name-$$";
    my @files = glob "$corpus/*";
    my @seeds = @files ? $corpus : ();

    make_path($work);
    ok(@files > 0, "$name has a corpus");

    my $out = AttestTest::run_out([ $binary, "-max_total_time=$seconds",
        '-rss_limit_mb=1024', '-timeout=10', '-verbosity=0',
        '-print_final_stats=1',
        "-artifact_prefix=$work/", $work, @seeds ], sec => $seconds + 120);

    is($?, 0, "$name") or diag($out);
    like($out, qr/stat::number_of_executed_units:\s*[1-9]/, "$name ran");
    remove_tree($work) if $? == 0;
}

done_testing();
