# SPDX-License-Identifier: Apache-2.0

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
my @others = grep { m{(?:^|/)(?:config|Makefile)$|\.(?:map|in|go|rs|html)$} }
    @tree;

# Lines of a function, empty ones not counted: glue may be a little longer.
my %limit = (core => 40, client => 40, providers => 40, cli => 40, glue => 60,
    t => 80);

cmp_ok(scalar @c, '>', 10, 'there are C files to look at');

for my $file (sort @c) {
    my @bad = (check_lines($file), check_c($file));

    ok(!@bad, $file) or diag(join "\n", @bad);
}

# What a file is for stands in its head, behind its licence.
my $licence = 'SPDX-License-Identifier: Apache-2.0';

for my $file (sort @c) {
    my @head = (lines($file), ('') x 3)[0 .. 2];

    is($head[0], "/* $licence */", "$file: licence");
    next if $file !~ m{^ngx_attest_module/.*\.c$};
    is("$head[1]$head[2]", '/*', "$file: says what it is for");
}

# A page that a comment names is there.
my %there = map { $_ => 1 } @tree;

for my $file (sort @c) {
    my @named = map { m{(?<![\w.-])((?:[\w-]+/)*[\w-]+\.md)\b}g }
        grep { m{^ \*|/\*} } lines($file);
    my @gone = grep { !$there{$_} } @named;

    ok(!@gone, "$file: names pages that are there") or diag("@gone");
}

for my $file (sort @scripts, @others) {
    like(join("\n", (lines($file), ('') x 2)[0 .. 1]),
        qr{\b\Q$licence\E(?: \*/| -->)?$}m, "$file: licence");
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

# nginx' own headers choose what the system's declare: before all others.
for my $file (sort grep { m{^ngx_attest_module/http/} } @c) {
    next if $file =~ /_compat\.h$/;

    my ($first) = map { /^#include (\S+)/ } lines($file);
    ok(!defined $first || $first =~ m{^(?:"http/|<ngx_)},
        "$file: nginx' headers come first");
}

# Evidence and policies are text of strangers: only one file reads PEM, with a
# function that never asks for a pass phrase.  All of these ask the terminal or
# standard input on their own, or read files of which we know nothing.
my $asks = join '|', qw(
    PEM_read\w* PEM_bytes_read_bio\w* PEM_do_header PEM_ASN1_read\w*
    PEM_X509_INFO_read\w* PEM_def_callback PEM_get_EVP_CIPHER_INFO
    d2i_PKCS8PrivateKey_\w+ b2i_PVK\w* PKCS12_\w+ SMIME_read\w*
    SSL_(?:CTX_)?use_\w+_file SSL_CTX_use_certificate_chain_file
    SSL_use_certificate_chain_file SSL_CTX_load_verify_\w+
    SSL_CTX_set_default_verify_\w+ SSL_load_client_CA_file\w*
    SSL_add_(?:file|dir|store)_cert_subjects\w* X509_load_\w+
    X509_LOOKUP_\w+ X509_STORE_(?:load|add_lookup|set_default)\w*
    OSSL_STORE_\w+ OSSL_DECODER_\w+ ENGINE_load_(?:private|public)_key
    UI_\w+ EVP_read_pw_string\w* getpass readpassphrase
    ngx_ssl_(?:client_|trusted_)?certificates? ngx_ssl_connection_certificate
    ngx_ssl_crl);

for my $file (sort grep { m{^ngx_attest_module/} } @c) {
    next if $file eq 'ngx_attest_module/core/crypto/attest_pem.c';

    my @bad = grep { /\b(?:$asks)\s*\(/ } code($file);
    ok(!@bad, "$file: asks nobody for a pass phrase")
        or diag(join "\n", @bad);
}

# In the reader itself the function that refuses stands in every call.
my $reader = join ' ', code('ngx_attest_module/core/crypto/attest_pem.c');
my @calls = $reader =~ /\b(?:$asks)\s*\(([^;]*);/g;

cmp_ok(scalar @calls, '>=', 3, 'the reader of PEM reads');
is(scalar(grep { !/^[^,]+,\s*NULL,\s*attest_pem_refuse,/ } @calls), 0,
    'and never asks');

# Whether something is so is a bool: where nginx' types do not reach, an int is
# a return code.  By their names, or by what they return.
my $truth = qr/\b\w+_(?:is|has|are|can)(?:_\w+)?/;

for my $file (sort grep { m{^ngx_attest_module/(?:core|cli|client|providers
    |lib)/}x } @c)
{
    my $text = join "\n", code($file);
    my @bad = $text =~ /^(?:static )?int\s+($truth)\(/mg;

    while ($text =~ /^(?:static )?int\n(\w+)\([^{};]*\)\n\{\n(.*?)^\}/msg) {
        my ($name, $body) = ($1, $2);
        my %returned = map { $_ => 1 } $body =~ /\breturn\s+([^;]+);/g;

        push @bad, $name if join(' ', sort keys %returned) eq '0 1';
    }

    ok(!@bad, "$file: a truth value is a bool") or diag("@bad");
}

# Whoever runs a command in a loop keeps its list on standard input.
for my $file (sort grep { m{^ngx_attest_module/} } @c) {
    next if $file eq 'ngx_attest_module/cli/cli_chat.c';

    my @bad = grep { /\b(?:stdin|STDIN_FILENO|getchar|scanf|gets)\b/ }
        code($file);
    ok(!@bad, "$file: leaves standard input alone") or diag(join "\n", @bad);
}

# What strangers sent reaches a terminal through one filter.
for my $file (sort grep { m{/cli/(?!cli_util\.c)} } @c) {
    my $own = $file =~ /cli_archive\.c$/ ? '' : '|fwrite';
    my @bad = grep { /\b(?:v?f?d?printf|f?puts|f?put(?:c|char)|perror
                     |write$own)\s*\(/x } code($file);
    ok(!@bad, "$file: writes through the filter") or diag(join "\n", @bad);
}

# Whoever reads a function's name knows its file: behind the word of its house
# comes one of the words of the file's name.  Two files hold the common words of
# a room, and the library has its own header's.
my %common = map { $_ => 1 } qw(attest_core.c cli_util.c ngx_attest.c);
my $functions = 0;

for my $file (sort grep { m{^ngx_attest_module/.*\.c$} } @c) {
    my ($base) = $file =~ m{([^/]+)\.c$};
    my @bad;

    next if $common{"$base.c"};

    my ($house) = $base =~ /^(ngx_http_attest|attest|cli|prov)(?:_|$)/;
    my %word = map { $_ => 1 } split /_/, $base;
    my $text = join "\n", code($file);

    while ($text =~ /^(?:STACK_OF\(\w+\) \*\n)?(\w+)\([^;{}]*\)\s*\n\{/mg) {
        my ($name, $first) = ($1, $1 =~ /^\Q$house\E_([^_]+)/);

        $functions++;
        next if $name eq 'main' || $base eq $house
            || defined $first && $word{$first};
        push @bad, $name;
    }

    ok(!@bad, "$file: is what its functions' names say")
        or diag(join "\n", @bad);
}

cmp_ok($functions, '>', 1000, 'there are functions to look at');

done_testing();


# Lines of C without comments and without what is quoted.
sub code {
    my ($file) = @_;
    my $text = join "\n", lines($file);

    $text =~ s{/\*.*?\*/}{}gs;
    $text =~ s/"(?:\\.|[^"\\])*"/""/g;
    return split /\n/, $text;
}


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
    my ($room) = $file =~ m{ngx_attest_module/(core|client|providers|cli)/};
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
