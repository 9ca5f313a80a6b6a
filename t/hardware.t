# SPDX-License-Identifier: Apache-2.0

# Gateways on hardware that is played by doubles behind the interfaces of the
# real one: configfs-tsm (FUSE), /dev/nsm, NVIDIA's library, Azure's and
# Google's virtual TPMs.  Certificate and endpoint carry the evidence, the
# verifier says what its label deserves, the source fails and comes back.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json encode_json);
use Time::HiRes qw(sleep);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl python3
    tpm2_nvwrite)) // AttestTest::no_fake_tsm();
plan(skip_all => $missing) if $missing;

# What the doubles of an SNP guest without a TPM measure is the whole image.
my %whole = (snp => { measurement_covers => 'kernel' });

test_snp();
test_tdx();
test_snp_with_tpm();
test_svsm();
test_no_certificates();
test_nitro();
test_gpus();
test_gpus_not_needed();
test_azure();
test_google();
test_auto();
test_auto_finds();

AttestTest::done();


# ---- surroundings

sub serve {
    my ($t, $source, %o) = @_;
    my $lifetime = $o{lifetime} || '60s';

    $t->backend();
    $t->gateway(source => "$source attest_lifetime $lifetime;",
        servers => <<'END');
server {
        listen 127.0.0.1:%%PORT_STATUS%%;
        location = /attest-status { attest_status; }
    }
END
}


sub says {
    my ($name, $want, $re, $status, $out) = @_;

    my $ok = is($status, $want, "$name: exit status $want");
    $ok = like($out, $_, "$name: says why") && $ok
        for ref $re eq 'ARRAY' ? @$re : $re;
    diag($out) if !$ok;
}


# A file's certificates, each by itself.
sub pems {
    return map { AttestTest::read_file($_)
        =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/sg } @_;
}


# What the gateway runs now, as a policy that knows the doubles' roots.
sub policy {
    my ($t, $name, $roots, %more) = @_;
    my ($base, $file) = map { $t->path("$name-$_.json") } qw(base policy);

    AttestTest::write_file($base, encode_json({ version => 1,
        simulated_roots => [ pems(@$roots) ], %more }));

    my $err = AttestTest::run_out([ AttestTest::cli(), 'policy', $t->url(),
        '--policy', $base ], stdout => $file);
    is($?, 0, "$name: a first policy") or diag($err);
    return $file;
}


# The whole verdict, with a policy made of what runs; and what others say.
sub judged {
    my ($t, $name, $roots, $re, %o) = @_;
    my $label = $o{label} || 'simulated';
    my $policy = policy($t, $name, $roots, %{ $o{policy} || {} });
    my $p = decode_json(AttestTest::read_file($policy));

    is_deeply($p->{roots_of_trust}, [$label], "$name: labelled $label");
    says($name, 0, [ qr/^TRUSTED: .*"$label"/m, @$re ],
        $t->attest('verify', $t->url(), '--policy', $policy));
    says("$name, default policy", 1, qr/^NOT TRUSTED/m,
        $t->attest('verify', $t->url()));

    $p->{roots_of_trust} = ['tee', 'tee-vtpm', 'cloud-vtpm'];
    AttestTest::write_file("$policy.tee", encode_json($p));
    says("$name, by a policy that wants hardware", 1,
        qr/^FAIL  root-of-trust: .*does not accept/m,
        $t->attest('verify', $t->url(), '--policy', "$policy.tee"));

    like($t->error_log(), qr/root of trust "$label"/, "$name: the log too");

    my ($status, $shown) = $t->attest('show', $t->url());
    is($status, 0, "$name: shown");
    like($shown, qr/^root of trust\s+$label/m, "$name: with its label");
    return $policy;
}


sub chat {
    my ($t, $policy, @args) = @_;

    return $t->attest('chat', $t->url(), '--policy', $policy, @args,
        'hello there');
}


# Evidence lives on until it expires; then nothing is served, until the
# source is back.
sub fails_and_recovers {
    my ($t, $name, $policy, $break, $mend, $re) = @_;

    $t->mark_log();
    $break->();
    like($t->wait_log(qr/attest: renewal failed: .*/, 20) // '', $re,
        "$name fails: the log says why");
    ok(AttestTest::until_true(30, sub {
        return $t->get('/v1/models')->{status} == 0;
    }), "$name fails: no handshake when the evidence has expired");
    like($t->get('/attest-status', port => $t->port('STATUS'),
        plain => 1)->{body}, qr/"last_error":\{"text":"/,
        "$name fails: status says so");

    $mend->();
    ok(AttestTest::until_true(30, sub {
        my ($status) = $t->attest('verify', $t->url(), '--policy', $policy);
        return $status == 0;
    }), "$name recovers by itself");
}


# ---- AMD

sub test_snp {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm();

    serve($t, "attest_tsm path=$dir timeout=2s;", lifetime => '8s');
    $t->start();

    my $policy = judged($t, 'SNP', [ $t->path('tsm-roots.pem') ], [
        map { qr/^PASS  $_-snp-signature: /m } qw(certificate cached fresh)
    ], policy => { %whole });
    my $p = decode_json(AttestTest::read_file($policy));
    like(encode_json($p->{snp}{measurement}), qr/[0-9a-f]{96}/,
        'SNP: the policy names the measurement');
    ok(!exists $p->{pcrs} && !exists $p->{ak}, 'SNP: and no TPM');

    my ($status, $out) = chat($t, $policy);
    is($status, 0, 'SNP: a chat') or diag($out);

    says('SNP, another measurement', 1, qr/^FAIL  fresh-snp-measurement: /m,
        changed($t, $policy, 'snp', measurement => ['11' x 48]));
    says('SNP, no measurement', 2, qr/^\?{4}  reference-values: /m,
        changed($t, $policy, 'snp', measurement => undef));
    says('SNP, a newer firmware wanted', 1, qr/^FAIL  fresh-snp-tcb-min/m,
        changed($t, $policy, 'snp', min_tcb => { microcode => 255 }));

    fails_and_recovers($t, 'SNP', $policy,
        sub { $t->tsm_control('fail outblob EBUSY -1') },
        sub { $t->tsm_control('') }, qr/outblob|report/);

    # a debug guest is worth nothing, whoever signs for it
    $t->tsm_control('report debug');
    my $debug = $t->wait_log(qr/attest: renewal failed: .*/, 1);
    ok(AttestTest::until_true(20, sub {
        my ($s, $o) = $t->attest('verify', $t->url(), '--policy', $policy);
        return $s != 0 && $o =~ /debug/i
            || $t->error_log() =~ /renewal failed: .*debug/i;
    }), 'SNP: a debug guest is refused');

    $t->stop();
    is_deeply([ glob("$dir/*") ], [], 'SNP: no report directory is left');
    $t->stop_fake_tsm();
}


# One member of one kind changed; the verdict.
sub changed {
    my ($t, $policy, $kind, %change) = @_;
    my $p = decode_json(AttestTest::read_file($policy));

    for my $name (keys %change) {
        $p->{$kind}{$name} = $change{$name};
        delete $p->{$kind}{$name} if !defined $change{$name};
    }

    AttestTest::write_file("$policy.changed", encode_json($p));
    return $t->attest('verify', $t->url(), '--policy', "$policy.changed");
}


sub test_tdx {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm('provider tdx_guest');

    serve($t, "attest_tsm path=$dir;");
    $t->start();

    # without Intel's collateral nothing says how new the firmware is
    my $roots = [ $t->path('tsm-roots.pem') ];
    my $policy = policy($t, 'TDX, no collateral', $roots);
    says('TDX, no collateral', 2, qr/^\?{4}  fresh-tdx-tcb: .*not evaluated/m,
        $t->attest('verify', $t->url(), '--policy', $policy));

    judged($t, 'TDX', $roots, [ map { qr/^PASS  $_-tdx-signature: /m }
        qw(certificate cached fresh) ],
        policy => { tdx => { require_tcb => JSON::PP::false } });

    my $cert = $t->path('cert.pem');
    AttestTest::write_file($cert, $t->certificate());
    my $text = AttestTest::run_out([ AttestTest::which('openssl'), 'x509',
        '-in', $cert, '-noout', '-text' ]);
    like($text, qr/2\.23\.133\.5\.4\.9/, 'TDX: the CCC extension too');
    unlike($text, qr/2\.23\.133\.5\.4\.9: critical/, 'TDX: not critical');
    $t->stop();
    $t->stop_fake_tsm();
}


# The TPM quotes over the CPU's report.
sub test_snp_with_tpm {
    my $t = AttestTest->new(fresh_tpm => 0);
    my $dir = $t->fake_tsm();

    $t->swtpm();
    serve($t, "attest_tsm path=$dir; attest_tpm %%TCTI%%;");
    $t->start();

    judged($t, 'SNP and TPM', [ $t->path('tsm-roots.pem') ],
        [ qr/^PASS  fresh-binding: /m, qr/^PASS  fresh-snp-binding: /m ],
        policy => { ak => [ ak_name($t) ] });
    $t->stop();
    $t->stop_fake_tsm();
}


# As "ngx-attest show" prints it.
sub ak_name {
    my ($t) = @_;
    my (undef, $out) = $t->attest('show', $t->url());

    return $out =~ /(000b[0-9a-f]{64})/ ? $1 : die $out;
}


sub test_svsm {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm("vmpl 0\nmanifest 90");

    serve($t, "attest_tsm path=$dir svsm;");
    ok($t->start(may_fail => 1), 'SVSM: starts')
        or return diag($t->error_log());
    like($t->attest('show', $t->url()) ? ($t->attest('show', $t->url()))[1]
        : '', qr/svsm/i, 'SVSM: its manifest is shown');
    $t->stop();
    $t->stop_fake_tsm();
}


# A host may keep the certificates to itself.
sub test_no_certificates {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm('aux 0');

    serve($t, "attest_tsm path=$dir;");
    $t->start();
    says('SNP without certificates', 2, qr/^\?{4}  fresh-snp-certificate: /m,
        $t->attest('verify', $t->url()));
    $t->stop();
    $t->stop_fake_tsm();
}


# ---- AWS

sub test_nitro {
    my $t = AttestTest->new();

    $t->fake_nsm();
    serve($t, 'attest_nitro;', lifetime => '8s');
    $t->start();

    my $policy = judged($t, 'Nitro', [ $t->double_roots('nitro') ],
        [ map { qr/^PASS  $_-nitro-signature: /m }
            qw(certificate cached fresh) ]);
    my ($status, $out) = chat($t, $policy);
    is($status, 0, 'Nitro: a chat') or diag($out);

    says('Nitro, another image', 1, qr/^FAIL  fresh-nitro-pcrs: /m,
        changed($t, $policy, 'nitro', pcrs => { 0 => '11' x 48 }));

    fails_and_recovers($t, 'Nitro', $policy,
        sub { $t->nsm_control('error InternalError') },
        sub { $t->nsm_control('') }, qr/InternalError/);
    $t->stop();
}


# ---- NVIDIA

sub test_gpus {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm();

    $t->fake_nvml("gpus 2");
    $t->{nginx_env} = { %{ AttestTest::nginx_env() }, %{ $t->nvml_env() } };
    serve($t, "attest_tsm path=$dir; "
        . 'attest_gpu nvidia required interval=1s;');
    $t->start();

    my $roots = [ $t->path('tsm-roots.pem'), $t->double_roots('gpu') ];
    my $policy = judged($t, 'GPUs', $roots,
        [ qr/^PASS  fresh-gpu-\S+: /m, qr/^NOTE  .*not evaluated.*RIM/m ],
        policy => { %whole });
    my $p = decode_json(AttestTest::read_file($policy));
    is($p->{gpu}{count}, 2, 'GPUs: the policy counts them');
    says('GPUs, three wanted', 1, qr/^FAIL  fresh-gpu-count: /m,
        changed($t, $policy, 'gpu', count => 3));

    # one that has to be there goes: nothing is served, at once
    is($t->get('/v1/models')->{status}, 400, 'GPUs: a server that answers');
    $t->mark_log();
    $t->fake_nvml('gpus 1');
    ok($t->wait_log(qr/attest: GPU check failed: .*refuse service/, 20),
        'GPUs: one vanishes, the log says so');
    ok(AttestTest::until_true(10, sub {
        return $t->get('/v1/models')->{status} == 0;
    }), 'GPUs: no handshake any more');

    $t->fake_nvml('gpus 2');
    ok($t->wait_log(qr/attest: the GPUs attest again/, 20),
        'GPUs: it is back');
    ok(AttestTest::until_true(20, sub {
        my ($status) = $t->attest('verify', $t->url(), '--policy', $policy);
        return $status == 0;
    }), 'GPUs: and so is service');
    $t->stop();

    # none at all, or not confidential: no start
    for my $bad ([ 'gpus 0', qr/no NVIDIA GPU/ ],
        [ "gpus 1\nstate 2 0 0", qr/confidential/ ],
        [ "gpus 1\nstate 2 1 1", qr/devtools|development/i ],
        [ "gpus 1\nbend signature", qr/attest: cannot collect/ ])
    {
        $t->allow(qr/\[emerg\]/);
        $t->fake_nvml($bad->[0]);
        $t->mark_log();
        ok(!$t->start(may_fail => 1, sec => 20), "required, $bad->[0]");
        like($t->error_log(), $bad->[1], "required, $bad->[0]: the log");
    }

    $t->stop_fake_tsm();
}


sub test_gpus_not_needed {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm();

    $t->fake_nvml('gpus 0');
    $t->{nginx_env} = { %{ AttestTest::nginx_env() }, %{ $t->nvml_env() } };
    serve($t, "attest_tsm path=$dir; attest_gpu nvidia interval=1s;");
    $t->start();
    like($t->error_log(), qr/\[warn\].*attest: .*GPU/, 'no GPU: a warning');

    my $roots = [ $t->path('tsm-roots.pem'), $t->double_roots('gpu') ];
    my $policy = policy($t, 'no GPU', $roots, %whole);
    says('no GPU', 0, qr/^TRUSTED/m,
        $t->attest('verify', $t->url(), '--policy', $policy));
    says('no GPU, one wanted', 1, qr/^FAIL  .*gpu/m,
        changed($t, $policy, 'gpu', required => JSON::PP::true));
    $t->stop();
    $t->stop_fake_tsm();
}


# ---- clouds

sub test_azure {
    my $t = AttestTest->new(fresh_tpm => 0);
    my $dir = $t->path('azure');
    my $unit = ($ENV{ATTEST_UNIT} || AttestTest::build() . '/unit')
        . '/test_provider_azure';

    mkdir $dir;
    $t->swtpm();
    $t->azure_ak("$dir/ak.pem");
    AttestTest::run_out([ $unit, 'prepare', $dir ]);
    $t->tpm_nv('0x01400001', "$dir/hcl.bin");
    my $imds = $t->start_fake_imds($dir);

    serve($t, "attest_azure imds=$imds; attest_tpm %%TCTI%%;");
    $t->start();

    judged($t, 'Azure', [ "$dir/root.pem" ],
        [ qr/^PASS  hcl-ak: /m, qr/^PASS  fresh-binding: /m ]);
    $t->stop();
}


# Google's certificate for the key that its template makes.
sub test_google {
    my $t = AttestTest->new(fresh_tpm => 0);

    $t->swtpm();
    my $ca = $t->google_tpm();

    serve($t, 'attest_gcp; attest_tpm %%TCTI%%;');
    $t->start();

    judged($t, 'Google', [$ca], [ qr/^PASS  fresh-ak-cert\S*: /m ]);
    $t->stop();
}


# This machine has nothing of all that.
sub test_auto {
    my $t = AttestTest->new();

    serve($t, 'attest_provider auto;');
    my ($ok, $out) = $t->test_conf();

    SKIP: {
        skip 'this machine has a source of evidence', 2 if $ok;
        ok(!$ok, 'auto, on a machine without any source');
        like($out, qr{finds no source of evidence: no /dev/nsm}, 'and why');
    }
}


# A confidential guest with a GPU's driver, in a mount namespace: what there
# is is picked, said, used, and a second start is none the worse for the first.
sub test_auto_finds {
    my $t = AttestTest->new();

    SKIP: {
        skip 'only root has mount namespaces', 1 if $> != 0;
        skip 'no mount over /sys/kernel here', 1 if !$t->fake_tsm_in_place();

        serve($t, 'attest_provider auto;');
        my ($ok, $out) = $t->test_conf();
        ok($ok, 'auto: the configuration is good') or diag($out);
        like($out, qr/auto" picks attest_tsm: .*report works/,
            'auto: it says what it picks and why');
        is_deeply([ grep { /inblob|outblob/ } $t->tsm_log() ], [],
            'auto: a test of the configuration asks for no report');

        $t->start();
        judged($t, 'auto', [ $t->path('tsm-roots.pem') ],
            [ qr/^PASS  fresh-snp-signature: /m ], policy => { %whole });
        like($t->error_log(), qr/by provider "tsm"/, 'auto: the log too');

        my @names = split ' ', AttestTest::run_out([ @{ $t->{inside} },
            'ls', '/sys/kernel/config/tsm/report' ]);
        is(scalar @names, 1, 'auto: no probe is left behind')
            or diag("@names");

        ok($t->reload(), 'auto: a reload picks the same');
        unlike($t->error_log(), qr/generation 2/, 'auto: nothing is new');
        $t->stop();
    }

    $t->stop_proc('fake_tsm', 'TERM', 5) if $t->{procs}{fake_tsm};
}
