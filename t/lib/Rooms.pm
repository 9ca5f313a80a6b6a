# SPDX-License-Identifier: Apache-2.0
#
# Who includes and who calls whom.  Includes are read from the sources, calls
# from the symbols of the objects: what a table of functions points to is a
# call, too.

package Rooms;

use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Find qw(find);

# A room may use itself and these.  The arrows go downwards only: what is
# missing here is not allowed.
my @base = qw(core/base);
my @crypto = ('core/crypto', @base);
my @evidence = ('core/evidence', @crypto);
my @policy = ('core/policy', @evidence);
my @prompt = ('core/prompt', @crypto);
my @core = ('core/appraisal', 'core/prompt', @policy);
my @http = ('providers', @core, 'http', 'http/evidence');
my @client = ('client', @core);

our %USES = (
    'core/base'      => [],
    'core/crypto'    => \@base,
    'core/prompt'    => \@crypto,
    'core/evidence'  => \@crypto,
    'core/policy'    => \@evidence,
    'core/appraisal' => [ @policy, 'core/prompt' ],
    'providers'      => \@core,
    'lib'            => \@core,
    'client'         => \@core,
    'cli'            => \@client,
    'http/evidence'  => [ 'providers', @core, 'http' ],
    'http/prompt'    => \@http,
    'http/upstream'  => [ 'client', @http, 'http/prompt' ],
    'http'           => [ @http, 'http/prompt', 'http/upstream' ],
);

# nginx's own way: every file of a module asks for its configuration with the
# address of the module's structure.
our %INHERENT = (ngx_http_attest_module => 1,
    ngx_http_attest_sealing_module => 1);


# sources(DIR): path below DIR => 1, for each .c and .h
sub sources {
    my ($dir) = @_;
    my %file;

    find({ no_chdir => 1, wanted => sub {
        return unless -f && /\.[ch]$/;
        (my $path = $_) =~ s{^\Q$dir\E/}{};
        $file{$path} = 1;
    } }, $dir);

    return \%file;
}


# source_of(OBJECT, FILES): whose object it is.  Make keeps the whole path below
# obj/, nginx the last folder.  undef: its source is gone, or has moved.
sub source_of {
    my ($object, $files) = @_;
    my ($dir, $name) = $object =~ m{(?:/obj|/addon)/(.+)/([^/]+)\.o$}
        or return undef;
    my @found = grep { m{(?:^|/)\Q$dir/$name.c\E$} } sort keys %$files;

    return $found[0];
}


sub room { my $dir = dirname($_[0]); return $dir eq '.' ? '' : $dir }


# includes(DIR, FILE): [ 'path' or '<path>', line ], ...
sub includes {
    my ($dir, $file) = @_;
    my @found;

    open my $fh, '<', "$dir/$file" or die "$dir/$file: $!\n";
    while (<$fh>) {
        push @found, [ $1, $. ] if /^\s*#\s*include\s*"([^"]+)"/;
        push @found, [ "<$1>", $. ] if /^\s*#\s*include\s*<([^>]+)>/;
    }

    return @found;
}


# symbols(OBJECT): what it has, and what it asks for
sub symbols {
    my ($object) = @_;
    my (%has, %asks);

    open my $fh, '-|', 'nm', $object or die "nm: $!\n";
    while (<$fh>) {
        $has{$1} = 1 if /^[0-9a-f]+ [BCDGRSTVW] (\S+)$/;
        $asks{$1} = 1 if /^\s+[Uvw] (\S+)$/;
    }
    close $fh or die "nm $object: $?\n";

    return (\%has, \%asks);
}


# calls({ FILE => OBJECT }): { FILE => { OTHER => symbol } }.  Two files that
# have the same symbol are not of one program: that one is nobody's.
sub calls {
    my ($objects) = @_;
    my (%owner, %asks, %calls);

    for my $file (sort keys %$objects) {
        my ($has, $asks) = symbols($objects->{$file});

        $asks{$file} = $asks;
        $owner{$_} = exists $owner{$_} ? undef : $file for keys %$has;
    }

    for my $file (keys %asks) {
        $calls{$file} = {};

        for my $name (sort keys %{ $asks{$file} }) {
            my $other = $owner{$name};

            next if !defined $other || $other eq $file || $INHERENT{$name};
            $calls{$file}{$other} = $name;
        }
    }

    return \%calls;
}


# upward(FROM, TO): 1 when that arrow is not one of the house's
sub upward {
    my ($from, $to) = map { room($_) } @_;

    return 0 if $from eq $to;
    return !grep { $_ eq $to } @{ $USES{$from} || [] };
}


# wrong_calls(CALLS): a line for each that goes up
sub wrong_calls {
    my ($calls) = @_;
    my @bad;

    for my $file (sort keys %$calls) {
        for my $other (sort keys %{ $calls->{$file} }) {
            push @bad, "$file calls $calls->{$file}{$other}() of $other"
                if upward($file, $other);
        }
    }

    return @bad;
}


# wrong_includes(DIR, FILES): a line for each
sub wrong_includes {
    my ($dir, $files) = @_;
    my @bad;

    for my $file (sort keys %$files) {
        for (includes($dir, $file)) {
            my ($path, $line) = @$_;
            my $at = "$file:$line: includes $path";

            if ($path =~ /^</) {
                push @bad, "$at, and is not of the http rooms"
                    if $path =~ /^<ngx_/ && room($file) !~ m{^http};

            } elsif (!$files->{$path}) {
                push @bad, "$at, which is no file's path in the house";

            } elsif (upward($file, $path)) {
                push @bad, "$at, a room above or beside it";
            }
        }
    }

    return @bad;
}


# header_includes(DIR, FILES): { HEADER => { OTHER => 'include' } }
sub header_includes {
    my ($dir, $files) = @_;
    my %graph;

    for my $file (grep { /\.h$/ } keys %$files) {
        $graph{$file} = { map { $_->[0] => 'include' }
            grep { $files->{ $_->[0] } } includes($dir, $file) };
    }

    return \%graph;
}


# circles(GRAPH): a line for each, with the names of its files and of one
# symbol for each arrow (Tarjan's components of more than one file)
sub circles {
    my ($graph) = @_;
    my (%index, %low, %on, @stack, @found);
    my $n = 0;
    my $visit;

    $visit = sub {
        my ($v) = @_;

        $index{$v} = $low{$v} = $n++;
        push @stack, $v;
        $on{$v} = 1;

        for my $w (sort keys %{ $graph->{$v} }) {
            next if !exists $graph->{$w};

            if (!exists $index{$w}) {
                $visit->($w);
                $low{$v} = $low{$w} if $low{$w} < $low{$v};

            } elsif ($on{$w} && $index{$w} < $low{$v}) {
                $low{$v} = $index{$w};
            }
        }

        return if $low{$v} != $index{$v};

        my (@circle, $w);

        do {
            $w = pop @stack;
            delete $on{$w};
            push @circle, $w;
        } while ($w ne $v);

        push @found, [ sort @circle ]
            if @circle > 1 || exists $graph->{$v}{$v};
    };

    for my $v (sort keys %$graph) {
        $visit->($v) if !exists $index{$v};
    }

    return map { describe($graph, @$_) } @found;
}


sub describe {
    my ($graph, @circle) = @_;
    my %in = map { $_ => 1 } @circle;
    my @arrows;

    for my $v (@circle) {
        push @arrows, map { "  $v -> $_ ($graph->{$v}{$_})" }
            grep { $in{$_} } sort keys %{ $graph->{$v} };
    }

    return join "\n", 'a circle of ' . @circle . ' files:', @arrows;
}


# twins(FILES): names that two files have
sub twins {
    my ($files) = @_;
    my %by;

    push @{ $by{ basename($_) } }, $_ for sort keys %$files;
    return map { join ' and ', @{ $by{$_} } }
        grep { @{ $by{$_} } > 1 } sort keys %by;
}


1;
