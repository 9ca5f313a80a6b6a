# SPDX-License-Identifier: Apache-2.0
#
# What the pages of the verifier's side say is so: worked examples are computed
# again from the pages alone, sizes and names are those of the code, policies
# are accepted, and the program for the library compiles.

use strict;
use warnings;

use Test::More;

use Digest::SHA qw(sha256);
use File::Find qw(find);
use File::Temp qw(tempdir);
use FindBin;

my $top = "$FindBin::Bin/../..";
my $dir = tempdir(CLEANUP => 1);
my %page = map { $_ => slurp("$top/docs/$_.md") }
    qw(claims evidence checks policy threat-model verifier);
my ($define, $code) = code();

test_claims();
test_key_list();
test_sizes();
test_names();
test_policies();
test_library();

done_testing();


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}


# All of the core's and the glue's text, and the numbers and texts in it.
sub code {
    my (%define, $text);

    find({ no_chdir => 1, wanted => sub {
        return unless /\.[ch]$/;
        $text .= slurp($_);
    } }, "$top/ngx_attest_module");

    while ($text =~ /^\#define\s+(\w+)[ \t]+((?:[^\n]*\\\n)*[^\n]*)/mg) {
        my ($name, $value) = ($1, $2);

        $value =~ s/\\\n//g;
        $value =~ s{/\*.*}{}s;
        $define{$name} = $value;
    }

    return (\%define, $text);
}


# A page's block "```hex NAME"
sub hex_block {
    my ($page, $name) = @_;

    $page{$page} =~ /^```hex \Q$name\E\n(.*?)^```/ms
        or die "no block $name in $page.md\n";
    (my $hex = $1) =~ s/\s+//g;
    return pack 'H*', $hex;
}


# ---- deterministic CBOR, as little of it as claims are made of

sub head {
    my ($p) = @_;
    my $first = ord substr $$p, 0, 1, '';
    my ($major, $n) = ($first >> 5, $first & 31);

    if ($n == 24) {
        $n = ord substr $$p, 0, 1, '';
        die "not the shortest head\n" if $n < 24;
    } elsif ($n > 24) {
        die "a long head\n";
    }

    return ($major, $n);
}


sub claims_of {
    my ($bytes) = @_;
    my ($major, $count) = head(\$bytes);
    my (%claim, $before);

    die "not a map\n" if $major != 5;

    for (1 .. $count) {
        my $rest = $bytes;
        my ($kind, $n) = head(\$bytes);
        my $key = substr $bytes, 0, $n, '';
        my $encoded = substr $rest, 0, length($rest) - length $bytes;

        die "a key that is no text\n" if $kind != 3;
        die "not sorted\n" if defined $before && $encoded le $before;
        $before = $encoded;

        ($kind, $n) = head(\$bytes);
        die "a value that is no byte string\n" if $kind != 2;
        $claim{$key} = substr $bytes, 0, $n, '';
    }

    die "bytes behind the map\n" if length $bytes;
    return \%claim;
}


sub digest_of {
    my ($value) = @_;

    $value =~ /^\x82\x01\x58\x20(.{32})$/s or die "no [1, digest]\n";
    return $1;
}


# ---- the tests

sub test_claims {
    for my $case ([ '', 204, 'cached' ], [ 'fresh-', 244, 'fresh' ]) {
        my ($name, $length, $what) = @$case;
        my $bytes = hex_block('claims', "${name}claims");
        my $claim = claims_of($bytes);
        my $nonce = $claim->{nonce} // $claim->{'ngx-attest.v1/validity'};
        my $hash = sha256($bytes);

        is(length $bytes, $length, "$what claims: length");
        is(defined $claim->{nonce} ? 1 : 0, $what eq 'fresh' ? 1 : 0,
            "$what claims: nonce");
        is(sha256("ngx-attest.v1 tpm\0" . $hash . sha256('')),
            hex_block('claims', "${name}extra-data"),
            "$what claims: extraData of a TPM");
        is(sha256("ngx-attest.v1 gpu\0"
                . digest_of($claim->{'pubkey-hash'}) . $nonce),
            hex_block('claims', "${name}gpu-nonce"),
            "$what claims: nonce for GPUs");

        next if $what ne 'cached';

        is($hash, hex_block('claims', 'claims-hash'), 'their SHA-256');
        is($hash . "\0" x 32, hex_block('claims', 'report-data'),
            'report_data');
        is(join(' ', unpack 'Q>Q>', $claim->{'ngx-attest.v1/validity'}),
            '1796022463 1796026183', 'validity');
    }

    for my $key (sort keys %{ claims_of(hex_block('claims',
        'fresh-claims')) })
    {
        like($page{claims}, qr/^### `\Q$key\E`$/m, "claim $key has an entry");
    }
}


sub test_key_list {
    my $list = hex_block('evidence', 'key-list');
    my $hash = hex_block('evidence', 'key-list-hash');
    my $claim = claims_of(hex_block('claims', 'claims'));

    is(sha256($list), $hash, 'the key list has the hash that is given');
    is($hash, $claim->{'ngx-attest.v1/hpke-keys'}, 'the claims name it');
    is(unpack('n', $list), length($list) - 2, 'one member, of that length');
}


# "1 MiB (`ATTEST_MAX_LOG`)"
sub test_sizes {
    my %unit = ('' => 1, KiB => 1024, MiB => 1024 * 1024);
    my $found = 0;

    for my $name (sort keys %page) {
        while ($page{$name}
            =~ /([\d,]+)(?: (KiB|MiB|bytes|claims))? \(`(ATTEST_\w+)`\)/g)
        {
            my ($n, $unit, $what) = ($1, $2 // '', $3);

            $n =~ tr/,//d;
            $unit = '' if $unit !~ /iB/;
            like($define->{$what} // '', qr/^[\d\s()*]+$/,
                "$name.md: $what is a number");
            is($n * $unit{$unit}, eval $define->{$what}, "$name.md: $what");
            $found++;
        }
    }

    cmp_ok($found, '>=', 6, 'sizes are given by name');
}


sub test_names {
    my @items = sort grep { /^ATTEST_ITEM_/ } keys %$define;

    cmp_ok(scalar @items, '>=', 13, 'there are items');

    for my $item (@items) {
        my ($label) = $define->{$item} =~ /"(.*)"/;
        (my $type = $item) =~ s/_ITEM_/_TYPE_/;
        my ($media) = ($define->{$type} // '') =~ /"(.*)"/;

        like($page{evidence}, qr/^### `\Q$label\E`\n\nMedia type `\Q$media\E`/m,
            "item $label has an entry, with its media type");
    }

    for my $type (qw(ATTEST_CMWC_CACHED ATTEST_CMWC_FRESH)) {
        my ($urn) = $define->{$type} =~ /"(.*)"/;

        like($page{evidence}, qr/`\Q$urn\E`/, "collection type $urn");
    }

    # members of a policy: { "name", attest_policy_name },
    for my $member (qw(version roots_of_trust pcrs events config ak ek_roots
        ek_intermediates snp tdx azure gcp nitro gpu waive simulated_roots
        max_age require_nonce require_exporter require_eventlog require_ek
        require_hpke_keys))
    {
        like($code, qr/"$member"/, "the code knows the member $member");
        like($page{policy}, qr/^### `$member`$/m, "it has an entry");
    }
}


sub test_policies {
    my $command = "$top/build/ngx-attest";
    my @policies = $page{policy} =~ /^```json\n(.*?)^```/msg;

    cmp_ok(scalar @policies, '>=', 4, 'there are policies');

    SKIP: {
        skip 'the command is not built', scalar @policies if !-x $command;

        for my $i (0 .. $#policies) {
            my $file = "$dir/$i.json";

            open my $fh, '>', $file or die "$file: $!\n";
            print $fh $policies[$i];
            close $fh or die "$file: $!\n";

            # the policy is read first; there is nothing to verify
            my $out = `$command verify $dir/none --policy $file 2>&1`;

            unlike($out, qr/policy \Q$file\E/, "policy $i is accepted")
                or diag($out);
            like($out, qr/no file/, 'and then the target is looked for');
        }
    }
}


sub test_library {
    my ($program) = $page{verifier} =~ /^```c\n(.*?)^```/ms;

    ok(defined $program, 'there is a program');

    SKIP: {
        skip 'no C compiler', 1 if system('cc --version > /dev/null 2>&1');

        open my $fh, '>', "$dir/program.c" or die "program.c: $!\n";
        print $fh $program;
        close $fh or die "program.c: $!\n";

        is(system("cc -Wall -Wextra -Werror -I$top/ngx_attest_module/lib "
                . "-c $dir/program.c -o $dir/program.o"), 0,
            'and it compiles without a warning');
    }

    my $header = slurp("$top/ngx_attest_module/lib/ngx_attest.h");

    for my $function ($header =~ /\b(ngx_attest_\w+)\(/g) {
        like($page{verifier}, qr/\b$function\(/, "$function() is described");
    }
}
