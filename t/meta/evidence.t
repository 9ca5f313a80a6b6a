# SPDX-License-Identifier: Apache-2.0

# Evidence of others stays outside of the repository: t/data/README.md lists
# it, what is there is what the list says, and nothing of it lies here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Digest::SHA qw(sha256_hex sha384);
use Test::More;

my $top = AttestTest::top();
my $list = AttestTest::read_file("$top/t/data/README.md");
my %sha = $list =~ /^\| (\S+) \| ([0-9a-f]{64}) \|/mg;
my @tracked = grep { -f "$top/$_" } split /\0/,
    AttestTest::run_out([ 'git', '-C', $top, 'ls-files', '-z' ]);

cmp_ok(scalar keys %sha, '>', 50, 'files are listed');

# What tests ask for, in C and Perl, is on the list.
my %asked;

for my $file (grep { m{^t/.*\.(?:c|h|t)$} } @tracked) {
    my $text = AttestTest::read_file("$top/$file");
    $asked{$1}++ while $text =~ m{["'/ ]((?:nitro|nvidia|ratls-certs)/
        [\w.-]+\.(?:bin|json|pem|hex|txt))["']}gx;
}

is(join(' ', grep { !$sha{$_} } sort keys %asked), '',
    'what tests ask for is listed');

SKIP: {
    my $why = AttestTest::no_fixtures(sort keys %sha);
    skip $why, 1 if $why;

    is(join(' ', grep { sha256_hex(AttestTest::fixture($_)) ne $sha{$_} }
        sort keys %sha), '', 'the files are those that are listed');
}

SKIP: {
    skip 'no git here', 2 if !@tracked;

    my %known = reverse %sha;
    my @copies = grep { $known{sha256_hex(AttestTest::read_file(
        "$top/$_"))} } @tracked;
    is("@copies", '', 'no copy lies in the repository');

    my @there = grep { !defined AttestTest::no_fixtures($_) } keys %sha;
    skip 'no real evidence to look for', 1 if !@there;
    is(join(' ', embedded(\@there, grep { m{^t/(?:data|fuzz)/} } @tracked)),
        '', 'nor a piece of one in data and seeds');
}

done_testing();


# Files in which 64 bytes of evidence lie, taken at each 32 bytes of it.  What
# is shorter, or has a piece of a digest of zeros, is anybody's.
sub embedded {
    my ($names, @files) = @_;
    my (%piece, @found);
    my $zeros = join '|', map { quotemeta } unpack '(a12)*',
        sha384("\0\0\0\0");

    for my $name (@$names) {
        my $bytes = AttestTest::fixture($name);

        for (my $i = 0; $i + 64 <= length $bytes; $i += 32) {
            my $part = substr $bytes, $i, 64;
            my %seen = map { $_ => 1 } unpack 'C*', $part;
            $piece{$part} = $name if keys %seen > 36
                && $part =~ /[^\x20-\x7e\n]/ && $part !~ /$zeros/;
        }
    }

    for my $file (@files) {
        my $bytes = AttestTest::read_file("$top/$file");

        for my $i (0 .. length($bytes) - 64) {
            my $name = $piece{substr $bytes, $i, 64} or next;
            push @found, "$file ($name)";
            last;
        }
    }

    return @found;
}
