
# ngx-attest show: AWS' document and NVIDIA's evidence in words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use File::Temp;
use Test::More;

my $top = AttestTest::top();
my $data = "$FindBin::Bin/data";
my $dir = File::Temp->newdir();

my $doc = substr(slurp("$data/nitro/attestation-envelope.bin"), 4, 4526);
my $debug = substr(slurp("$data/nitro/attestation-debug-envelope.bin"), 4,
    4529);

my $out = show(nitro => 'application/aws-nitro-document', $doc);

like($out, qr/^enclave \(module_id\) +i-0827e799ec9232d44-enc019b/m,
    'module id');
like($out, qr/^made at +1766678659 \(2025-12-25 16:04:19 UTC\)$/m, 'time');
like($out, qr/^  in milliseconds +1766678659346$/m, 'milliseconds');
like($out, qr/^mode +production/m, 'mode');
like($out, qr/^PCR  0 +eb7d0dab08ff4154/m, 'PCR 0');
like($out, qr/^PCR 15 +zero, 48 bytes$/m, 'PCR 15');
unlike($out, qr/^PCR 16/m, 'no PCR 16');
like($out, qr/^user data +e3b0c442/m, 'user data');
like($out, qr/^nonce +none$/m, 'no nonce');
like($out, qr/^public key +none$/m, 'no public key');
like($out, qr/^signature \(ES384\) +by the key of the certificate below$/m,
    'signature');
like($out, qr/^bundle +4 certificates; the first is the root/m, 'bundle');
like($out, qr/^  1, of +CN=aws\.nitro-enclaves,/m, 'the root');
like($out, qr/^  4, of +CN=i-0827e799ec9232d44\./m, 'the last of it');
like($out, qr/^  valid until +1766689459 \(2025-12-25 19:04:19 UTC\)$/m,
    'times of certificates');

$out = show(nitro => 'application/aws-nitro-document', $debug);
like($out, qr/^mode +debug: /m, 'debug mode');

substr($doc, -1) ^= "\1";
$out = show(nitro => 'application/aws-nitro-document', $doc);
like($out, qr/^signature \(ES384\) +not by the key/m, 'wrong signature');

$out = show(nitro => 'application/aws-nitro-document', substr($doc, 1));
like($out, qr/^the attestation document is malformed$/m, 'no document');

my $type = 'application/vnd.veraison.nvidia-gpu-evidence+json';
$out = show(gpu => $type, slurp("$data/nvidia/hopper-evidence.json"));

like($out, qr/^devices +1$/m, 'one device');
like($out, qr/^architecture +HOPPER$/m, 'architecture');
like($out, qr/^kind +GPU$/m, 'kind');
like($out, qr/^report +4274 bytes, SPDM 1\.1$/m, 'report');
like($out, qr/^  mode +ppcie: /m, 'mode');
like($out, qr/^  driver +590\.12$/m, 'driver');
like($out, qr/^  VBIOS +96\.00\.A5\.00\.01$/m, 'VBIOS');
like($out, qr/^  firmware \(20\) +956ecf09/m, 'firmware');
like($out, qr/^  project \(17\) +G520$/m, 'a field of text');
like($out, qr/^  field \(12\) +0{8}01/m, 'an unknown field');
like($out, qr/^  measurements +64, /m, 'measurements');
like($out, qr/^   64, type 1 +[0-9a-f]{96}$/m, 'the last of them');
like($out, qr/^report signed by +the key of its first certificate$/m,
    'signature');
like($out, qr/^firmware certified +956ecf09/m, 'firmware of the certificate');
like($out, qr/^identity \(devices\) +[0-9a-f]{64}$/m, 'identity');
like($out, qr/^certificates +5$/m, 'certificates');
like($out, qr/^certificate of +CN=GH100 A01 GSP FMC LF,/m, 'the leaf');
like($out, qr/^  valid until +253402300799 \(9999-12-31 23:59:59 UTC\)$/m,
    'for ever');

$out = show(gpu => $type, slurp("$data/nvidia/switch-ls10-evidence.json"));
like($out, qr/^kind +switch$/m, 'a switch');
like($out, qr/^  driver +not named$/m, 'has no driver');
like($out, qr/^  VBIOS +96\.10\.55\.00\.01$/m, 'its BIOS');

$out = show(gpu => $type, '[]');
like($out, qr/^the GPU evidence is malformed$/m, 'no evidence');

done_testing();


sub slurp {
    my ($file) = @_;

    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
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
