# SPDX-License-Identifier: Apache-2.0

# Verified upstreams: peers that take connections and requests for evidence,
# and say nothing, keep neither threads nor places that others wait for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use List::Util qw(sum0);
use Test::More;
use Time::HiRes qw(sleep time);
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $PEERS = 40;


sub hanging {
    my ($cl) = @_;

    return grep { $_->{upstream} eq 'hang' }
        @{ VerifyTest::status($cl)->{upstreams} };
}


sub counted {
    my ($cl, $name) = @_;

    return sum0(map { $_->{counters}{$name} } hanging($cl));
}


subtest 'peers of one group that hang keep no other group waiting' => sub {
    my $port = AttestTest::free_port();
    my $hang = join ' ', map { "server 127.0.1.$_:$port max_fails=0;" }
        1 .. $PEERS;
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, http => <<"HTTP", server => <<'END');
    upstream hang { $hang attest_verify %%POLICY%% timeout=8s; }
    upstream gw { server %%GW%%; attest_verify %%POLICY%% timeout=8s; }
HTTP
        location /hang { proxy_next_upstream off; proxy_pass https://hang; }
        location / { proxy_pass https://gw; }
END

    VerifyTest::bad($cl, 'hang', $port);
    $cl->start();

    my $load = VerifyTest::parallel($cl, '/hang', $PEERS, 1);
    ok(AttestTest::until_true(20, sub { counted($cl, 'waited') >= $PEERS }),
        'all of them are asked');

    my $began = time();
    my $r = VerifyTest::post($cl, '/ok');
    my $took = time() - $began;

    is($r->{status}, 200, 'a peer of another group is appraised meanwhile');
    cmp_ok($took, '<', 6, 'and at once') or diag(counted($cl, 'appraisals'));

    my $counts = $load->()->{counts};
    is_deeply([ keys %$counts ], [ 502 ], 'who waited for them was refused')
        or diag(explain $counts);

    # also those that no thread was free for get their turn
    ok(AttestTest::until_true(60, sub {
        !grep { $_->{counters}{appraisals} == 0 } hanging($cl) }),
        'each of them was appraised in the end');
    is(VerifyTest::got($cl, 'hang'), '', 'none got a request');
    unlike($cl->error_log(), qr/is overdue/, 'no appraisal was late');
    VerifyTest::over($gw, $cl);
};


AttestTest::done();
