# SPDX-License-Identifier: Apache-2.0

# What the linker made: symbols, names and hardening of the binaries, as a
# distribution's checks read them, and the Makefile as packagers use it.

use strict;
use warnings;

use Test::More;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;

plan(skip_all => 'these are about the release') if AttestTest::asan();

for my $tool (qw(readelf nm make cc pkg-config)) {
    plan(skip_all => "no $tool") if !AttestTest::which($tool);
}

my $top = abs_path("$FindBin::Bin/..");
my $build = AttestTest::build();
my $dir = tempdir(CLEANUP => 1);
my $make = "make -s -C $top/ngx_attest_module";

test_module();
test_hardening();
test_library();
test_flags();
test_install();
test_32bit();
test_newer_libcbor();

done_testing();


sub out {
    my ($cmd) = @_;
    my $text = `$cmd 2>&1`;

    return ($? >> 8, $text);
}


sub symbols {
    my ($file) = @_;
    my (undef, $text) = out("nm -D --defined-only $file");

    return sort $text =~ /^[0-9a-f]+ [A-Z] (\S+)$/mg;
}


# nginx looks for three symbols; any other could be taken for, or replaced
# by, another module's.
sub test_module {
    is_deeply([ symbols(AttestTest::module()) ],
        [ qw(ngx_module_names ngx_module_order ngx_modules) ],
        'the module shows what nginx looks up, and nothing else');
}


sub test_hardening {
    my %what = (
        'ngx-attest' => 1,
        'libngx-attest.so' => 0,
        'ngx_http_attest_module.so' => 0,
    );

    for my $file (sort keys %what) {
        my (undef, $dynamic) = out("readelf -dW $build/$file");
        my (undef, $headers) = out("readelf -hlW $build/$file");

        like($dynamic, qr/\bBIND_NOW\b|\bFlags:.*\bNOW\b/,
            "$file: bound at its start");
        like($headers, qr/GNU_RELRO/, "$file: and read-only from then on");
        unlike($headers, qr/GNU_STACK.*RWE/, "$file: no executable stack");
        unlike($dynamic, qr/TEXTREL|RPATH|RUNPATH/,
            "$file: no text relocations, no search path");
        like($headers, qr/Type:\s+DYN/, "$file: position-independent");
        like($dynamic, qr/Flags:.*PIE/, "$file: an executable") if $what{$file};
    }
}


# Every function of the header, none besides, under a name that exists.
sub test_library {
    my $header = AttestTest::read_file(
        "$top/ngx_attest_module/lib/ngx_attest.h");
    my %api = map { $_ => 1 } $header =~ /\b(ngx_attest_\w+)\(/g;

    is_deeply([ symbols("$build/libngx-attest.so") ], [ sort keys %api ],
        'the library shows the functions of its header');

    my (undef, $dynamic) = out("readelf -dW $build/libngx-attest.so");
    my ($soname) = $dynamic =~ /SONAME.*\[(.*)\]/;

    like($soname, qr/^libngx-attest\.so\.\d+$/, 'its name has a number');
    ok(-e "$build/$soname", 'and there is a file of that name');
}


# Packagers say CFLAGS, CPPFLAGS and LDFLAGS on make's command line.
sub test_flags {
    my @flags = ("CFLAGS='-O1 -DMINE_C'", "CPPFLAGS=-DMINE_CPP",
        "LDFLAGS='-Wl,--defsym=mine_ld=0'");
    my ($rc, $log) = out("$make -n OUT=$dir/flags @flags all");

    is($rc, 0, 'flags on the command line');
    my @compile = grep { / -c (?:core|providers|cli|lib)/ } split /\n/, $log;
    cmp_ok(scalar @compile, '>', 50, 'compile');
    is_deeply([ grep { !/-DMINE_C .*/ || !/-DMINE_CPP/ } @compile ], [],
        'with them');
    is_deeply([ grep { !/ -I\. / || !/-fPIC/ || !/-fvisibility=hidden/
        || !/-D_GNU_SOURCE/ } @compile ], [], 'and with ours');
    is_deeply([ grep { /-Werror/ } @compile ], [],
        'warnings are no errors for strangers');
    is_deeply([ grep { /-Wframe-larger-than=8192/ == / -c cli\// } @compile ],
        [], 'big frames are warned of, but in the command');

    my ($link) = $log =~ /^(.*-soname.*(?:\n.*)?)/m;
    like($link, qr/mine_ld/, 'the library is linked with them');
    like($log, qr/-pie.*mine_ld/, 'and the command');

    (undef, $log) = out("$make -n OUT=$dir/flags WERROR=1 all");
    like($log, qr/-Werror/, 'they are with WERROR=1');

    for my $set ("CFLAGS=-O0", "CPPFLAGS=-D_FORTIFY_SOURCE=3 CFLAGS=-O2",
        "CFLAGS='-O2 -fPIE -fvisibility=default'")
    {
        ($rc, $log) = out("$make OUT=$dir/set $set "
            . "$dir/set/obj/core/base/attest_core.o");
        is($rc, 0, "$set compiles") or diag($log);
        is($log, '', 'without a warning');
        unlink "$dir/set/obj/core/base/attest_core.o";
    }
}


# A program is built with what pkg-config says, and starts.
sub test_install {
    my $inst = "$dir/stage/usr";
    my ($rc, $log) = out("$make WERROR=1 OUT=$build PREFIX=/usr "
        . "DESTDIR=$dir/stage install");

    is($rc, 0, 'make install') or diag($log);
    ok(-x "$inst/bin/ngx-attest", 'the command');
    ok(-f "$inst/include/ngx_attest.h", 'the header');
    ok(-f "$inst/lib/libngx-attest.a", 'the archive');
    is(readlink("$inst/lib/libngx-attest.so"), 'libngx-attest.so.0',
        'the name to link with');
    like(readlink("$inst/lib/libngx-attest.so.0"),
        qr/^libngx-attest\.so\.0\.\d+\.\d+$/, 'the name to start with');

    AttestTest::write_file("$dir/use.c", <<'END');
#include <stdio.h>
#include <ngx_attest.h>
int main(void) { puts(ngx_attest_version()); return 0; }
END
    my $pc = "PKG_CONFIG_PATH=$inst/lib/pkgconfig "
        . "PKG_CONFIG_SYSROOT_DIR=$dir/stage pkg-config";

    ($rc, $log) = out("cc -o $dir/use $dir/use.c "
        . "\$($pc --cflags --libs libngx-attest)");
    is($rc, 0, 'a program is linked') or diag($log);

    ($rc, $log) = out("LD_LIBRARY_PATH=$inst/lib $dir/use");
    is($rc, 0, 'and starts') or diag($log);
    (undef, my $version) = out("$pc --modversion libngx-attest");
    is($log, $version, 'in the version that pkg-config says');

    ($rc, $log) = out("cc -o $dir/static $dir/use.c -I$inst/include "
        . "$inst/lib/libngx-attest.a "
        . '$(pkg-config --libs libcrypto libsodium libcjson libcbor)');
    is($rc, 0, 'and one with the archive') or diag($log);
}


# libcbor counts in uint64_t since 0.9, and its callbacks have one more since
# then, that must not be NULL: its headers, made of those that are here.
sub newer_headers {
    my ($from) = grep { -f "$_/cbor/callbacks.h" }
        qw(/usr/include /usr/local/include);

    return if !defined $from;

    mkdir "$dir/newer";
    system("cp -r $from/cbor $from/cbor.h $dir/newer/") == 0 or return;

    my $name = "$dir/newer/cbor/callbacks.h";
    my $text = AttestTest::read_file($name);

    $text =~ s/(_callback\)\s?\(void\s?\*,[^;]*)\bsize_t\b/$1uint64_t/g;
    $text =~ s/(cbor_null_\w+\(void\s?\*,[^;]*)\bsize_t\b/$1uint64_t/g;
    $text =~ s/^};/  cbor_int8_callback simple_value;\n};/m
        if $text !~ /simple_value/;
    AttestTest::write_file($name, $text);

    $name = "$dir/newer/cbor/configuration.h";
    ($text = AttestTest::read_file($name)) =~
        s/(CBOR_MINOR_VERSION) \d+/$1 99/;
    AttestTest::write_file($name, $text);

    return "$dir/newer";
}


# Types only, so that no 32-bit libraries are needed.
sub test_32bit {
    my ($multi) = grep { -d } glob('/usr/include/*-linux-gnu');
    my $newer = newer_headers();

    mkdir "$dir/m32";
    mkdir "$dir/m32/gnu";
    AttestTest::write_file("$dir/m32/gnu/stubs-32.h", '');

    my $cc = "cc -m32 -fsyntax-only -std=c11 -D_GNU_SOURCE -Wall -Wextra "
        . "-Werror -I$dir/m32 " . ($multi ? "-idirafter $multi " : '');
    my ($rc) = out("echo '#include <openssl/evp.h>' | $cc -x c -");

  SKIP: {
        skip('no compiler for 32 bits', 2) if $rc != 0 || !defined $newer;

        my $m = "$top/ngx_attest_module";
        my ($bad, $log) = out("$cc -I$m $m/core/*/*.c $m/lib/*.c");
        is($bad, 0, 'the library compiles for 32 bits') or diag($log);

        ($bad, $log) = out("$cc -I$newer -I$m $m/core/base/attest_cbor.c");
        is($bad, 0, 'and with a newer libcbor') or diag($log);
    }
}


# A decoder that finds an unassigned simple value, as newer ones do: our
# reader refuses it, and calls nothing that is not there.
sub test_newer_libcbor {
    my $newer = "$dir/newer";

    AttestTest::write_file("$dir/simple.c", <<'END');
#include <cbor/encoding.h>
#include <cbor/streaming.h>
#include "core/base/attest_cbor.h"

static int  called;

static void
nothing(void *ctx, uint8_t v)
{
    (void) ctx;
    called = v;
}

const struct cbor_callbacks  cbor_empty_callbacks = {
    .simple_value = nothing
};

struct cbor_decoder_result
cbor_stream_decode(cbor_data p, size_t n, const struct cbor_callbacks *cb,
    void *ctx)
{
    struct cbor_decoder_result  r = { 1, CBOR_DECODER_FINISHED, 0 };

    if (n != 0 && p[0] == 0xf0) {
        cb->simple_value(ctx, 16);
    } else {
        cb->uint8(ctx, 7);
    }
    return r;
}

int
main(void)
{
    attest_cbor_item_t    item;
    attest_cbor_reader_t  r;

    attest_cbor_reader_init(&r, (const uint8_t *) "\x07", 1, 0);
    if (attest_cbor_next(&r, &item) != ATTEST_OK || item.value != 7) {
        return 1;
    }

    attest_cbor_reader_init(&r, (const uint8_t *) "\xf0", 1, 1);
    return attest_cbor_next(&r, &item) != ATTEST_EFORMAT || called != 16;
}
END

  SKIP: {
        skip('no headers of libcbor', 2) if !-d $newer;

        my ($rc, $log) = out("cc -std=c11 -D_GNU_SOURCE -I$newer "
            . "-I$top/ngx_attest_module -o $dir/simple $dir/simple.c "
            . "$top/ngx_attest_module/core/base/attest_cbor.c "
            . "$top/ngx_attest_module/core/base/attest_utf8.c "
            . '$(pkg-config --libs libcbor)');
        is($rc, 0, 'our reader and a newer decoder') or diag($log);
        is((out("$dir/simple"))[0], 0,
            'an item that nobody takes is refused');
    }
}
