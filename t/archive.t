# SPDX-License-Identifier: Apache-2.0

# What an auditor does later: evidence that was kept, judged again as of then;
# policies that somebody must have signed.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json encode_json);
use POSIX qw(mkfifo);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl minisign));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(fresh_tpm => 0);

$t->swtpm();
$t->write_conf(<<'END');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    attest_lifetime 60s;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
    }
}
END
$t->start();

my $policy = $t->policy();
my $kept = $t->path('kept');
my @files = qw(certificate.der cached.cmw fresh.cmw session.json);

test_save();

# from here on nobody answers
$t->stop();

my $then = decode_json(AttestTest::read_file("$kept/session.json"))->{time};

test_then();
test_folders();
test_changed();
test_parts();
test_policy();
test_signed();

AttestTest::done();


sub says {
    my ($name, $want, $re, $status, $out) = @_;

    my $ok = is($status, $want, "$name: exit status $want");
    $ok = like($out, $re, "$name: says why") && $ok;
    diag($out) if !$ok;
}


sub verify { return $t->attest('verify', @_, '--policy', $policy) }


sub test_save {
    says('save', 0, qr/^TRUSTED/m, verify($t->url(), '--save', $kept));
    ok(-s "$kept/$_", "kept $_") for @files;
    says('nothing is written over', 2, qr/kept: File exists/,
        verify($t->url(), '--save', $kept));
}


sub test_then {
    says('as of then', 0, qr/^TRUSTED/m, verify($kept, '--time', $then));
    says('now is no other time yet', 0, qr/^TRUSTED/m, verify($kept));
    says('ten years later', 1, qr/^FAIL  fresh-validity: .*expired/m,
        verify($kept, '--time', $then + 315360000));
    says('the day before', 1, qr/^FAIL  certificate-time: /m,
        verify($kept, '--time', $then - 86400));

    my ($status, $out) = verify($kept, '--time', $then, '--json');
    my $r = decode_json($out);
    is($r->{verdict}, 'trusted', 'JSON of an archive');
    is($r->{time}, $then, 'and its time');
}


# Folders are other people's.
sub test_folders {
    my $odd = $t->path('odd');
    mkdir $odd or die "$odd: $!";
    AttestTest::write_file("$odd/session.json", '{}');
    mkfifo("$odd/fresh.cmw", 0600) or die "$odd/fresh.cmw: $!";
    says('a pipe is no evidence', 2, qr/fresh\.cmw is no file/,
        verify($odd));

    my $deep = join '/', $t->path('deep'), ('x' x 200) x 8;
    AttestTest::make_path($deep);
    my $out = AttestTest::run_out([ AttestTest::which('cp'), '-r', $kept,
        "$deep/kept" ]);
    is($out, '', 'a copy');
    says('a long name', 0, qr/^TRUSTED/m, verify("$deep/kept", '--time',
        $then));

    my $long = "$deep/" . './' x 2000;
    says('too long a name', 2, qr/is too long a name/,
        verify(substr($long, 0, 4086) . 'kept'));
}


# One byte of each file in turn, here and there.  The TPM maker's name is
# information: nothing signs it and nothing is concluded from it.
sub test_changed {
    my ($tried, $accepted) = (0, 0);

    for my $file (@files[0 .. 2]) {
        my $bytes = AttestTest::read_file("$kept/$file");

        my ($from, $to) = $bytes =~ /emaker.([\x20-\x7e]+)equote/
            ? ($-[1], $+[1]) : (0, 0);

        for (my $i = 0; $i < length $bytes; $i += 97) {
            next if $i >= $from && $i < $to;

            my $bad = $bytes;
            substr($bad, $i, 1) ^= "\x01";
            AttestTest::write_file("$kept/$file", $bad);

            my ($status) = verify($kept, '--time', $then);
            $tried++;

            if ($status == 0) {
                $accepted++;
                diag("$file: byte $i changed, and accepted");
            }
        }

        AttestTest::write_file("$kept/$file", $bytes);
    }

    note("$tried mutations of an archive");
    cmp_ok($tried, '>', 30, 'bytes were changed');
    is($accepted, 0, 'and none was accepted');

    my $session = AttestTest::read_file("$kept/session.json");

    for my $change ([ nonce => '00' x 32 ], [ exporter => '00' x 32 ]) {
        my $s = decode_json($session);
        $s->{ $change->[0] } = $change->[1];
        AttestTest::write_file("$kept/session.json", encode_json($s));
        says("another $change->[0]", 1, qr/^FAIL  $change->[0]: /m,
            verify($kept, '--time', $then));
    }

    for my $bad ('', '{', '[]', '{"nonce":"00"}', '{"nonce":1}') {
        AttestTest::write_file("$kept/session.json", $bad);
        says("session '$bad'", 2, qr/session.json/,
            verify($kept, '--time', $then));
    }

    AttestTest::write_file("$kept/session.json", $session);
    says('restored', 0, qr/^TRUSTED/m, verify($kept, '--time', $then));
}


# Single files say less, and the verdict says so.
sub test_parts {
    my $nonce = decode_json(AttestTest::read_file("$kept/session.json"))
        ->{nonce};

    says('a certificate', 2, qr/^\?{4}  nonce: /m,
        verify("$kept/certificate.der", '--time', $then));
    says('fresh evidence with its nonce', 2, qr/^PASS  nonce: /m,
        verify("$kept/fresh.cmw", '--time', $then, '--nonce', $nonce));
    says('with another nonce', 1, qr/^FAIL  nonce: /m,
        verify("$kept/fresh.cmw", '--time', $then, '--nonce', '11' x 32));
    says('a nonce that is none', 2, qr/--nonce wants/,
        verify("$kept/fresh.cmw", '--nonce', '11'));
    says('no such file', 2, qr/no file: No such file/, verify("$kept/none"));
}


sub test_policy {
    my $file = $t->path('again.json');
    my $out = AttestTest::run_out([ AttestTest::cli(), 'policy', $kept,
        '--time', $then ], stdout => $file);

    is($?, 0, 'a policy from an archive') or diag($out);
    says('accepts it', 0, qr/^TRUSTED/m, $t->attest('verify', $kept,
        '--time', $then, '--policy', $file));
}


sub test_signed {
    my $minisign = AttestTest::which('minisign');
    my ($pub, $other) = ($t->path('a.pub'), $t->path('b.pub'));
    my @key = ('--time', $then, '--policy-key');

    for my $name ('a', 'b') {
        my $out = AttestTest::run_out([ $minisign, '-G', '-W',
            '-p', $t->path("$name.pub"), '-s', $t->path("$name.key") ]);
        is($?, 0, 'minisign makes a key') or diag($out);
    }

    says('no signature', 2, qr/policy\.json\.minisig/,
        verify($kept, @key, $pub));

    AttestTest::run_out([ $minisign, '-S', '-s', $t->path('a.key'), '-m',
        $policy ]);
    says('signed', 0, qr/^TRUSTED/m, verify($kept, @key, $pub));
    says('by another key', 2, qr/not signed by the key.*another key/,
        verify($kept, @key, $other));
    says('a file that is no key', 2, qr/not a minisign public key/,
        verify($kept, @key, $policy));
    says('a key but no policy', 2, qr/needs --policy/,
        $t->attest('verify', $kept, @key, $pub));

    my $text = AttestTest::read_file($policy);
    AttestTest::write_file($policy, "$text ");
    says('changed after signing', 2, qr/not signed by the key/,
        verify($kept, @key, $pub));
    says('chat asks for it too', 2, qr/not signed by the key/,
        $t->attest('chat', $t->url(), '--policy', $policy, '--policy-key',
            $pub, 'x'));
    AttestTest::write_file($policy, $text);
}
