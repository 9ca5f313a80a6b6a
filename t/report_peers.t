# SPDX-License-Identifier: Apache-2.0

# attest_report where others are verified: which, by what, each check, and
# health.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;
use VerifyTest;

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3));
plan(skip_all => $missing) if $missing;

my $gw = VerifyTest::gateway();
my $cl = VerifyTest::client($gw,
    http => 'upstream good { server %%GW%%; attest_verify %%POLICY%%; }'
        . 'upstream bad { server %%GW%%; attest_verify %%DIR%%/wrong.json; }',
    server => <<'END');
        location = / { attest_report; }
        location = /healthz { attest_report health; }
        location = /ok { proxy_pass https://good; }
        location = /bad/ok { proxy_pass https://bad/ok; }
END

wrong_policy();
$cl->start();

test_nobody();
test_good();
test_bad();

VerifyTest::over($gw, $cl);
done_testing();


sub wrong_policy {
    my $policy = JSON::PP::decode_json(AttestTest::read_file(
        $cl->path('policy.json')));

    $policy->{config} = [ '00' x 32 ];
    AttestTest::write_file($cl->path('wrong.json'),
        JSON::PP::encode_json($policy));
}


sub get {
    my ($path, @headers) = @_;

    return $cl->get($path, plain => 1, port => $cl->port(''),
        headers => \@headers);
}


sub report { return AttestTest::json(get('/?format=json')) }


sub test_nobody {
    my $r = get('/');

    is($r->{status}, 200, 'nobody asked: page');
    like($r->{body}, qr/<title>Not verified</, 'nobody asked: title');
    like($r->{body}, qr/Nobody was asked so far/, 'nobody asked: says so');
    unlike($r->{body}, qr/What this gateway proves/, 'no gateway itself');

    my $report = report();
    is($report->{gateway}, undef, 'nobody asked: JSON: no gateway');
    is_deeply($report->{upstreams}{peers}, [], 'nobody asked: JSON');
    cmp_ok(scalar @{ $report->{upstreams}{fails_when} }, '>=', 3,
        'nobody asked: JSON: fails when');

    $r = get('/healthz');
    is($r->{status}, 503, 'nobody asked: not healthy');
    is(AttestTest::json($r)->{type},
        'urn:ngx-attest:problem:upstream-unverified',
        'nobody asked: problem');
}


sub peer {
    my ($group) = @_;
    my ($peer) = grep { $_->{upstream} eq $group }
        @{ report()->{upstreams}{peers} };

    return $peer // {};
}


sub test_good {
    is(get('/ok')->{status}, 200, 'good: a request');

    my $peer = peer('good');
    my @checks = @{ $peer->{checks} // [] };

    ok($peer->{verified}, 'good: verified');
    is($peer->{verdict}, 'trusted', 'good: verdict');
    like($peer->{why}, qr/every check passed/, 'good: why');
    is($peer->{peer}, '127.0.0.1:' . $gw->port('TLS'), 'good: address');
    is($peer->{host}, 'localhost', 'good: name');
    is_deeply($peer->{policy}, { file => 'policy.json', sha256 => sha256_hex(
        AttestTest::read_file($cl->path('policy.json'))),
        signed => JSON::PP::false }, 'good: policy');
    is($peer->{root_of_trust}, 'software', 'good: root of trust');
    ok($peer->{exporter}, 'good: bound to the connection');
    cmp_ok(abs($peer->{checked_at} - time), '<', 60, 'good: when');
    cmp_ok($peer->{not_after}, '>', time, 'good: until when');
    cmp_ok($peer->{renew_in}, '>', 0, 'good: when again');

    my ($exit, $out) = $gw->attest('verify', $gw->url(), '--json',
        '--policy', $cl->path('policy.json'));
    my $told = JSON::PP::decode_json($out);
    is_deeply([ sort map { $_->{id} } @checks ],
        [ sort map { $_->{id} } @{ $told->{checks} } ],
        'good: the checks are those of "verify"')
        or diag(explain [ map { $_->{id} } @checks ]);
    is(scalar(grep { $_->{state} !~ /^(?:pass|note)$/ } @checks), 0,
        'good: none fails');

    my $r = get('/');
    like($r->{body}, qr/<title>Verified</, 'good: title');
    like($r->{body}, qr/by a policy for trying things out/,
        'good: a software TPM is none');
    like($r->{body}, qr/<h3>localhost<\/h3>/, 'good: whom');
    like($r->{body}, qr/policy\.json; SHA-256<br><code>[0-9a-f]{64}</,
        'good: by which policy');
    is(scalar(() = $r->{body} =~ /class="state good">passed</g),
        scalar(grep { $_->{state} eq 'pass' } @checks),
        'good: each check in words');
    unlike($r->{body}, qr/class="state bad"/, 'good: none fails');
    is(get('/healthz')->{status}, 503, 'good: the other group is not');
}


# A policy that wants something else.
sub test_bad {
    is(get('/bad/ok')->{status}, 502, 'bad: a request');

    my $peer = peer('bad');
    my @checks = @{ $peer->{checks} // [] };

    ok(!$peer->{verified}, 'bad: not verified');
    is($peer->{verdict}, 'not trusted', 'bad: verdict');
    is($checks[0]{id}, 'config-reference', 'bad: what failed comes first');
    is($checks[0]{state}, 'fail', 'bad: and says so');
    is($peer->{root_of_trust}, undef, 'bad: worth nothing');

    my $r = get('/');
    like($r->{body}, qr/<title>Partly verified</, 'bad: title');
    like($r->{body}, qr/Not verified: nothing is sent to it/, 'bad: banner');
    like($r->{body}, qr/config-reference.*state bad">failed</,
        'bad: the check');
    is(get('/healthz')->{status}, 503, 'bad: not healthy');
}
