# SPDX-License-Identifier: Apache-2.0

# ngx-attest show: AWS' document and NVIDIA's evidence in words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use File::Temp;
use Test::More;

my $top = AttestTest::top();
my $dir = File::Temp->newdir();
my $made = AttestTest::doubles_evidence("$dir/evidence");
my $nitro_type = 'application/aws-nitro-document';
my $gpu_type = 'application/vnd.veraison.nvidia-gpu-evidence+json';

nitro("a double's", map({ AttestTest::read_file("$made/$_") }
        qw(nitro.bin nitro-debug.bin)),
    'i-00000000000000001-enc0000000000000001', '[0-9a-f]{16}', 'dadadada',
    'CN=Test double root of enclaves,',
    'CN=Test double instance,',
    '1766689459 \(2025-12-25 19:04:19 UTC\)');
gpu("a double's", map({ AttestTest::read_file("$made/$_") }
        qw(gpu-hopper.json gpu-switch.json)),
    '\d{4}', '[0-9a-f]{8}', 'CN=GH100 A01 GSP FMC LF 0,');

newer(AttestTest::read_file("$made/gpu-hopper-new.json"));

SKIP: {
    my @files = qw(nitro/attestation-envelope.bin
        nitro/attestation-debug-envelope.bin);
    my $why = AttestTest::no_fixtures(@files);
    skip $why, 18 if $why;

    # a document stands behind 4 bytes of its envelope
    my @docs = map { AttestTest::fixture($_) } @files;
    nitro("AWS'", substr($docs[0], 4, 4526), substr($docs[1], 4, 4529),
        'i-0827e799ec9232d44-enc019b', 'eb7d0dab08ff4154', 'e3b0c442',
        'CN=aws\.nitro-enclaves', 'CN=i-0827e799ec9232d44\.',
        '1766689459 \(2025-12-25 19:04:19 UTC\)');
}

SKIP: {
    my @files = qw(nvidia/hopper-evidence.json
        nvidia/switch-ls10-evidence.json);
    my $why = AttestTest::no_fixtures(@files);
    skip $why, 23 if $why;

    gpu("NVIDIA's", map({ AttestTest::fixture($_) } @files), '4274',
        '956ecf09', 'CN=GH100 A01 GSP FMC LF,');
}

like(show(gpu => $gpu_type, '[]'), qr/^the GPU evidence is malformed$/m,
    'no evidence');

done_testing();


sub nitro {
    my ($who, $doc, $debug, $id, $pcr, $data, $root, $last, $until) = @_;
    my $out = show(nitro => $nitro_type, $doc);

    like($out, qr/^enclave \(module_id\) +$id/m, "$who: module id");
    like($out, qr/^made at +1766678659 \(2025-12-25 16:04:19 UTC\)$/m,
        "$who: time");
    like($out, qr/^  in milliseconds +1766678659346$/m,
        "$who: milliseconds");
    like($out, qr/^mode +production/m, "$who: mode");
    like($out, qr/^PCR  0 +$pcr/m, "$who: PCR 0");
    like($out, qr/^PCR 15 +zero, 48 bytes$/m, "$who: PCR 15");
    unlike($out, qr/^PCR 16/m, "$who: no PCR 16");
    like($out, qr/^user data +$data/m, "$who: user data");
    like($out, qr/^nonce +none$/m, "$who: no nonce");
    like($out, qr/^public key +none$/m, "$who: no public key");
    like($out, qr/^signature \(ES384\) +by the key of the certificate below$/m,
        "$who: signature");
    like($out, qr/^bundle +4 certificates; the first is the root/m,
        "$who: bundle");
    like($out, qr/^  1, of +$root/m, "$who: the root");
    like($out, qr/^  4, of +$last/m, "$who: the last of it");
    like($out, qr/^  valid until +$until$/m, "$who: times of certificates");

    $out = show(nitro => $nitro_type, $debug);
    like($out, qr/^mode +debug: /m, "$who: debug mode");

    substr($doc, -1) ^= "\1";
    $out = show(nitro => $nitro_type, $doc);
    like($out, qr/^signature \(ES384\) +not by the key/m,
        "$who: wrong signature");

    $out = show(nitro => $nitro_type, substr($doc, 1));
    like($out, qr/^the attestation document is malformed$/m,
        "$who: no document");
}


sub gpu {
    my ($who, $gpu, $switch, $bytes, $firmware, $leaf) = @_;
    my $out = show(gpu => $gpu_type, $gpu);

    like($out, qr/^devices +1$/m, "$who: one device");
    like($out, qr/^architecture +HOPPER$/m, "$who: architecture");
    like($out, qr/^kind +GPU$/m, "$who: kind");
    like($out, qr/^report +$bytes bytes, SPDM 1\.1$/m, "$who: report");
    like($out, qr/^  opaque data +without a version$/m,
        "$who: opaque data");
    like($out, qr/^  mode +ppcie: /m, "$who: mode");
    unlike($out, qr/FSP/, "$who: nothing of what newer drivers say");
    like($out, qr/^  driver +590\.12$/m, "$who: driver");
    like($out, qr/^  VBIOS +96\.00\.A5\.00\.01$/m, "$who: VBIOS");
    like($out, qr/^  firmware \(20\) +$firmware/m, "$who: firmware");
    like($out, qr/^  project \(17\) +G520$/m, "$who: a field of text");
    like($out, qr/^  field \(12\) +0{8}01/m, "$who: an unknown field");
    like($out, qr/^  measurements +64, /m, "$who: measurements");
    like($out, qr/^   64, type 1 +[0-9a-f]{96}$/m, "$who: the last of them");
    like($out, qr/^report signed by +the key of its first certificate$/m,
        "$who: signature");
    like($out, qr/^firmware certified +$firmware/m,
        "$who: firmware of the certificate");
    like($out, qr/^identity \(devices\) +[0-9a-f]{64}$/m, "$who: identity");
    like($out, qr/^certificates +5$/m, "$who: certificates");
    like($out, qr/^certificate of +$leaf/m, "$who: the leaf");
    like($out, qr/^  valid until +253402300799 \(9999-12-31 23:59:59 UTC\)$/m,
        "$who: for ever");

    $out = show(gpu => $gpu_type, $switch);
    like($out, qr/^kind +switch$/m, "$who: a switch");
    like($out, qr/^  driver +not named$/m, "$who: has no driver");
    like($out, qr/^  VBIOS +96\.10\.55\.00\.01$/m, "$who: its BIOS");
}


# What drivers of CUDA 13.5 and later say.
sub newer {
    my ($gpu) = @_;
    my $out = show(gpu => $gpu_type, $gpu);

    like($out, qr/^  opaque data +version 2\.1\.7 \(NVDAOD\)$/m,
        'newer: opaque data');
    like($out, qr/^  driver +622\.12$/m, 'newer: driver');
    like($out, qr/^  VBIOS +96\.00\.A5\.00\.01$/m, 'newer: VBIOS');
    like($out, qr/^  FSP microcode SVN +5, the higher the better$/m,
        'newer: microcode');
    like($out, qr/^  FSP SVN \(37\) +0500$/m, 'newer: as it stands there');
    like($out, qr/^  field \(200\), 99 +beef$/m,
        'newer: an unknown field, and the type of its value');
    like($out, qr/^   64, type 131 +(?:6d){108}$/m,
        'newer: a long measurement');
    like($out, qr/^report signed by +the key of its first certificate$/m,
        'newer: signature');
}


sub head {
    my ($major, $n) = @_;

    return $n < 24 ? pack('C', $major << 5 | $n)
        : $n < 256 ? pack('CC', $major << 5 | 24, $n)
        : pack('Cn', $major << 5 | 25, $n);
}


# A collection of one item, in a file.
sub show {
    my ($label, $type, $value) = @_;
    my $ctype = 'urn:ngx-attest:evidence:cached:v1';
    my $file = "$dir/collection";

    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh head(5, 2),
        head(3, length $label), $label,
        head(4, 3), head(3, length $type), $type,
        head(2, length $value), $value, head(0, 4),
        head(3, 8), '__cmwc_t', head(3, length $ctype), $ctype;
    close $fh;

    return AttestTest::run_out([ "$top/build/ngx-attest", 'show', $file ],
        sec => 30);
}
