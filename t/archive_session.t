# SPDX-License-Identifier: Apache-2.0

# An archive is what somebody wrote down: the verdict says so, and whatever
# was saved is read again.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(openssl));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(fresh_tpm => 0);
my $openssl = AttestTest::which('openssl');

for my $size (0, 60_000, 90_000) {
    test_certificate($size);
}

test_told();
test_too_long();

AttestTest::done();


# A certificate with so many bytes in an extension.
sub certificate {
    my ($size) = @_;
    my $conf = $t->path('x.cnf');
    my ($pem, $key) = ($t->path("$size.pem"), $t->path("$size.key"));

    AttestTest::write_file($conf, "[req]\ndistinguished_name = dn\n"
        . "x509_extensions = e\nprompt = no\n[dn]\nCN = localhost\n[e]\n"
        . ($size ? '1.2.3.4 = DER:' . '00' x $size : '')
        . "\nsubjectAltName = DNS:localhost\n");
    my $out = AttestTest::run_out([ $openssl, qw(req -x509 -newkey ec
        -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -config), $conf,
        '-keyout', $key, '-out', $pem ]);
    is($?, 0, "a certificate of $size bytes and more") or diag($out);

    return ($pem, $key);
}


sub test_certificate {
    my ($size) = @_;
    my ($pem, $key) = certificate($size);
    my $port = $t->port("S$size");
    my $kept = $t->path("kept-$size");

    $t->spawn("server-$size", [ $openssl, qw(s_server -quiet -tls1_3 -www),
        '-accept', "127.0.0.1:$port", '-cert', $pem, '-key', $key ]);
    ok(AttestTest::wait_port($port), 'a server');

    my ($then, $said) = $t->attest('verify', "https://localhost:$port",
        '--save', $kept);
    my $saved = -s "$kept/certificate.der";
    cmp_ok($saved || 0, '>', $size, 'the certificate was saved');
    $t->stop_proc("server-$size");

    my ($status, $out) = $t->attest('verify', $kept);
    like($out, qr/^(?:NOT TRUSTED|COULD NOT BE DECIDED): as the folder says/m,
        'and is judged again') or diag($out);
    is($status, $then, 'with the same verdict') or diag("$said\n$out");
}


# Nobody signs session.json.
sub test_told {
    my $kept = $t->path('kept-0');
    my ($status, $out) = $t->attest('verify', $kept);

    like($out, qr/^NOTE  archive: as the folder says/m, 'a note');
    (undef, my $json) = $t->attest('verify', $kept, '--json');
    like(decode_json($json)->{why}, qr/^as the folder says: ./,
        'in JSON, too');

    ($status, $out) = $t->attest('verify', "$kept/certificate.der");
    unlike($out, qr/as the folder says/, 'a file says nothing beside itself');
}


# What no connection brings is in no archive.
sub test_too_long {
    my $kept = $t->path('kept-0');

    for my $file (qw(certificate.der hpke-keys session.json)) {
        my $was = -f "$kept/$file" ? AttestTest::read_file("$kept/$file")
                                   : undef;
        AttestTest::write_file("$kept/$file", 'x' x (200 * 1024));
        my ($status, $out) = $t->attest('verify', $kept);
        is($status, 2, "$file of 200 KiB");
        like($out, qr/\Q$file\E/, 'is named');
        defined $was ? AttestTest::write_file("$kept/$file", $was)
                     : unlink "$kept/$file";
    }
}
