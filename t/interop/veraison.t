# SPDX-License-Identifier: Apache-2.0

# Veraison's libraries for EAR, COSE and CMW, unmodified, judge what we make:
# attestation results (verify --format, --sign), and the collection itself, as
# the endpoint serves it in both forms and as the certificate carries it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Digest::SHA qw(sha256);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64 encode_base64url);
use Test::More;

my $why = AttestTest::missing(qw(swtpm swtpm_setup openssl))
    // AttestTest::missing_toolchains('go');

plan skip_all => $why if $why;

my $T0;
my $t = AttestTest->new();
my $judge = AttestTest::build_go('veraison-go', 'veraison');
my $folder = $t->path('kept');
my ($policy, $strict) = evidence();

test_collections();
test_text();
test_signed('ES256', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256));
test_signed('ES384', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384));
test_signed('EdDSA', qw(-algorithm ED25519));
test_verdicts();
test_bad_options();

AttestTest::done();


# A gateway with a software TPM, kept; a policy that accepts it, and one that
# does not.
sub evidence {
    $t->swtpm();
    $t->gateway();
    $t->start();

    my $policy = $t->policy();
    my ($status, $out) = $t->attest('verify', $t->url(), '--policy', $policy,
        '--save', $folder);
    is($status, 0, 'a gateway is kept') or diag($out);

    # readers refuse a result of a later time than theirs
    $T0 = time();

    my $strict = $t->path('strict.json');
    AttestTest::write_file($strict,
        '{"version":1,"roots_of_trust":["tee"]}');
    return ($policy, $strict);
}


# The exit status, and the file with what the command printed.
sub verify {
    my ($policy, @options) = @_;
    my $file = $t->path('result');
    my $said = AttestTest::run_out([ AttestTest::cli(), 'verify', $folder,
        '--policy', $policy, '--time', $T0, @options ], stdout => $file);

    return ($? >> 8, $file, $said);
}


# What the judge says: its status, and its lines as a hash.
sub judged {
    my $out = $t->path('judged');

    AttestTest::run_out([ $judge, @_ ], stdout => $out);
    my $status = $? >> 8;
    my $text = AttestTest::read_file($out);

    return ($status, { map { split / /, $_, 2 } split /\n/, $text }, $text);
}


# ---- tests


# Type, labels, media types, indicators and values are what we wrote.
sub test_collections {
    my $nonce = 'ab' x 32;
    my $path = "/.well-known/attestation?nonce=$nonce";
    my $n = 0;
    my %items;

    for my $form (qw(json cbor)) {
        my $r = $t->get($path, headers => [ "Accept: application/cmw+$form" ]);
        my $file = $t->path("collection.$form");

        AttestTest::write_file($file, $r->{body});
        my ($code, $said, $text) = judged('cmw', $file);

        is($r->{headers}{'content-type'} =~ m{^application/cmw\+$form}, 1,
            "collection, $form: of that form");
        is($code, 0, "collection, $form: they can read it") or diag($text);
        is(delete $said->{collection}, 'urn:ngx-attest:evidence:fresh:v1',
            "collection, $form: its type");
        $items{$form} = $said;

        my $bad = substr($r->{body}, 0, -9);
        AttestTest::write_file("$file.cut", $bad);
        ($code) = judged('cmw', "$file.cut");
        is($code, 1, "collection, $form: not when it is cut");
    }

    # each nonce is answered by a quote of its own
    my @same = grep { $_ !~ /^(?:tpm|claims)$/ } sort keys %{ $items{json} };

    is_deeply([ sort keys %{ $items{cbor} } ],
        [ sort keys %{ $items{json} } ], 'collection: the same labels');
    is_deeply({ map { $_ => $items{cbor}{$_} } @same },
        { map { $_ => $items{json}{$_} } @same },
        'collection: and the same items in both forms');

    for my $label (keys %{ decode_json(AttestTest::read_file(
        $t->path('collection.json'))) })
    {
        my $item = decode_json(AttestTest::read_file(
            $t->path('collection.json')))->{$label};
        next if !ref $item;

        my $want = join ' ', $item->[0], $item->[2] // 0, unpack('H*',
            sha256(MIME::Base64::decode_base64url($item->[1])));
        is($items{json}{$label}, $want, "collection: $label");
        $n++;
    }

    cmp_ok($n, '>=', 3, 'collection: there were items');

    my ($code, $said, $text) = judged('x509', "$folder/certificate.der");
    is($code, 0, 'certificate: they can read its evidence') or diag($text);
    is($said->{collection}, 'urn:ngx-attest:evidence:cached:v1',
        'certificate: its type');
    ok(defined $said->{claims} && defined $said->{tpm},
        'certificate: has claims and a quote');
}


sub test_text {
    my ($status, $file) = verify($policy, '--format', 'ear');
    my ($code, $said, $text) = judged('json', $file);
    my $claims = eval { decode_json(AttestTest::read_file($file)) };
    my $digest = encode_base64url(sha256(AttestTest::read_file($policy)));

    is($status, 0, 'unsigned: the status is the verdict\'s');
    is($code, 0, 'unsigned: they can read it') or diag($text);
    is($claims->{iat}, $T0, 'unsigned: it says when');
    is($said->{policy}, "ni:///sha-256;$digest",
        'unsigned: it names the policy by its digest');
    is($said->{status}, 'warning',
        'a software TPM is a warning, though the policy accepts it');
    ok(!defined $said->{hardware}, 'and no genuine hardware');
    is($said->{key}, unpack('H*', spki()), 'it has the key of the gateway');
}


# SubjectPublicKeyInfo of the certificate that was kept.
sub spki {
    my $pem = AttestTest::run_out([ AttestTest::which('openssl'), 'x509',
        '-inform', 'DER', '-in', "$folder/certificate.der", '-noout',
        '-pubkey' ]);

    $pem =~ s/-----[^\n]*-----\n//g;
    return decode_base64($pem);
}


sub key {
    my ($name, @how) = @_;
    my @file = map { $t->path("$name.$_") } qw(key pub);

    AttestTest::run_out([ AttestTest::which('openssl'), 'genpkey', @how,
        '-out', $file[0] ]);
    AttestTest::run_out([ AttestTest::which('openssl'), 'pkey', '-in',
        $file[0], '-pubout', '-out', $file[1] ]);

    return @file;
}


sub test_signed {
    my ($alg, @how) = @_;
    my ($key, $public) = key($alg, @how);
    my (undef, $other) = key("$alg-other", @how);

    for my $form ([ 'jwt', 'ear' ], [ 'cwt', 'cwt' ]) {
        my ($what, $format) = @$form;
        my ($status, $file, $said) = verify($policy, '--format', $format,
            '--sign', $key);
        my ($code, $claims, $text) = judged($what, $public, $file);

        is($status, 0, "$alg, $what: signed") or diag($said);
        is($code, 0, "$alg, $what: they verify it") or diag($text);
        is($claims->{status}, 'warning', "$alg, $what: what it says");
        is($claims->{iat}, $T0, "$alg, $what: when");
        is($claims->{key}, unpack('H*', spki()), "$alg, $what: the key");

        ($code, undef, $text) = judged($what, $other, $file);
        is($code, 1, "$alg, $what: not by another key") or diag($text);

        my $bytes = AttestTest::read_file($file);
        my $taken = 0;

        for (my $i = 8; $i < length($bytes) - 1; $i += 61) {
            my $bad = $bytes;

            substr($bad, $i, 1) ^= "\x01";
            AttestTest::write_file("$file.bad", $bad);
            ($code) = judged($what, $public, "$file.bad");
            $taken += $code == 0;
        }

        is($taken, 0, "$alg, $what: no byte can change");
    }
}


sub test_verdicts {
    my ($key, $public) = key('verdicts', qw(-algorithm ED25519));
    my ($status, $file) = verify($strict, '--format', 'ear', '--sign', $key);
    my ($code, $said, $text) = judged('jwt', $public, $file);

    is($status, 1, 'refused: the exit status is as ever');
    is($code, 0, 'refused: a result that can be verified') or diag($text);
    is($said->{status}, 'contraindicated', 'refused: it says so');
    ok(!defined $said->{key}, 'refused: it vouches for no key');
    ok(!(grep { defined && /^[0-9]+$/ && $_ < 32 }
        @{$said}{qw(hardware executables configuration runtime-opaque)}),
        'refused: it affirms nothing');

    my $nobody = $t->path('nobody');
    my $out = AttestTest::run_out([ AttestTest::cli(), 'verify',
        'https://127.0.0.1:1', '--policy', $policy, '--format', 'ear' ],
        stdout => $nobody);

    is($? >> 8, 2, 'nobody there: undecided') or diag($out);
    ($code, $said, $text) = judged('json', $nobody);
    is($code, 0, 'nobody there: a result all the same') or diag($text);
    is($said->{status}, 'none', 'nobody there: it says nothing');
}


sub test_bad_options {
    my ($key) = key('bad', qw(-algorithm EC -pkeyopt
        ec_paramgen_curve:P-521));
    my ($good, $public) = key('good', qw(-algorithm ED25519));
    my $none = $t->path('none.key');
    my $locked = $t->path('locked.key');

    AttestTest::run_out([ AttestTest::which('openssl'), 'pkey', '-in', $good,
        '-aes256', '-passout', 'pass:x', '-out', $locked ]);

    for my $case (
        [ [ '--format', 'xml' ], qr/--format is json, ear or cwt, not "xml"/ ],
        [ [ '--format', 'cwt' ], qr/--format cwt needs --sign FILE/ ],
        [ [ '--sign', $good ], qr/--sign needs --format ear or cwt/ ],
        [ [ '--format', 'json', '--sign', $good ],
            qr/--sign needs --format ear or cwt/ ],
        [ [ '--json', '--format', 'ear' ], qr/two reports/ ],
        [ [ '--format', 'ear', '--sign', $key ],
            qr/keys on P-256 or P-384 or of Ed25519/ ],
        [ [ '--format', 'ear', '--sign', $public ], qr/no private key in PEM/ ],
        [ [ '--format', 'ear', '--sign', $locked ], qr/the key is encrypted/ ],
        [ [ '--format', 'ear', '--sign', $none ], qr/\Q$none\E/ ])
    {
        my ($options, $like) = @$case;
        my ($status, $file, $said) = verify($policy, @$options);

        is($status, 2, "refused: @$options[0, 1]");
        like($said, $like, "and why: $like");
        is(AttestTest::read_file($file), '', 'nothing is printed');
    }

    my ($status, $file) = verify($policy, '--format', 'json');
    my $json = eval { decode_json(AttestTest::read_file($file)) };

    is($status, 0, '--format json: the report');
    is($json->{verdict}, 'trusted', '--format json: is that of --json');
}
