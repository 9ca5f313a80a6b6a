# SPDX-License-Identifier: Apache-2.0

# More requests than may wait for a peer to be appraised: the rest is refused
# at once, and nothing of any of them is sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Test::More;
use Time::HiRes qw(sleep time);
use VerifyTest;

my $LIMIT = 512;    # of a worker, docs/directives.md

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $gw = VerifyTest::gateway();
my $cl = VerifyTest::client($gw,
    http => 'upstream slow { server %%BAD_slow%%; '
        . 'attest_verify %%POLICY%% timeout=40s; }'
        . ' proxy_ssl_protocols TLSv1.3;',
    server => 'location /sealed { attest_seal ehbp; '
        . 'proxy_pass https://slow; } '
        . 'location /clear { proxy_pass https://slow; }');

$cl->write_conf($cl->{text} =~ s/events \{\}/worker_rlimit_nofile 8192;
events { worker_connections 4096; }/r);
$cl->start();

my $load = VerifyTest::parallel($cl, '/sealed', $LIMIT, 30);

ok(AttestTest::until_true(35, sub {
    return waiting() >= $LIMIT;
}), 'as many as may wait do') or diag('waiting: ' . waiting());

for my $path ('/sealed', '/clear') {
    my $begin = time;
    my $r = VerifyTest::post($cl, $path);

    is($r->{status}, 502, "$path: one more is refused");
    cmp_ok(time - $begin, '<', 5, 'at once');
    is((AttestTest::json($r) || {})->{type},
        'urn:ngx-attest:problem:upstream-unverified', 'and told why');
    is(AttestTest::json($r)->{error}{code},
        'urn:ngx-attest:problem:upstream-unverified',
        'as clients of models read it') if $path eq '/sealed';
}

is(VerifyTest::said($cl,
        qr/512 requests wait for verified peers of upstream "[^"]+", more/),
    1, 'it is logged once');

my $answers = $load->();
is_deeply($answers->{counts}, { 502 => $LIMIT },
    'those who waited are answered')
    or diag(explain $answers);
is(VerifyTest::got($cl, 'slow'), '', 'and nothing was sent');

VerifyTest::over($gw, $cl);
AttestTest::done();


sub waiting {
    my ($peer) = @{ VerifyTest::status($cl)->{upstreams} || [] };

    return $peer ? $peer->{counters}{waited} // 0 : 0;
}
