# SPDX-License-Identifier: Apache-2.0

# The policy that "ngx-attest policy" writes: it says what "verify" wants said,
# takes values only from what was judged, adds and never replaces; and no member
# of it can go without a refusal or a word.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl python3
    tpm2_nvwrite)) // AttestTest::no_fake_tsm();
plan(skip_all => $missing) if $missing;

test_software();
test_snp();
test_snp_with_tpm();
test_tdx();
test_nitro();
test_gpus();
test_azure();
test_google();

AttestTest::done();


# ---- surroundings


sub serve {
    my ($t, $source) = @_;

    $t->gateway(source => $source);
    $t->start();
}


sub pems {
    return map { AttestTest::read_file($_)
        =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/sg } @_;
}


# The policy for a gateway or an archive on top of these members, what was said
# beside it, and the exit status.
sub policy {
    my ($t, $target, %base) = @_;
    my ($in, $out) = map { $t->path($_) } qw(base.json policy.json);

    AttestTest::write_file($in, encode_json({ version => 1, %base }));
    my $said = AttestTest::run_out([ AttestTest::cli(), 'policy', $target,
        '--policy', $in ], stdout => $out);
    my $status = $? >> 8;

    my $p = eval { decode_json(AttestTest::read_file($out)) };
    return ($p, $said, $status);
}


sub verify {
    my ($t, $target, $policy) = @_;
    my $file = $t->path('tried.json');

    AttestTest::write_file($file, encode_json($policy));
    return $t->attest('verify', $target, '--policy', $file);
}


# A gateway's evidence, kept, and the policy that was made of it.
sub kept {
    my ($t, $name, %base) = @_;
    my $kept = $t->path('kept');
    my ($p, $said, $status) = policy($t, $t->url(), %base);

    is($status, 0, "$name: a policy") or diag($said);
    AttestTest::write_file($t->path('p.json'), encode_json($p || {}));
    $t->attest('verify', $t->url(), '--policy', $t->path('p.json'), '--save',
        $kept);

    return ($kept, $p, $said);
}


# Every value of a policy by its path: a list of [path, hash, name].
sub members {
    my ($h, $path) = @_;

    return map {
        my $sub = length $path ? "$path.$_" : $_;

        ([ $sub, $h, $_ ],
            ref $h->{$_} eq 'HASH' ? members($h->{$_}, $sub) : ());
    } sort keys %$h;
}


# What the command adds to the base it says; and whichever member goes, the
# verdict is a refusal, or names it.
sub judged {
    my ($t, $name, $kept, $p, $said, %base) = @_;
    my @all = members($p, '');
    my @silent;

    for (grep { ref $_->[1]{$_->[2]} ne 'HASH' } @all) {
        my ($path, $in, $key) = @$_;
        my $short = $path =~ s/(\.(?:min_tcb|platform|attributes))\..*/$1/r;

        next if exists $base{$path =~ s/\..*//r} || $path eq 'version';
        like($said, qr/^ngx-attest: added: \Q$short\E: /m,
            "$name: says $path");
    }

    for (@all) {
        my ($path, $in, $key) = @$_;
        next if exists $base{$path} || !of_its_kind($path, %base);

        my $value = delete $in->{$key};
        my ($status, $out) = verify($t, $kept, $p);
        $in->{$key} = $value;

        # PCRs are named by their numbers
        my $word = $path =~ /pcrs\.(?:\w+\.)?(\d+)$/ ? qr/PCRs? [^\n]*\b$1\b/
            : qr/\b\Q$path\E\b/;

        push @silent, $path
            if $status == 0 && $out !~ /^NOTE  [^\n]*$word/m;
    }

    is("@silent", '', "$name: nothing goes without a word");
}


# Of many alike some are enough; with PCRs it does not matter whether the
# launch measurement covers the kernel.
sub of_its_kind {
    my ($path, %base) = @_;

    return 0 if $path eq 'snp.measurement_covers' && !$base{snp};
    return 0 if $path =~ /^snp\./ && $base{only_gpu};
    return $path !~ /^pcrs\.sha256\.[1-35689]|platform\.(?!smt)/;
}


sub trusted {
    my ($t, $name, $kept, $p) = @_;
    my ($status, $out) = verify($t, $kept, $p);

    is($status, 0, "$name: verify finds nothing lacking") or diag($out);
}


# ---- kinds of evidence

sub test_software {
    my $t = AttestTest->new(fresh_tpm => 0);

    $t->swtpm();
    serve($t, 'attest_tpm %%TCTI%%;');
    my ($kept, $p, $said) = kept($t, 'software');

    like($p->{ak}[0], qr/^000b/, 'software: its key is named');
    trusted($t, 'software', $kept, $p);
    judged($t, 'software', $kept, $p, $said);

    test_base($t, $kept, $p);
    test_items($t, $kept);
    $t->stop();
}


# Members of --policy stay; what contradicts them is an error that names them.
sub test_base {
    my ($t, $kept, $p) = @_;
    my @wrong = (
        [ roots_of_trust => ['tee'], qr/root-of-trust: .*does not accept/ ],
        [ ak => [ '000b' . '11' x 32 ], qr/ak-reference/ ],
        [ config => [ '22' x 32 ], qr/config-reference/ ],
        [ pcrs => { sha256 => { 0 => '33' x 32 } }, qr/pcr-reference/ ],
        [ require_ek => JSON::PP::true, qr/ek/ ],
    );

    for (@wrong) {
        my ($name, $value, $re) = @$_;
        my ($got, $said, $status) = policy($t, $kept, $name => $value);

        isnt($status, 0, "$name of another: refused");
        like($said, $re, '  by name');
        is($got, undef, '  and nothing is written');
    }

    my ($got, $said, $status) = policy($t, $kept,
        roots_of_trust => [ 'tee', 'software' ],
        ak => [ '000b' . '11' x 32, $p->{ak}[0] ],
        pcrs => { sha256 => { 0 => [ $p->{pcrs}{sha256}{0}, '44' x 32 ] } });

    is($status, 0, 'members that hold');
    is_deeply($got->{roots_of_trust}, [ 'tee', 'software' ],
        'roots_of_trust stays');
    is(scalar @{ $got->{ak} }, 2, 'ak stays');
    is_deeply($got->{pcrs}{sha256}{0}, [ $p->{pcrs}{sha256}{0}, '44' x 32 ],
        'a PCR stays');
    is($got->{pcrs}{sha256}{7}, $p->{pcrs}{sha256}{7}, 'others are added');
    like($said, qr/^ngx-attest: kept as --policy has it: $_: /m, "says $_")
        for qw(roots_of_trust ak pcrs\.sha256\.0);
    like($said, qr/^ngx-attest: added: pcrs\.sha256\.7: /m, 'says what');

    # a named key would make the endorsement key optional
    ($got, $said, $status) = policy($t, $t->url(),
        ek_roots => [ pems($t->path('tpm/ca/issuercert.pem')) ]);
    is($status, 0, 'an endorsement key that is demanded') or diag($said);
    is($got->{require_ek}, JSON::PP::true, 'is demanded still');
}


# A report that nobody signed, under a label of its own, beside what counts.
sub test_items {
    my ($t, $kept) = @_;
    my $report = AttestTest::read_file(
        "$FindBin::Bin/data/snp/report-v2-milan.bin");
    my $type = 'application/vnd.veraison.tsm-report+cbor';
    my $tsm = head(5, 3) . head(3, 7) . 'auxblob' . head(2, 0)
        . head(3, 7) . 'outblob' . head(2, length $report) . $report
        . head(3, 8) . 'provider' . head(3, 9) . 'sev_guest';
    my $cmw = AttestTest::read_file("$kept/fresh.cmw");

    # one member more, behind the head of the map
    my $n = ord($cmw) & 31;
    substr($cmw, 0, 1) = head(5, $n + 1) . head(3, 5) . 'other'
        . head(4, 3) . head(3, length $type) . $type
        . head(2, length $tsm) . $tsm . head(0, 4);
    AttestTest::write_file("$kept/fresh.cmw", $cmw);

    my ($got, $said, $status) = policy($t, $kept);
    is($status, 0, 'an item more') or diag($said);
    is($got->{snp}, undef, 'nothing is taken from it');
    like($said, qr/nothing is taken from the item "other"/, 'which is said');
}


sub head {
    my ($major, $n) = @_;

    return $n < 24 ? pack('C', $major << 5 | $n)
        : $n < 256 ? pack('CC', $major << 5 | 24, $n)
        : pack('Cn', $major << 5 | 25, $n);
}


# Whether a launch measurement covers the kernel is for the owner to say.
sub test_snp {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm();

    serve($t, "attest_tsm path=$dir;");
    my %base = (simulated_roots => [ pems($t->path('tsm-roots.pem')) ]);
    my ($kept, $p, $said) = kept($t, 'SNP', %base);

    is($p->{snp}{measurement_covers}, 'firmware', 'SNP: what is known');
    like($said, qr/^ngx-attest: not yet enough to trust it: .*kernel/m,
        'SNP: what is lacking is said');
    isnt((verify($t, $kept, $p))[0], 0, 'SNP: and verify says the same');

    $base{snp} = { measurement_covers => 'kernel' };
    ($p, $said) = policy($t, $kept, %base);
    is($p->{snp}{measurement_covers}, 'kernel', 'SNP: --policy says more');
    ok($p->{snp}{min_tcb}{microcode}, 'SNP: a minimum');
    trusted($t, 'SNP', $kept, $p);
    judged($t, 'SNP', $kept, $p, $said, %base);
    $t->stop();
    $t->stop_fake_tsm();
}


sub test_snp_with_tpm {
    my $t = AttestTest->new(fresh_tpm => 0);
    my $dir = $t->fake_tsm();

    $t->swtpm();
    serve($t, "attest_tsm path=$dir; attest_tpm %%TCTI%%;");
    my %base = (simulated_roots => [ pems($t->path('tsm-roots.pem')) ]);
    my ($kept, $p, $said) = kept($t, 'SNP and TPM', %base);

    is($p->{snp}{measurement_covers}, 'firmware', 'SNP and TPM: PCRs too');
    ok($p->{ak}, 'SNP and TPM: the key that ties both');
    trusted($t, 'SNP and TPM', $kept, $p);
    judged($t, 'SNP and TPM', $kept, $p, $said, %base);
    $t->stop();
    $t->stop_fake_tsm();
}


sub test_tdx {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm('provider tdx_guest');

    serve($t, "attest_tsm path=$dir;");
    my %base = (simulated_roots => [ pems($t->path('tsm-roots.pem')) ],
        tdx => { require_tcb => JSON::PP::false });
    my ($kept, $p, $said) = kept($t, 'TDX', %base);

    ok($p->{tdx}{rtmr}{$_}, "TDX: RTMR $_") for 0 .. 2;
    trusted($t, 'TDX', $kept, $p);
    judged($t, 'TDX', $kept, $p, $said, %base);
    $t->stop();
    $t->stop_fake_tsm();
}


sub test_nitro {
    my $t = AttestTest->new();

    $t->fake_nsm();
    serve($t, 'attest_nitro;');
    my %base = (simulated_roots => [ pems($t->double_roots('nitro')) ]);
    my ($kept, $p, $said) = kept($t, 'Nitro', %base);

    ok($p->{nitro}{pcrs}{0}, 'Nitro: the image');
    trusted($t, 'Nitro', $kept, $p);
    judged($t, 'Nitro', $kept, $p, $said, %base);
    $t->stop();
}


sub test_gpus {
    my $t = AttestTest->new();
    my $dir = $t->fake_tsm();

    $t->fake_nvml('gpus 2');
    $t->{nginx_env} = { %{ AttestTest::nginx_env() }, %{ $t->nvml_env() } };
    serve($t, "attest_tsm path=$dir; attest_gpu nvidia required;");
    my %base = (simulated_roots => [ pems($t->path('tsm-roots.pem'),
        $t->double_roots('gpu')) ], snp => { measurement_covers => 'kernel' });
    my ($kept, $p, $said) = kept($t, 'GPUs', %base);

    is($p->{gpu}{count}, 2, 'GPUs: how many');
    trusted($t, 'GPUs', $kept, $p);
    judged($t, 'GPUs', $kept, $p, $said, %base, only_gpu => 1);
    $t->stop();
    $t->stop_fake_tsm();
}


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
    my %base = (simulated_roots => [ pems("$dir/root.pem") ]);
    my ($kept, $p, $said) = kept($t, 'Azure', %base);

    ok($p->{snp}{measurement}, 'Azure: the paravisor');
    is($p->{ak}, undef, 'Azure: which vouches for the key');
    trusted($t, 'Azure', $kept, $p);
    judged($t, 'Azure', $kept, $p, $said, %base);
    $t->stop();
}


# Every customer's machine has a key that the cloud certifies.
sub test_google {
    my $t = AttestTest->new(fresh_tpm => 0);

    $t->swtpm();
    my $ca = $t->google_tpm();

    serve($t, 'attest_gcp; attest_tpm %%TCTI%%;');
    my %base = (simulated_roots => [ pems($ca) ]);
    my ($kept, $p, $said) = kept($t, 'Google', %base);

    ok($p->{ak}, 'Google: which of all keys');
    trusted($t, 'Google', $kept, $p);
    judged($t, 'Google', $kept, $p, $said, %base);

    # without its root the certificate proves nothing
    (my $got, $said) = policy($t, $kept);
    is($got->{gcp}, undef, 'Google: nothing of a certificate of nobody')
        or diag($said);
    $t->stop();
}

