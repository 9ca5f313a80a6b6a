#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# GPUs, Azure's paravisor and the TPM in one, against doubles of each.
# ATTEST_UNIT: folder of the test binaries (build/unit).

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use lib abs_path(dirname(__FILE__) . '/../lib');
use AttestTest;

my $top = AttestTest::top();
my $unit = abs_path($ENV{ATTEST_UNIT} || "$top/build/unit");
my $bin = "$unit/test_provider_combined";

plan(skip_all => "no $bin") unless -x $bin;
my $missing = AttestTest::missing(qw(swtpm tpm2_nvwrite python3 openssl));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(canary => 0);
my $tcti = $t->swtpm();
my $nvml = $t->fake_nvml();
my $dir = $t->path('azure');
mkdir $dir;
chdir $top or die;

$t->azure_ak("$dir/ak.pem");
AttestTest::run_scenario("$unit/test_provider_azure", 'prepare', [ $dir ]);
$t->tpm_nv('0x01400001', "$dir/hcl.bin");
my $imds = $t->start_fake_imds($dir);

run('azure', $tcti, $nvml, $imds);
run('gpu', $tcti, $nvml);

# what a cloud's CA gave, padded as an index is; another key; no certificate

certificate("$dir/ak.pem", "$dir/ak.der");
$t->tpm_nv('0x01c10000', "$dir/ak.der");
openssl('genrsa', '-out', "$dir/other.key", '2048');
openssl('pkey', '-in', "$dir/other.key", '-pubout', '-out', "$dir/other.pem");
certificate("$dir/other.pem", "$dir/other.der");
$t->tpm_nv('0x01c10002', "$dir/other.der");
AttestTest::write_file("$dir/erased", "\xff" x 900);
$t->tpm_nv('0x01c10004', "$dir/erased");
run('cert', $tcti);

run('many', $tcti, $nvml, $imds, 200);
is($t->tpm_tool('tpm2_getcap', 'handles-transient'), '',
    'nothing is left in the TPM');

AttestTest::done();


sub run {
    my ($name, @args) = @_;

    AttestTest::run_scenario($bin, $name, \@args);
}


sub openssl {
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), @_ ]);

    die "openssl @_: $out" if $?;
}


sub certificate {
    my ($pub, $der) = @_;

    openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout),
        "$dir/ca.key", '-out', "$dir/ca.pem") unless -f "$dir/ca.pem";
    openssl(qw(req -new -subj /CN=ak -key), "$dir/ca.key", '-out',
        "$dir/ak.csr");
    openssl(qw(x509 -req -days 2 -CAcreateserial -outform der -in),
        "$dir/ak.csr", '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key",
        '-force_pubkey', $pub, '-out', $der);
    AttestTest::write_file($der, AttestTest::read_file($der) . "\0" x 100);
}
