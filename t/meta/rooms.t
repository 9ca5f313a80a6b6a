# SPDX-License-Identifier: Apache-2.0
#
# The rooms of the house: who may include and call whom, no circle of files
# anywhere, no nginx below http/.

use strict;
use warnings;

use Test::More;

use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;

use lib "$FindBin::Bin/../lib";
use Rooms;

my $top = "$FindBin::Bin/../..";
my $house = "$top/ngx_attest_module";
my $build = "$top/build";

plan(skip_all => 'no nm') if system('nm --version > /dev/null 2>&1');

my $files = Rooms::sources($house);

test_layout();
test_house('the module', glob("$build/nginx/addon/*/*.o"));
test_house('command and library', objects(qw(core client cli)));
test_house('the library', objects(qw(core lib)));
test_mutants();

done_testing();


sub objects {
    my @found;

    for my $dir (@_) {
        push @found, glob("$build/obj/$dir/*.o $build/obj/$dir/*/*.o");
    }

    return @found;
}


sub none {
    my ($what, @bad) = @_;

    ok(!@bad, $what) or diag(join "\n", @bad);
}


sub test_layout {
    cmp_ok(scalar keys %$files, '>', 100, 'there are files to look at');

    none('every file lies in a room',
        grep { !$Rooms::USES{ Rooms::room($_) } } sort keys %$files);
    none('no two files have one name', Rooms::twins($files));
    none('includes go downwards, by path',
        Rooms::wrong_includes($house, $files));
    none('no circle of headers',
        Rooms::circles(Rooms::header_includes($house, $files)));

    my @arrows = map { my $from = $_; map { [ $from, $_ ] }
        @{ $Rooms::USES{$from} } } keys %Rooms::USES;
    my @back = grep { my ($f, $t) = @$_;
        grep { $_->[0] eq $t && $_->[1] eq $f } @arrows } @arrows;

    # the root of http/ is the top, and the bottom: problem, types
    none('and the table of rooms itself has no way back',
        map { "$_->[0] and $_->[1]" }
        grep { $_->[0] !~ /^http/ || $_->[1] !~ /^http/ } @back);
}


# Objects are named after their sources, and after the folders of these.
sub test_house {
    my ($what, @objects) = @_;
    my %of;

    for my $object (@objects) {
        my $source = Rooms::source_of($object, $files);

        $of{$source} = $object if defined $source;
    }

    cmp_ok(scalar keys %of, '>', 20, "$what: there are objects");

    my $calls = Rooms::calls(\%of);

    none("$what: calls go downwards", Rooms::wrong_calls($calls));
    none("$what: no circle of files", Rooms::circles($calls));
}


# That all this can fail: a small house, with each of the faults.
sub test_mutants {
    my $dir = tempdir(CLEANUP => 1);
    my %text = (
        'core/base/low.h' => "int low(void);\n",
        'core/base/low.c' => "#include \"core/policy/high.h\"\n"
            . "#include \"core/base/low.h\"\n#include \"low.h\"\n"
            . "#include <ngx_core.h>\n"
            . "int low(void) { return high(); }\n",
        'core/policy/high.h' => "int high(void);\nint other(void);\n",
        'core/policy/high.c' => "#include \"core/policy/high.h\"\n"
            . "int (*table[])(void) = { other };\n"
            . "int high(void) { return table[0](); }\n",
        'core/policy/other.c' => "#include \"core/policy/high.h\"\n"
            . "int other(void) { return high(); }\n",
        'core/crypto/low.c' => "int alone;\n",
    );
    my %object;

    for my $file (keys %text) {
        my ($room) = $file =~ m{(.*)/};

        make_path("$dir/$room");
        open my $fh, '>', "$dir/$file" or die "$dir/$file: $!\n";
        print $fh $text{$file};
        close $fh or die "$dir/$file: $!\n";
    }

    my $small = Rooms::sources($dir);
    my $bad = join "\n", Rooms::wrong_includes($dir, $small);

    like($bad, qr{^core/base/low\.c:1: .*core/policy/high\.h}m,
        'an include that goes up is found');
    like($bad, qr{^core/base/low\.c:3: .*low\.h, which is no}m,
        'one without a path is found');
    like($bad, qr{^core/base/low\.c:4: .*ngx_core}m,
        'one of nginx is found');
    is(scalar(split /\n/, $bad), 3, 'and nothing else');

    is(join("\n", Rooms::twins($small)),
        'core/base/low.c and core/crypto/low.c', 'twins are found');

    is(Rooms::source_of('build/obj/core/base/low.o', $small),
        'core/base/low.c', 'an object is that of its folder');
    is(Rooms::source_of('build/nginx/addon/crypto/low.o', $small),
        'core/crypto/low.c', 'also by the last folder alone');
    is(Rooms::source_of('build/obj/core/policy/low.o', $small), undef,
        'not one that a source left behind which is gone');

    for (qw(core/base/low core/policy/high core/policy/other)) {
        (my $out = "$dir/$_.o") =~ s{.*/}{$dir/};

        # nginx's headers are not needed for it
        is(system("sed '/ngx_/d; /\"low/d' $dir/$_.c | "
                . "cc -I$dir -x c -c - -o $out"), 0, "$_ compiles");
        $object{"$_.c"} = $out;
    }

    my $calls = Rooms::calls(\%object);

    is(join("\n", Rooms::wrong_calls($calls)),
        'core/base/low.c calls high() of core/policy/high.c',
        'a call that goes up is found, with both names');
    is(join("\n", Rooms::circles($calls)),
        "a circle of 2 files:\n"
        . "  core/policy/high.c -> core/policy/other.c (other)\n"
        . "  core/policy/other.c -> core/policy/high.c (high)",
        'a circle through a table is found, with all names');
}
