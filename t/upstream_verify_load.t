# SPDX-License-Identifier: Apache-2.0

# Verified upstreams under load: a gateway that is started again has a new
# key, and one that renews its evidence has another, too.  Those who send
# requests have to wait, and none of them fails; and nobody with a key that
# was not appraised is sent any of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Test::More;
use Time::HiRes qw(sleep);
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

# Where it is slow, there are fewer streams.
my $streams = AttestTest::asan() || AttestTest::valgrind() ? 20 : 100;


# The relay keeps connections while the gateway is away.
sub through_relay {
    my ($gw, %o) = @_;
    my $port = AttestTest::free_port();
    my $cl = VerifyTest::client($gw, %o,
        http => "upstream gw { server 127.0.0.1:$port; "
            . "attest_verify %%POLICY%% timeout=30s; }",
        server => 'location / { proxy_pass https://gw; '
            . 'proxy_connect_timeout 60s; }');

    $cl->spawn('relay', [ AttestTest::which('python3'),
        AttestTest::top() . '/t/lib/holding_relay.py', $port,
        $gw->port('TLS') ]);
    AttestTest::wait_port($port) or die "no relay\n";
    $cl->start();
    return $cl;
}


sub all_fine {
    my ($cl, $load, $what) = @_;

    cmp_ok($load->{counts}{200} || 0, '>=', $streams, "$what: answers");
    is_deeply([ keys %{ $load->{counts} } ], [ 200 ], "$what: none fails")
        or diag(explain($load), grep { /\[error\]/ }
            (split /^/, $cl->error_log())[0 .. 20]);
}


subtest 'a gateway that is started again' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = through_relay($gw, workers => 2);

    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'before');

    my $load = VerifyTest::parallel($cl, '/ok', $streams, 8);

    sleep 2;
    is($gw->stop(), 0, 'the gateway ends what it does');
    sleep 1;
    $gw->start();
    all_fine($cl, $load->(), 'restart');

    my ($peer) = @{ VerifyTest::status($cl)->{upstreams} };
    cmp_ok($peer->{counters}{appraisals}, '>=', 2, 'judged anew');
    cmp_ok($peer->{counters}{waited}, '>=', 2, 'some had to wait');
    ok($peer->{valid}, 'the new key is valid');
    VerifyTest::over($gw, $cl);
};


subtest 'keys that rotate' => sub {
    my $gw = VerifyTest::gateway(http => 'attest_lifetime 6s;');
    my $cl = VerifyTest::client($gw, workers => 2,
        http => 'upstream gw { server %%GW%%; keepalive 8; '
            . 'attest_verify %%POLICY%%; }',
        server => 'location / { proxy_pass https://gw; }');

    $cl->start();

    my $load = VerifyTest::parallel($cl, '/ok', $streams, 14)->();
    all_fine($cl, $load, 'rotation');

    my $peer = VerifyTest::peer($cl, 'gw');
    cmp_ok($peer->{counters}{appraisals}, '>=', 3, 'renewed');
    cmp_ok($peer->{generation}, '>=', 3, 'generations went by');
    VerifyTest::over($gw, $cl);
};


subtest 'somebody else in its place' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, workers => 2,
        http => 'upstream gw { server %%GW%%; keepalive 8; '
            . 'attest_verify %%POLICY%% timeout=2s; }',
        server => 'location / { proxy_pass https://gw; }');
    my $port = $gw->port('TLS');

    $cl->start();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'before');

    my $load = VerifyTest::parallel($cl, '/ok', $streams, 8);

    sleep 2;
    $gw->stop();
    VerifyTest::bad($cl, 'none', $port);
    $load = $load->();

    ok($load->{counts}{200} && $load->{counts}{502}, 'before and after')
        or diag(explain $load);
    is(VerifyTest::got($cl, 'none'), '', 'it got no byte of any request');
    VerifyTest::over($gw, $cl);
};


AttestTest::done();
