
# The rules of style that a script can check.

use strict;
use warnings;

use Test::More;

my $ours = 'git ls-files -co --exclude-standard 2> /dev/null';
my $all = "find . -type f -not -path './.git/*' -not -path './build/*'"
    . " -printf '%P\\n'";
my @tree = grep { -f } split /\n/, `which git > /dev/null && $ours || $all`;

my @c = grep { /\.[ch]$/ && !m{^t/data/} } @tree;
my @scripts = grep { m{^(?:scripts|\.ci)/|\.(?:t|pm|py|js|mjs|sh|conf)$} }
    @tree;

# Lines of a function, empty ones not counted: glue may be a little longer.
my %limit = (core => 40, providers => 40, cli => 40, glue => 60, t => 80);

cmp_ok(scalar @c, '>', 10, 'there are C files to look at');

for my $file (sort @c) {
    my @bad = (check_lines($file), check_c($file));

    ok(!@bad, $file) or diag(join "\n", @bad);
}

for my $file (sort @scripts) {
    my @bad = check_lines($file);

    ok(!@bad, $file) or diag(join "\n", @bad);
}

# A file that names a folder of the machine it was written on works nowhere
# else.  Written apart, so that this file does not match itself.
my $home = join '|', map { "/$_/" } 'wo' . 'rk', 'ho' . 'me', 'ro' . 'ot';

for my $file (sort grep { -T } @tree) {
    my @bad = grep { /(?:^|[\s'"=(:])(?:$home)[\w.]/ } lines($file);

    ok(!@bad, "$file: no path of one machine") or diag(join "\n", @bad);
}

done_testing();


sub lines {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!\n";
    my @lines = <$fh>;
    chomp @lines;
    return @lines;
}


sub check_lines {
    my ($file) = @_;
    my $n = 0;
    my @bad;

    for (lines($file)) {
        $n++;
        push @bad, "$file:$n: longer than 80 columns" if length > 80;
        push @bad, "$file:$n: trailing space" if /\s$/;
        push @bad, "$file:$n: tab" if /\t/;
    }

    return @bad;
}


sub check_c {
    my ($file) = @_;
    my ($room) = $file =~ m{ngx_attest_module/(core|providers|cli)/};
    my $limit = $limit{ $room || ($file =~ m{^t/} ? 't' : 'glue') };
    my ($n, $start, $length, $prev) = (0, undef, 0, '');
    my @bad;

    for (lines($file)) {
        $n++;

        (my $code = $_) =~ s/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/""/g;
        push @bad, "$file:$n: // comment" if $code =~ m{(?<!:)//};

        if (/^\{/ && $prev =~ /[)\w]$/) {
            ($start, $length) = ($n, 0);

        } elsif (/^\}/ && defined $start) {
            push @bad, "$file:$start: function of $length lines"
                if $length > $limit;
            undef $start;

        } elsif (/\S/) {
            $length++;
        }

        $prev = $_;
    }

    return @bad;
}
