# SPDX-License-Identifier: Apache-2.0

# A machine's clock that is set back, forward, or forward and back: nothing
# lives longer for it, nothing acts twice, and new evidence is made at once.
# The clocks of nginx are played by t/doubles/fake_clock.

use strict;
use warnings;

use Test::More;

use POSIX qw(strftime);

use FindBin;
use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Sealed;

PromptClient::need();

my $DAY = 86400;

test_set_back();
test_forward_and_back();
test_boot_clock();
test_reload();
test_never_set();

done_testing();


sub machine {
    my ($offset, %o) = @_;
    my $t = AttestTest->new(fresh_tpm => 0);

    $t->swtpm();
    $t->backend();
    $t->fake_clock();
    $t->set_clock($offset);
    conf($t, %o);
    $t->start();
    return ($t, Sealed->new($t));
}


sub conf {
    my ($t, %o) = @_;
    my ($http, $lifetime) = ($o{http} // '', $o{lifetime} // '1h');

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    attest_lifetime $lifetime;
    $http
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        proxy_http_version 1.1;
        proxy_buffering off;
        location = $Sealed::KEYS { attest_keys; }
        location = /.well-known/attestation { attest_evidence; }
        location = $Sealed::GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/inside;
            attest_ohttp_replay date window=30s;
        }
        location = /echo {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
        }
        location = /inside {
            internal;
            proxy_pass http://%%BACKEND%%/echo;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_STATUS%%;
        location = /status { attest_status; }
    }
}
END
}


sub status {
    my ($t) = @_;

    return AttestTest::json($t->get('/status', plain => 1,
        port => $t->port('STATUS'))) || {};
}


# A generation that was made since, and is valid.
sub newer {
    my ($t, $than) = @_;

    return AttestTest::until_true(40, sub {
        return (status($t)->{generation} // 0) > $than;
    });
}


sub dated {
    my ($off) = @_;

    return [ [ 'date', strftime('%a, %d %b %Y %H:%M:%S GMT',
        gmtime(time + $off)) ] ];
}


sub finish {
    my ($t, $s) = @_;

    $s->end();
    is($t->stop(), 0, 'ends cleanly');
    $t->finish();
}


# Started with a clock that is three days ahead, which is then corrected: what
# was made for a minute would live for three days.
sub test_set_back {
    my ($t, $s) = machine(3 * $DAY, lifetime => '60s');

    ok($s->keys(), 'keys');
    my $before = status($t)->{generation};
    my %old = map { $_ => $s->seal($_, 'old', path => '/echo') }
        qw(ehbp whole);

    is($s->send($s->seal('ehbp', 'one', path => '/echo'))->{text}, 'one',
        'serves');

    $t->set_clock(0);
    ok(newer($t, $before), 'new evidence');
    like($t->error_log(), qr/\[warn\] .*clock stepped back by 259\d{3} s/,
        'the log says why');

    my $status = status($t);
    my ($life) = $status->{evidence};

    ok($life->{valid}, 'it is valid');
    cmp_ok($life->{not_before}, '<=', time, 'now');
    cmp_ok($life->{not_after}, '<=', time + 62, 'and not for long');
    cmp_ok($status->{clock}{last_step}, '<', -3 * $DAY + 30, 'status: step');
    cmp_ok($status->{clock}{behind}, '>', 3 * $DAY - 30, 'status: behind');

    my (undef, $out) = $t->attest('verify', $t->url());
    like($out, qr/\s$_: .* valid for another \d+ seconds/, "verifier: $_")
        for qw(certificate-time certificate-validity cached-validity
            fresh-validity);

    is($s->send($old{ehbp})->{type}, 'key-config', 'EHBP: no old key');
    is($s->send($old{whole})->{type}, 'ohttp-key', 'OHTTP: no old key');

    ok($s->keys(), 'the keys, again');
    is($s->send($s->seal('ehbp', 'two', path => '/echo'))->{text}, 'two',
        'EHBP goes on');
    is($s->send($s->seal('whole', 'three', path => '/inside',
        fields => dated(0)))->{text}, 'three', 'OHTTP goes on');
    finish($t, $s);
}


# Forward until the cache has forgotten, and back.
sub test_forward_and_back {
    my ($t, $s) = machine(0, http => 'attest_replay 64k;');

    ok($s->keys(), 'keys');

    my %m = (ehbp => $s->seal('ehbp', 'once', path => '/echo'),
        map { $_ => $s->seal($_, 'once', path => '/inside',
            fields => dated(0)) } qw(whole chunked));

    is($s->send($m{$_})->{text}, 'once', "$_: the first time")
        for sort keys %m;

    for my $ahead (90, 2 * 3600) {
        my $before = status($t)->{generation};
        $t->set_clock($ahead);
        ok(newer($t, $before), "$ahead s forward: new evidence");

        # each one that is taken makes room
        ok($s->keys('ehbp'), 'keys');
        my $r = $s->client('ehbp')->ask(op => 'flood', host => '127.0.0.1',
            port => $t->port('TLS') + 0, path => '/echo',
            keys => $s->{keys}{1}, count => 700, stop => 422);
        is($r->{statuses}{200}, 700, 'goes on');

        $before = status($t)->{generation};
        $t->set_clock(0);
        ok(newer($t, $before), 'and back: new evidence, again');

        my $raw = length $t->backend_raw();
        my %got = map { $_ => $s->send($m{$_}) } keys %m;

        is($got{ehbp}{type}, 'key-config', 'not a second time: EHBP');
        is($got{$_}{type}, 'ohttp-key', "not a second time: $_")
            for qw(whole chunked);
        is(length $t->backend_raw(), $raw, 'the backend does not know');
    }

    ok($s->keys(), 'keys');
    is($s->send($s->seal('whole', 'new', path => '/inside',
        fields => dated(0)))->{text}, 'new', 'who is right about the time is '
        . 'served');
    like($t->error_log(), qr/clock stepped forward by 7(?:199|200) s/, 'log');
    finish($t, $s);
}


# What has expired stays so, whichever of the clocks goes back.
sub test_boot_clock {
    my ($t, $s) = machine(0, lifetime => '60s', http => '');

    ok($s->keys(), 'keys');
    my $m = $s->seal('ehbp', 'late', path => '/echo');

    # the machine slept, and nobody can renew
    $t->stop_swtpm('KILL');
    $t->set_clock(70, 70);
    ok(AttestTest::until_true(40, sub { !status($t)->{evidence}{valid} }),
        'no evidence');
    is(status($t)->{evidence}{reason}, 'it has expired', 'status says why');

    for my $clock ([ 0, 0 ], [ -3600, 0 ], [ 0, -3600 ], [ 0, 0 ]) {
        $t->set_clock(@$clock);
        ok(!status($t)->{evidence}{valid}, "nor with clocks at @$clock");
        is($t->get('/echo')->{status}, 0, 'no handshake');
    }

    $t->swtpm();
    ok(AttestTest::until_true(60, sub { status($t)->{evidence}{valid} }),
        'evidence');
    is($s->send($m)->{type}, 'key-config', 'with other keys');
    finish($t, $s);
}


# A reload must not take over what nobody can use, nor wait for a worker.
sub test_reload {
    my ($t, $s) = machine($DAY);
    my $before = status($t)->{generation};

    # nobody but the master makes evidence
    my ($worker) = $t->workers();
    kill 'STOP', $worker;
    $t->set_clock(0);

    ok($t->reload(nowait => 1), 'reload');
    ok($t->wait_log(qr/generation 2 by/), 'makes evidence');
    kill 'CONT', $worker;

    ok(newer($t, $before), 'which is served');
    cmp_ok(status($t)->{evidence}{not_before}, '<=', time, 'and valid');
    finish($t, $s);
}


# A clock that starts in 1970 is set some time later.
sub test_never_set {
    my ($t, $s) = machine(-time + 30);
    my $before = status($t)->{generation};

    ok(status($t)->{evidence}{valid}, 'starts in 1970');
    $t->set_clock(0);
    ok(newer($t, $before), 'goes on when the clock is set');
    ok($s->keys(), 'with new keys');
    is($s->send($s->seal('ehbp', 'x', path => '/echo'))->{text}, 'x',
        'serves');
    finish($t, $s);
}
