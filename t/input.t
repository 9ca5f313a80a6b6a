# SPDX-License-Identifier: Apache-2.0

# Files that are neither a certificate nor evidence: show, verify and policy say
# what they are.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::More;

my $t = AttestTest->new();
my $data = AttestTest::doubles_evidence($t->path('evidence'));

# The report of a TSM item, and other evidence without its collection.
my $snp = AttestTest::read_file("$data/snp-report.bin");
my $quote = AttestTest::read_file("$data/tdx-quote.bin");
my $nitro = AttestTest::read_file("$data/nitro.bin");
my $hex = unpack 'H*', $snp;

ok(length $_, 'data') for $snp, $quote, $nitro;

my @files = (
    [ 'empty', '', 'empty' ],
    [ 'blank', " \n\n", 'blank' ],
    [ 'a word', "junk\n", 'text' ],
    [ 'a sentence', "this is no evidence at all but a long sentence\n",
        'text' ],
    [ 'a report in hex', $hex,
        'text: 1184 bytes in hexadecimal digits, a bare report of AMD' ],
    [ 'in lines', join("\n", unpack '(A64)*', uc $hex),
        'text: 1184 bytes in hexadecimal digits, a bare report of AMD' ],
    [ 'with colons', join(':', unpack '(A2)*', $hex),
        'text: 1184 bytes in hexadecimal digits, a bare report of AMD' ],
    [ 'with 0x', "0x$hex\n",
        'text: 1184 bytes in hexadecimal digits, a bare report of AMD' ],
    [ 'other hex', '30' x 40, 'text: 40 bytes in hexadecimal digits:' ],
    [ 'a report in base64', encode_base64($snp),
        'text: 1184 bytes in base64, a bare report of AMD' ],
    [ "base64url", encode_base64url($quote),
        'text: \d+ bytes in base64, a bare quote of Intel TDX' ],
    [ 'a report', $snp, 'a bare report of AMD SEV-SNP' ],
    [ 'a quote', $quote, 'a bare quote of Intel TDX' ],
    [ "AWS' document", $nitro, 'a bare document of AWS Nitro' ],
    [ 'a quote of a TPM', "\xffTCG\x80\x18\0\x22" . "\0" x 90,
        'a bare quote of a TPM' ],
    [ 'YAML', "# values\npolicy:\n  version: 1\n", 'YAML' ],
    [ 'a YAML document', "---\n- a\n- b\n", 'YAML' ],
    [ 'YAML of one line', "0: 1\n", 'YAML' ],
    [ 'a hex dump', "00000000: 0300 0000 abcd  ........\n", 'a hex dump' ],
    [ 'a policy', '{"version":1,"roots_of_trust":["tee"]}', 'a policy' ],
    [ 'a verdict', '{"version":1,"verdict":"trusted"}', 'a verdict' ],
    [ 'other JSON', '{"x":1}', 'JSON, but no collection' ],
    [ 'a list', '[1]', 'JSON, but no collection' ],
    [ 'cut JSON', '{"x":', 'text that is no JSON' ],
    [ 'a key', "-----BEGIN PRIVATE KEY-----\nAA==\n"
        . "-----END PRIVATE KEY-----\n", 'PEM, "PRIVATE KEY"' ],
    [ 'minisign', "untrusted comment: x\nRWQ\n", 'a key or signature' ],
    [ 'gzip', "\x1f\x8b\x08\0\0\0\0\0", 'compressed' ],
    [ 'other bytes', "\x00\x01\x02\x03", 'binary data' ],
);

for (@files) {
    my ($name, $bytes, $what) = @$_;
    my $file = $t->path('file');

    AttestTest::write_file($file, $bytes);

    for my $command (qw(show verify policy)) {
        my ($status, $out) = $t->attest($command, $file);

        is($status, 2, "$command, $name: exit status");
        like($out, qr/ is $what/, "$command, $name");
        unlike($out, qr/malformed certificate|certificate is malformed/,
            '  and no certificate');
    }
}

# What is there cannot be taken for evidence either.
mkdir $t->path('folder') or die $!;

for my $command (qw(show verify policy)) {
    like(($t->attest($command, $t->path('folder')))[1],
        qr/is a folder, but no archive of --save: it has no session\.json/,
        "$command, a folder");
    like(($t->attest($command, $t->path('none')))[1],
        qr/No such file or directory/, "$command, nothing");
}

like(($t->attest('chat', $t->path('folder'), '--policy', 'x', 'Hello'))[1],
    qr/chat wants a URL, not/, 'chat with a folder');

# Broken evidence stays broken evidence.
AttestTest::write_file($t->path('cut.cmw'), "\xa2\x63tpm\x83");
like(($t->attest('show', $t->path('cut.cmw')))[1], qr/neither a certificate/,
    'show, a cut collection');
is(($t->attest('verify', $t->path('cut.cmw')))[0], 1,
    'verify, a cut collection: not trusted');
AttestTest::write_file($t->path('cut.der'), "\x30\x82\x01\0\x30");
like(($t->attest('show', $t->path('cut.der')))[1], qr/certificate is/,
    'show, a cut certificate');

done_testing();
