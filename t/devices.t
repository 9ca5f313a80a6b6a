# SPDX-License-Identifier: Apache-2.0

# A gateway on Azure with GPUs, as doubles play them: what it serves, what a
# verifier says of it, and what happens when a device fails.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup tpm2_nvwrite python3));
plan(skip_all => $missing) if $missing;

my $unit = AttestTest::build() . '/unit';
my $t = AttestTest->new();
my $dir = $t->path('azure');
my $nvml = $t->fake_nvml('gpus 2');

mkdir $dir;
chdir AttestTest::top() or die;

$t->swtpm();
$t->azure_ak("$dir/ak.pem");
AttestTest::run_scenario("$unit/test_provider_azure", 'prepare', [ $dir ]);
AttestTest::run_scenario("$unit/test_provider_nvidia", 'root', [ $nvml ]);
$t->tpm_nv('0x01400001', "$dir/hcl.bin");

my $imds = $t->start_fake_imds($dir);
my $roots = policy('roots.json', simulated_roots => [
    AttestTest::read_file("$dir/root.pem"),
    AttestTest::read_file("$nvml/gpu-root.pem") ]);

$t->backend();
$ENV{LD_LIBRARY_PATH} = $t->nvml_env()->{LD_LIBRARY_PATH};
serve('required');

test_served();
test_verdicts();
test_newer_driver();
test_imds_gone();
test_gpu_gone();
test_driver_hangs();
test_start_without();

AttestTest::done();


sub policy {
    my ($name, %members) = @_;
    my $file = $t->path($name);

    AttestTest::write_file($file, encode_json({ version => 1, %members }));
    return $file;
}


sub serve {
    my ($required, %o) = @_;

    $t->gateway(source => "attest_tpm %%TCTI%%; attest_azure imds=$imds;
        attest_gpu nvidia $required interval=1s timeout=8s;");
    return $t->start(%o);
}


sub test_served {
    my $url = '/.well-known/attestation';
    my $nonce = 'ab' x 32;

    like($t->wait_log(qr/by provider "[^"]+", root of trust \S+/),
        qr/"nvidia\+azure\+tpm", root of trust "?simulated/, 'the log says');

    for my $path ($url, "$url?nonce=$nonce") {
        my $got = AttestTest::json($t->get($path)) || {};

        is_deeply([ grep { !/^__/ } sort keys %$got ], [ sort qw(azure-hcl
            claims config gpu hpke-keys root-of-trust tpm) ],
            "items of $path");
    }
}


sub test_verdicts {
    my ($status, $out) = $t->attest('verify', $t->url());

    isnt($status, 0, 'not trusted by default');
    unlike($out, qr/^PASS\s+root-of-trust/m, 'nothing is rooted then');

    my $good = $t->path('good.json');
    $out = AttestTest::run_out([ AttestTest::cli(), 'policy', $t->url(),
        '--policy', $roots ], stdout => $good);
    is($?, 0, 'a policy for this machine') or diag($out);

    ($status, $out) = $t->attest('verify', $t->url(), '--policy', $good);
    is($status, 0, 'trusted as what it is') or diag($out);
    like($out, qr/root-of-trust.*simulated/, 'simulated');

    my $policy = JSON::PP::decode_json(AttestTest::read_file($good));
    $policy->{gpu}{count} = 3;
    AttestTest::write_file($t->path('three.json'), encode_json($policy));
    ($status, $out) = $t->attest('verify', $t->url(), '--policy',
        $t->path('three.json'));
    is($status, 1, 'a GPU too few for another policy');
    like($out, qr/^FAIL\s+\S*gpu/m, 'and it says so');
}


# A driver that writes versioned opaque data: served on, and trusted by whom
# its version suits.
sub test_newer_driver {
    my $newer = $t->path('newer.json');
    my $policy = JSON::PP::decode_json(AttestTest::read_file(
            $t->path('good.json')));

    # cached evidence is what the older one made, fresh evidence is not
    push @{ $policy->{gpu}{driver} }, '622.12';
    AttestTest::write_file($newer, encode_json($policy));
    $t->fake_nvml("gpus 2\nopaque 2");

    my ($status, $out) = $t->attest('verify', $t->url(), '--policy', $newer);
    is($status, 0, 'newer driver: trusted') or diag($out);
    like($out, qr/^PASS\s+\S*gpu-signature/m, 'newer driver: signed');

    ($status, $out) = $t->attest('verify', $t->url(), '--policy',
        $t->path('good.json'));
    is($status, 1, 'newer driver: not by a policy that names the older');
    like($out, qr/^FAIL\s+\S*gpu-driver/m, 'newer driver: and it says so');

    $t->fake_nvml('gpus 2');
}


# What vouches for the machine is remembered.
sub test_imds_gone {
    $t->stop_proc('imds', 'KILL');

    is($t->get('/.well-known/attestation?nonce=' . 'cd' x 32)->{status}, 200,
        'fresh evidence without the metadata service');
    $t->start_fake_imds($dir);
}


# Closed servers end the handshake.
sub ready {
    my $r = eval { $t->get('/.well-known/attestation') } || {};

    return ($r->{status} || 0) == 200;
}


sub closes {
    my ($what, $re) = @_;

    like($t->wait_log($re, 30), $re, "$what: the log says why");
    ok(AttestTest::until_true(20, sub { !ready() }), "$what: closed");

    $t->fake_nvml('gpus 2');
    ok(AttestTest::until_true(60, sub { ready() }), "$what: open again");
}


sub test_gpu_gone {
    ok(ready(), 'open');
    $t->mark_log();
    $t->fake_nvml('gpus 1');
    closes('a GPU vanished', qr/is gone: 1 of 2/);
}


sub test_driver_hangs {
    $t->mark_log();
    $t->fake_nvml('hang nvmlDeviceGetCount_v2');
    closes('the driver hangs', qr/driver: no answer in time/);
}


sub test_start_without {
    $t->stop();
    $t->allow(qr/\[emerg\].*confidential computing of the GPUs is off/);

    $t->fake_nvml('state 2 0 0');
    ok(!serve('required', may_fail => 1), 'GPUs that are not confidential');
    like($t->error_log() . AttestTest::read_file($t->path('logs/nginx.out')),
        qr/confidential computing of the GPUs is off/, 'are named');

    ok(serve(''), 'they are not required');
    my $got = AttestTest::json($t->get('/.well-known/attestation')) || {};
    ok(!exists $got->{gpu}, 'and not in the evidence');
    like($t->wait_log(qr/no GPU evidence/), qr/no GPU evidence/,
        'the log says so');
}
