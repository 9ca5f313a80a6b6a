# SPDX-License-Identifier: Apache-2.0

# What "verify --json" hands to a program that goes on with a gateway, and
# where --save keeps what was seen.

use strict;
use warnings;

use Test::More;

use FindBin;
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();
my @members = qw(tls_key_sha256 certificate key_config validity generation);

$t->swtpm();
$t->write_conf(<<'END');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /status { attest_status; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://127.0.0.1:1;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }

    # the same evidence, no keys and no TLS
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        location = /.well-known/attestation { attest_evidence; }
    }
}
END
$t->start();

my $policy = $t->policy();
my $plain = 'http://127.0.0.1:' . $t->port('PLAIN');

test_members();
test_refused();
test_archive();
test_folder();

AttestTest::done();


sub report {
    my (@args) = @_;
    my $out = AttestTest::run_out([ AttestTest::cli(), 'verify', @args,
        '--json' ]);

    return ($? >> 8, eval { JSON::PP->new->utf8->decode($out) } || diag $out);
}


sub openssl {
    my ($pem, @args) = @_;

    AttestTest::write_file($t->path('cert.pem'), $pem);
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'x509',
        '-in', $t->path('cert.pem'), '-noout', @args ]);
    chomp $out;
    return $out;
}


# SHA-256 of the SubjectPublicKeyInfo, as OpenSSL finds it.
sub spki {
    my ($pem) = @_;

    my ($key) = openssl($pem, '-pubkey') =~ /-----\n(.*?)-----END/s;
    return sha256_hex(decode_base64($key));
}


sub test_members {
    my ($status, $r) = report($t->url(), '--policy', $policy);

    is($status, 0, 'trusted');
    ok(exists $r->{$_}, "has $_") for @members;

    is($r->{certificate}, $t->certificate(), 'the certificate, PEM');
    is($r->{tls_key_sha256}, spki($r->{certificate}), 'the hash of its key');

    my (undef, $shown) = $t->attest('show', $t->url());
    my ($keys) = $shown =~ /^prompt keys, SHA-256 +([0-9a-f]{64})$/m;
    is(sha256_hex(decode_base64($r->{key_config})), $keys,
        'the key-configuration list of the claims');

    my ($from, $until) = @{ $r->{validity} }{qw(not_before not_after)};
    cmp_ok($from, '<=', $r->{time}, 'valid since');
    cmp_ok($until, '>', $r->{time}, 'and until');
    is(openssl($r->{certificate}, '-checkend', $until - time() + 60),
        'Certificate will expire', 'no longer than the certificate');

    my $s = AttestTest::json($t->get('/status'));
    is($r->{generation}, $s->{generation}, 'as the status counts');
}


# Nothing to go on with unless the verdict is "trusted".
sub test_refused {
    my ($status, $r) = report($t->url());
    my @has = grep { exists $r->{$_} } @members;

    isnt($status, 0, 'the default policy');
    is("@has", '', 'has nothing for a gateway that is not trusted');
}


sub test_archive {
    my $kept = $t->path('kept');
    my (undef, $live) = report($t->url(), '--policy', $policy, '--save',
        $kept);
    my ($status, $r) = report($kept, '--policy', $policy, '--time',
        $live->{time});

    is($status, 0, 'an archive');
    is_deeply([ @$r{@members} ], [ @$live{@members} ], 'has the same');

    ($status, my $out) = $t->attest('show', $kept);
    is($status, 0, 'show an archive');
    like($out, qr/^== $_/m, "  $_") for 'certificate of the connection',
        'cached evidence', 'fresh evidence';
}


sub test_folder {
    my $there = $t->path('there');
    my $new = $t->path('new');
    my $before = () = $t->access_log() =~ /\n/g;

    mkdir $there or die $!;

    for my $json ([], [ '--json' ]) {
        my ($status, $out) = $t->attest('verify', $t->url(), '--policy',
            $policy, '--save', $there, @$json);

        is($status, 2, 'a folder that is there: an error');
        like($out, qr/--save wants a new folder: \Q$there\E: File exists/,
            'which says so');
        unlike($out, qr/could not be decided|undecided|TRUSTED/i,
            'and no verdict');
    }

    my $after = () = $t->access_log() =~ /\n/g;
    is($after, $before, 'nobody was asked');
    is_deeply([ glob "$there/*" ], [], 'nothing was written');

    my ($status, $out) = $t->attest('verify', $t->url(), '--policy',
        $policy, '--save', $t->path('none/new'));
    is($status, 2, 'below a folder that is not there');
    like($out, qr/--save wants a new folder: .*No such file/, 'says so');

    ($status, $out) = $t->attest('verify', 'https://127.0.0.1:1', '--policy',
        $policy, '--save', $new);
    is($status, 2, 'nobody answers');
    ok(!-e $new, 'no empty folder stays');
}
