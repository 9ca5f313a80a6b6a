#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# The Azure provider against a software TPM, whose NV holds a paravisor's
# report signed by a test root, and a double of the metadata service.
# ATTEST_UNIT: folder of the test binaries (build/unit).

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use POSIX qw(mkfifo);
use Test::More;

use lib abs_path(dirname(__FILE__) . '/../lib');
use AttestTest;

my $top = AttestTest::top();
my $bin = ($ENV{ATTEST_UNIT} || "$top/build/unit") . '/test_provider_azure';

$bin = abs_path($bin);
plan(skip_all => 'no test_provider_azure') unless $bin && -x $bin;
my $missing = AttestTest::missing(qw(swtpm tpm2_nvwrite python3));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(canary => 0);
my $tcti = $t->swtpm();
my $dir = $t->path('azure');
mkdir $dir;
chdir $top or die;

run('absent', $tcti);

$t->azure_ak("$dir/ak.pem");
run('prepare', $dir);
copy("$dir/vcek.json", "$dir/vcek-old.json") or die;
$t->tpm_nv('0x01400001', "$dir/hcl.bin");
my $imds = $t->start_fake_imds($dir);

run('snp', $tcti, $dir, $imds);
run('certs', $tcti, $dir);
run('answers', $tcti, $dir, $imds);
run('late', $tcti, $dir, $imds);
run('many', $tcti, $dir, $imds, 200);

$t->tpm_nv('0x01400001', "$dir/hcl-tdx.bin");
run('tdx', $tcti, $dir, $imds);

is($t->tpm_tool('tpm2_getcap', 'handles-transient'), '',
    'nothing is left in the TPM');

AttestTest::done();


sub run {
    my ($name, @args) = @_;

    AttestTest::run_scenario($bin, $name, \@args, \&step);
}


# What a scenario asks for.
sub step {
    my ($verb, $what) = split /:/, $_[0];
    my $path = "$dir/$what";

    if ($verb eq 'nv') {
        AttestTest::write_file($path, 'garbage') if $what eq 'garbage';
        $t->tpm_nv('0x01400001', $path);

    } elsif ($verb eq 'use') {
        my $name = $what eq 'vcek.json' ? 'vcek-old.json' : $what;
        my ($to) = $what =~ /^(vcek|tdquote)/;
        copy("$dir/$name", "$dir/$to.json") or die;

    } elsif ($verb eq 'imds') {
        $t->stop_proc('imds', 'KILL');
        $t->start_fake_imds($dir) if $what eq 'start';

    } else {
        rename($path, "$path.away") if $verb eq 'mv';
        unlink $path;
        mkfifo($path, 0600) if $verb eq 'fifo';
        AttestTest::write_file($path, 'garbage') if $verb eq 'garbage';
        AttestTest::write_file($path, '') if $verb eq 'empty';
        rename("$path.away", $path) if $verb eq 'back';
    }
}
