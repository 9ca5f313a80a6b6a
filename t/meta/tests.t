# SPDX-License-Identifier: Apache-2.0

# t/README.md says what is where: each file has its line, each line its file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Test::More;

my $top = AttestTest::top();
my @tracked = split /\0/,
    AttestTest::run_out([ 'git', '-C', $top, 'ls-files', '-z', 't' ]);

plan(skip_all => 'no git here') if !@tracked;

my $text = AttestTest::read_file("$top/t/README.md");
my %line = map { $_ => 1 } $text =~ /^\| ([\w.\/-]+\.\w+) \| \S/mg;
my @files = grep { m{\.(?:t|c|h|pm|py|pl|supp)$}
    && !m{^t/(?:data|fuzz|bench/peer-|interop/(?!\w+\.t$))} } @tracked;

is(join(' ', grep { !$line{s{^t/}{}r} } @files), '', 'each file has a line');
is(join(' ', grep { !-e "$top/t/$_" } sort keys %line), '',
    'each line has a file');

my @seeds = map { m{^t/fuzz/corpus/(\w+)/} ? $1 : () } @tracked;
is(join(' ', grep { !-e "$top/t/fuzz/$_.c" } @seeds), '',
    'seeds have a target');

done_testing();
