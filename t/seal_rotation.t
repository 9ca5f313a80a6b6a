# SPDX-License-Identifier: Apache-2.0

# A gateway's prompt keys change under one TLS key, while many requests are
# sealed for them: by renewals, where the keys before are still good, and at
# once by a reload, where they are not.  No request fails, and what is sent
# again is in another envelope.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use JSON::PP ();
use SealTest ();
use Test::More;
use Time::HiRes qw(sleep time);
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $slow = AttestTest::asan() || AttestTest::valgrind();
my $gw = VerifyTest::gateway(server => SealTest::gateway_conf(),
    http => 'attest_lifetime 6s; log_format e '
        . '"$uri $http_ehbp_encapsulated_key $status"; '
        . 'access_log %%DIR%%/logs/e.log e;');
my $cl = VerifyTest::client($gw, workers => 2, policy => policy(),
    http => 'upstream gw { server %%GW%%; attest_verify %%POLICY%%; }'
        . ' proxy_ssl_protocols TLSv1.3;',
    server => join '', map { "location /$_/ { attest_seal $_; "
        . 'proxy_set_header Host inside.test; proxy_pass https://gw/; }' }
        qw(ehbp ohttp));

$cl->start();

my $before = key();

renewals();
rotations();

is(key(), $before, 'the TLS key is the same');
envelopes();

$_->stop() for $cl, $gw;
AttestTest::done();


# Whatever its configuration is: that changes.
sub policy {
    my $policy = JSON::PP::decode_json(
        AttestTest::read_file($gw->policy()));

    delete $policy->{config};
    return JSON::PP->new->canonical->encode($policy);
}


sub key {
    my $file = $gw->path('tls.pem');

    AttestTest::write_file($file, $gw->certificate());
    return AttestTest::run_out([ AttestTest::which('openssl'), qw(x509 -noout
        -pubkey -in), $file ]);
}


sub load {
    my ($sec) = @_;

    return map { VerifyTest::parallel($cl, "/$_/echo", $slow ? 3 : 12, $sec) }
        qw(ehbp ohttp);
}


sub all_fine {
    my ($what, @load) = @_;

    for my $form (qw(ehbp ohttp)) {
        my $load = shift(@load)->();

        is_deeply([ keys %{ $load->{counts} } ], [ 200 ],
            "$what, $form: none fails") or diag(explain $load);
    }
}


sub renewals {
    my $n = VerifyTest::peer($cl, 'gw');

    is(VerifyTest::post($cl, '/ehbp/echo')->{status}, 200, 'at first');
    all_fine('renewals', load(12));

    my $peer = VerifyTest::peer($cl, 'gw');
    cmp_ok($peer->{generation}, '>=', 3, 'generations went by');
    cmp_ok($peer->{counters}{appraisals}, '>=', 3, 'and were appraised');
}


# Another configuration has other keys, at once.
sub rotations {
    my @load = load($slow ? 20 : 12);
    my $text = $gw->{text};

    for my $n (1, 2) {
        # a request is sealed twice at most: not for three lists of keys
        sleep($slow ? 7 : 3);
        $gw->write_conf("$text# $n\n");
        ok($gw->reload(), 'other keys at once');
    }

    all_fine('rotations', @load);
    cmp_ok(VerifyTest::said($cl, qr/gateway has other prompt keys now/), '>=',
        1, 'some were sealed twice');
}


# What was opened is not logged; the gateway refuses replays of it.
sub envelopes {
    my (%seen, $again, %status);

    for (split /\n/, AttestTest::read_file($gw->path('logs/e.log'))) {
        my ($uri, $enc, $status) = split;

        next if $uri ne '/echo';
        $status{$status}++;
        $again++ if $enc ne '-' && $seen{$enc}++;
    }

    cmp_ok($status{200}, '>', 50, 'of many envelopes');
    is($again, undef, 'none was sent twice');
    ok($status{422}, 'some were for keys that were gone');
    is(scalar(grep { $_ != 200 && $_ != 422 } keys %status), 0,
        'which is all that was wrong') or diag(explain \%status);
}
