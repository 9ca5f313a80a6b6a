# SPDX-License-Identifier: Apache-2.0

# Independent judges of our evidence: Google's go-sev-guest and go-tdx-guest,
# unmodified, and tpm2_checkquote of tpm2-tools.  What they accept we accept,
# what they refuse we refuse: on reports of real machines as our collections
# carry them, on what a gateway serves, and on all of it with a byte changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Digest::SHA qw(sha256);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64 encode_base64 encode_base64url);
use Test::More;

my $why = AttestTest::missing(qw(swtpm swtpm_setup openssl tpm2_checkquote))
    // AttestTest::missing_toolchains('go');

plan skip_all => $why if $why;

my $T0 = 1782864000;                       # 2026-07-01
my $t = AttestTest->new();
my $judge = AttestTest::build_go('judges-go', 'judges');
my $claims = claims();

my %guid = (
    vcek => '63da758de6644564adc5f4b93be8accd',
    ask  => '4ab7b379bbac4fe4a02f05aef327c782',
    ark  => 'c0b406a4a80349529743' . '3fb6014cd0ae',
);

# Judges of AMD's and Intel's evidence know no other roots.
SKIP: {
    my $why = AttestTest::no_fixtures(map { "snp/$_" }
        qw(report-v2-milan.bin vcek-milan.der vcek-milan-debug.der
           vcek-invalid-legacy.der));
    skip $why, 5 if $why;
    test_snp();
}

SKIP: {
    my $why = AttestTest::no_fixtures('tdx/quote-v4.bin');
    skip $why, 5 if $why;
    test_tdx();
}

test_tpm();

AttestTest::done();


# ---- AMD

sub test_snp {
    my ($ask, $ark) = roots('SEV-Milan', 'ARK-Milan');
    my $report = file('snp/report-v2-milan.bin');
    my $vcek = file('snp/vcek-milan.der');
    my @cases;

    push @cases, snp('a report', $report, $vcek, $ask, $ark);
    push @cases, snp('the VCEK of another chip', $report,
        file('snp/vcek-milan-debug.der'), $ask, $ark);
    push @cases, snp('a VCEK that AMD did not sign', $report,
        file('snp/vcek-invalid-legacy.der'), $ask, $ark);
    push @cases, snp('an ASK of another line', $report, $vcek,
        roots('SEV-Genoa', 'ARK-Genoa'));

    # signed bytes, r and s; what nobody signs is the rest of the structure
    for (my $i = 0x10; $i < 0x2a0 + 144; $i += 23) {
        next if $i >= 0x2a0 + 48 && $i < 0x2e8 || $i >= 0x2e8 + 48;
        push @cases, snp("byte $i of the report", flip($report, $i), $vcek,
            $ask, $ark);
    }

    for (my $i = 300; $i < length $vcek; $i += 89) {
        push @cases, snp("byte $i of the VCEK", $report, flip($vcek, $i),
            $ask, $ark);
    }

    compare('SEV-SNP', 'snp', \@cases);
}


sub snp {
    my ($name, $report, $vcek, $ask, $ark) = @_;
    my $table = cert_table([ vcek => $vcek ], [ ask => $ask ],
        [ ark => $ark ]);

    return { name => $name, kind => 'snp', raw => $report . $table,
        item => cbor_map([ 'auxblob', $table ], [ 'outblob', $report ],
            [ 'provider', \'sev_guest' ]) };
}


sub cert_table {
    my (@certs) = @_;
    my $offset = 24 * (@certs + 1);
    my ($head, $body) = ('', '');

    for (@certs) {
        my ($name, $der) = @$_;
        $head .= pack('H32VV', $guid{$name}, $offset + length $body,
            length $der);
        $body .= $der;
    }

    return $head . "\0" x 24 . $body;
}


# Certificates that we ship, by name.
sub roots {
    my (@names) = @_;
    my $text = join '', map { AttestTest::read_file($_) }
        glob AttestTest::top()
        . '/ngx_attest_module/core/appraisal/attest_roots_*.c';

    return map {
        my ($lines) = $text =~ /"\Q$_\E",\s+"\w+"\s+"\w+",\n(.*?)\}/s
            or die "no $_";
        my $b64 = join '', $lines =~ /"([A-Za-z0-9+\/=]+)\\n"/g;
        decode_base64($b64);
    } @names;
}


# ---- Intel

sub test_tdx {
    my $quote = file('tdx/quote-v4.bin');
    my $length = 636 + unpack('V', substr($quote, 632, 4));
    my @cases = tdx('a quote', $quote = substr($quote, 0, $length));

    # header, body, signature, key, QE report and its signature
    for (my $i = 2; $i < 636 + 128 + 6 + 384 + 64 + 2 + 32; $i += 29) {
        next if $i >= 632 && $i < 636;
        push @cases, tdx("byte $i of the quote", flip($quote, $i));
    }

    # the leaf of its PEM chain
    my $at = index($quote, 'BEGIN CERTIFICATE') + 64;

    for (my $i = $at; $i < $at + 1200; $i += 101) {
        next if substr($quote, $i, 1) eq "\n";
        push @cases, tdx("byte $i, in the PCK certificate",
            flip($quote, $i));
    }

    compare('TDX', 'tdx', \@cases);
}


sub tdx {
    my ($name, $quote) = @_;

    return { name => $name, kind => 'tdx', raw => $quote,
        item => cbor_map([ 'outblob', $quote ],
            [ 'provider', \'tdx_guest' ]) };
}


# ---- the two verdicts

sub compare {
    my ($what, $prefix, $cases) = @_;
    my ($accepted, $refused, $differ) = (0, 0, 0);

    my $in = join '', map {
        "$_->{kind} $T0 " . encode_base64($_->{raw}, '') . "\n" } @$cases;
    AttestTest::write_file($t->path('cases'), $in);

    my $said = $t->path('said');
    AttestTest::run_out([ $judge ], stdin => $t->path('cases'),
        stdout => $said, sec => 300);
    my @theirs = grep { /^(?:accepted|refused)/ }
        split /\n/, AttestTest::read_file($said);

    is(scalar @theirs, scalar @$cases, "$what: an answer to each case");

    for my $i (0 .. $#$cases) {
        my $their = $theirs[$i] eq 'accepted';
        my ($our, $why) = ours($prefix, $cases->[$i]{item});

        $their ? $accepted++ : $refused++;
        note("$what: $cases->[$i]{name}, accepted") if $their;

        if ($their != $our) {
            $differ++;
            diag("$what, $cases->[$i]{name}: they say $theirs[$i], we say ",
                $our ? 'genuine' : $why);
        }
    }

    note("$what: $accepted accepted, $refused refused by both");
    is($theirs[0], 'accepted', "$what: what is genuine was accepted");
    cmp_ok($accepted, '<', 3, "$what: and next to nothing else");
    cmp_ok($refused, '>', 40, "$what: mutations were refused");
    is($differ, 0, "$what: and both judges agree on all of them");
}


# Genuine: nothing about the report itself fails or is left open.  That it
# signs claims of ours is another question, and so is what a policy says.
sub ours {
    my ($prefix, $item) = @_;
    my $file = $t->path('case.cmw');

    AttestTest::write_file($file, collection($item));
    my (undef, $out) = $t->attest('verify', $file, '--time', $T0, '--json');
    my $r = eval { decode_json($out) } or die $out;
    my @checks = grep { $_->{id} =~ /^cached-$prefix-/
        && $_->{id} !~ /-(?:binding|tcb.*|measurement)$/ } @{ $r->{checks} };
    my @bad = grep { $_->{state} =~ /fail|unknown/ } @checks;
    my @good = grep { $_->{id} =~ /-signature$/ && $_->{state} eq 'pass' }
        @checks;

    return (1, '') if @good && !@bad;
    return (0, @bad ? "$bad[0]{id}: $bad[0]{text}" : 'no signature');
}


sub collection {
    my ($item) = @_;

    return '{"__cmwc_t":"urn:ngx-attest:evidence:cached:v1","claims":['
        . '"application/vnd.ngx-attest.claims+cbor","'
        . encode_base64url($claims) . '",4],"tsm-report":['
        . '"application/vnd.veraison.tsm-report+cbor","'
        . encode_base64url($item) . '",4]}';
}


# {"pubkey-hash": [1, 11..]}, as in the CCC's document
sub claims {
    return pack('H*', 'a16b7075626b65792d686173685824820158' . '20'
        . '11' x 32);
}


# ---- TPM: what a gateway serves

sub test_tpm {
    $t->swtpm();
    $t->gateway();
    $t->start();

    my $kept = $t->path('kept');
    my $policy = $t->policy();
    my ($status, $out) = $t->attest('verify', $t->url(), '--policy', $policy,
        '--save', $kept);
    is($status, 0, 'TPM: we accept what the gateway serves') or diag($out);

    my $items = cbor(AttestTest::read_file("$kept/fresh.cmw"));
    my $tpm = cbor($items->{tpm}[1]);
    my $extra = sha256("ngx-attest.v1 tpm\0" . sha256($items->{claims}[1])
        . sha256(''));

    my @good = @{$tpm}{qw(quote signature)};
    ok(checkquote($tpm->{ak}, @good, $extra), 'TPM: and so do they');
    ok(!checkquote($tpm->{ak}, @good, sha256($extra)),
        'TPM: not for other claims');

    my ($refused, $tried) = (0, 0);

    for my $part (0, 1) {
        for (my $i = 6; $i < length $good[$part]; $i += 13) {
            my @bad = @good;
            $bad[$part] = flip($bad[$part], $i);
            $tried++;
            $refused += !checkquote($tpm->{ak}, @bad, $extra);
        }
    }

    is($refused, $tried, "TPM: $tried mutations are refused by both");
}


sub checkquote {
    my ($ak, $quote, $signature, $extra) = @_;
    my ($p, $q, $s) = map { $t->path($_) } qw(ak.tpmt quote.attest quote.sig);

    AttestTest::write_file($p, $ak);
    AttestTest::write_file($q, $quote);
    AttestTest::write_file($s, $signature);

    AttestTest::run_out([ AttestTest::which('tpm2_checkquote'), '-u', $p,
        '-m', $q, '-s', $s, '-g', 'sha256', '-q', unpack('H*', $extra) ]);
    return $? == 0;
}


# ---- bytes

sub file { return AttestTest::fixture($_[0]) }


sub flip {
    my ($bytes, $at) = @_;

    substr($bytes, $at, 1) ^= chr(1 << $at % 7);
    return $bytes;
}


# Pairs in the order of the keys; a reference is a text.
sub cbor_map {
    my (@pairs) = @_;

    return pack('C', 0xa0 + @pairs) . join '', map {
        my ($key, $value) = @$_;
        cbor_head(3, length $key) . $key . (ref $value
            ? cbor_head(3, length $$value) . $$value
            : cbor_head(2, length $value) . $value);
    } @pairs;
}


sub cbor_head {
    my ($major, $n) = @_;

    return $n < 24 ? pack('C', $major << 5 | $n)
        : $n < 256 ? pack('CC', $major << 5 | 24, $n)
        : pack('Cn', $major << 5 | 25, $n);
}


sub cbor {
    my ($bytes) = @_;

    return cbor_item(\$bytes);
}


sub cbor_item {
    my ($in) = @_;
    my $head = unpack('C', substr($$in, 0, 1, ''));
    my ($major, $n) = ($head >> 5, $head & 31);

    $n = unpack('C', substr($$in, 0, 1, '')) if $n == 24;
    $n = unpack('n', substr($$in, 0, 2, '')) if $n == 25;
    $n = unpack('N', substr($$in, 0, 4, '')) if $n == 26;

    return $n if $major == 0;
    return substr($$in, 0, $n, '') if $major == 2 || $major == 3;
    return [ map { cbor_item($in) } 1 .. $n ] if $major == 4;
    return { map { cbor_item($in) } 1 .. 2 * $n } if $major == 5;
    die "CBOR major type $major";
}
