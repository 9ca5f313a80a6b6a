# SPDX-License-Identifier: Apache-2.0

package Docs;

# The documents that people read, README.md, CONTRIBUTING.md and docs/*.md:
# their code, their tables of what "nginx -t" says, their links.
#
#   for my $s (Docs::snippets('docs/x.md')) { ... }     { file, line,
#       language, words, text, heading }
#   for my $r (Docs::rows('docs/x.md')) { ... }         { file, line, where,
#       kind, heading, code, message }
#
# A block's first line says what it is:
#
#   nginx            a complete configuration
#   nginx http, nginx server, nginx location       a part, at that level
#   nginx ... machine    depends on the machine: not run
#   sh               ngx-attest and curl alone: run against README's gateway;
#                    all others are only read
#   json, hex        data; t/meta/spec.t has more to say of it
#   c                a program that is compiled
#   js, python       a program for Node or Python; t/interop has the tests
#   text             nothing that can be run

use strict;
use warnings;

use File::Basename qw(dirname);

use AttestTest;


sub files {
    my @files = map { my $f = $_; $f =~ s{^\Q${\ AttestTest::top() }\E/}{};
        $f } glob AttestTest::top() . '/{README,CONTRIBUTING,SECURITY}.md '
        . AttestTest::top() . '/docs/*.md ' . AttestTest::top() . '/t/*.md '
        . AttestTest::top() . '/t/data/*.md';

    return grep { -f AttestTest::top() . "/$_" } @files;
}


sub text {
    my ($file) = @_;

    return AttestTest::read_file(AttestTest::top() . "/$file");
}


# Every fenced block.
sub snippets {
    my ($file) = @_;
    my ($n, $in, @found) = (0);
    my $heading = '';

    for (split /\n/, text($file)) {
        $n++;

        if ($in && /^```\s*$/) {
            push @found, $in;
            undef $in;

        } elsif ($in) {
            $in->{text} .= "$_\n";

        } elsif (/^```(\S*) *(.*)$/) {
            $in = { file => $file, line => $n, language => $1, words => $2,
                text => '', heading => $heading };

        } elsif (/^#+ +(.*)/) {
            $heading = $1;
        }
    }

    die "$file: a block does not end\n" if $in;
    return @found;
}


# The first block of a file in a language.
sub snippet {
    my ($file, $language) = @_;
    my ($s) = grep { $_->{language} eq $language } snippets($file);

    return $s ? $s->{text} : die "no $language in $file\n";
}


# Rows of the tables "| in `LEVEL` ... | refused with |" and "| ... | said |".
sub rows {
    my ($file) = @_;
    my ($n, $table, @rows) = (0);

    for (split /\n/, text($file)) {
        $n++;

        if (/^\| in `(\w+)`(.*?) *\| *(refused with|said) *\|$/) {
            $table = { where => $1, instead => $2, kind => $3 };

        } elsif (!/^\|/) {
            undef $table;

        } elsif ($table && /^\| `(.*?)` \| `(.*)` \|$/) {
            push @rows, { %$table, file => $file, line => $n, code => $1,
                message => $2 };

        } elsif ($table && !/^\|-/) {
            die "$file:$n: no row of such a table\n";
        }
    }

    return @rows;
}


# A message of the documents as a pattern: "…" stands for anything.
sub pattern {
    my ($message) = @_;

    return join '.+', map { quotemeta } split /\xe2\x80\xa6/, $message, -1;
}


# Text without its blocks of code, fenced and indented.
sub prose {
    my ($file) = @_;
    my $text = text($file);

    $text =~ s/^```.*?^```$//gms;
    return $text;
}


# What GitHub makes of a heading.
sub anchor {
    my ($heading) = @_;

    $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
    $heading = lc $heading;
    $heading =~ s/[^\w\- ]//g;
    $heading =~ s/ /-/g;
    return $heading;
}


# { anchor => 1 } of a file.
sub anchors {
    my ($file) = @_;
    my (%seen, %anchors);

    for my $heading (prose($file) =~ /^#+ +(.*?) *$/mg) {
        my $anchor = anchor($heading);

        $anchors{ $seen{$anchor}++ ? "$anchor-" . ($seen{$anchor} - 1)
            : $anchor } = 1;
    }

    $anchors{$_} = 1 for prose($file) =~ /<a (?:id|name)="([^"]+)"/g;
    return \%anchors;
}


# Names in backticks that are headings of their own: "### `attest_tpm`".
sub entries {
    my ($file) = @_;

    return prose($file) =~ /^#{2,6} +`([^`]+)` *$/mg;
}


# Links of a file that do not lead anywhere.
sub broken {
    my ($file) = @_;
    my @bad;

    (my $text = prose($file)) =~ s/`[^`\n]*`/``/g;

    while ($text =~ /\]\(([^)\s]+)\)/g) {
        my $link = $1;
        next if $link =~ m{^[a-z]+://|^mailto:};

        my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $to = $path eq '' ? $file : canonical(dirname($file), $path);

        if (!-e AttestTest::top() . "/$to") {
            push @bad, "$link: no file $to";

        } elsif (defined $anchor && $to =~ /\.md$/
            && !anchors($to)->{$anchor})
        {
            push @bad, "$link: $to has no such heading";
        }
    }

    return @bad;
}


sub canonical {
    my ($dir, $path) = @_;
    my @parts;

    for (split m{/}, $dir eq '.' ? $path : "$dir/$path") {
        next if $_ eq '.';
        if ($_ eq '..') { pop @parts } else { push @parts, $_ }
    }

    return join '/', @parts;
}


1;
