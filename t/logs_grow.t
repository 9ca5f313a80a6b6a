# SPDX-License-Identifier: Apache-2.0

# Logs grow while the gateway runs.  One that is too long is left out of the
# evidence, which says so; nothing is closed, and a start works.

use strict;
use warnings;

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl))) {
    plan skip_all => $why;
}

# PCR, template digest, a name, data; of 34 bytes.
my $ENTRY = pack('V a20 V/a V/a', 10, '', 'x', 'y');


sub conf {
    my ($t, $http) = @_;

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%% imalog=%%DIR%%/ima.log eventlog=%%DIR%%/boot.log;
    $http
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
    }
}
END
}


sub evidence {
    my ($t, $args) = @_;

    return AttestTest::json($t->get('/e' . ($args // ''), plain => 1,
        port => $t->port())) || {};
}


# What the evidence says of what is not there.
sub said {
    my ($e) = @_;

    return $e->{'left-out'} ? decode_base64url($e->{'left-out'}[1]) : '';
}


my %long = (
    'bytes'  => [ 'x' x (1024 * 1024 + 1), 'more than 1048576 bytes' ],
    'events' => [ $ENTRY x 16_385, 'more than 16384 events' ],
);

for my $what (sort keys %long) {
    subtest "a start with too many $what" => sub {
        my $t = AttestTest->new();
        my ($log, $why) = @{ $long{$what} };

        $t->swtpm();
        AttestTest::write_file($t->path('ima.log'), $log);
        AttestTest::write_file($t->path('boot.log'), 'boot');
        conf($t, '');
        $t->start();

        like($t->error_log(), qr/\[warn\].*imalog is left out.*\Q$why\E/,
            'the operator is told');

        for my $args ('', '?nonce=' . '0' x 64) {
            my $e = evidence($t, $args);
            ok(!$e->{imalog} && $e->{tpm}, 'there is evidence without it');
            ok($e->{eventlog}, 'and with the other log');
            is(said($e), "imalog has $why\n", 'that says so');
        }

        my ($status, $out) = $t->attest('show',
            "http://127.0.0.1:" . $t->port() . '/e');
        like($out, qr/^imalog has \Q$why\E$/m, 'which is shown');
        $t->finish();
    };
}


subtest 'logs that grow too long' => sub {
    my $t = AttestTest->new();
    my ($ima, $boot) = map { $t->path("$_.log") } qw(ima boot);

    $t->swtpm();
    AttestTest::write_file($_, $ENTRY) for $ima, $boot;
    conf($t, 'attest_lifetime 3s;');
    $t->start();
    ok(evidence($t)->{imalog}, 'a short one is there');

    AttestTest::write_file($_, 'x' x (1024 * 1024 + 1)) for $ima, $boot;
    ok(AttestTest::until_true(40, sub { said(evidence($t)) =~
        /eventlog has.*\nimalog has/ }), 'long ones are left out');

    my ($renewed) = $t->error_log() =~ /.*generation (\d+)/s;
    ok(AttestTest::until_true(40, sub { $t->error_log()
        =~ /.*generation (\d+)/s && $1 > $renewed + 1 }),
        'renewals go on');
    ok(evidence($t)->{tpm}, 'it is open');
    unlike($t->error_log(), qr/\[error\]/, 'without an error');

    AttestTest::write_file($_, $ENTRY) for $ima, $boot;
    ok(AttestTest::until_true(40, sub { evidence($t)->{imalog} }),
        'and they come back');
    $t->finish();
};


subtest 'more than the zone has room for' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    AttestTest::write_file($t->path('ima.log'), $ENTRY x 8000);
    AttestTest::write_file($t->path('boot.log'), 'boot');
    conf($t, 'attest_zone 256k;');
    $t->start();

    my $e = evidence($t);
    ok(!$e->{imalog} && $e->{eventlog}, 'what is too long is left out');
    is(said($e), 'imalog has ' . 8000 * length($ENTRY)
        . " bytes, for which there is no room\n", 'which is said');
    $t->finish();
};

done_testing();
