# SPDX-License-Identifier: Apache-2.0

# What becomes of servers that need their GPUs, and of others that do not:
# across checks, reloads, the death of a worker and under load.  configfs-tsm
# and NVIDIA's library are played by doubles.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP ();
use MIME::Base64 ();
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(openssl python3))
    // AttestTest::no_fake_tsm();
plan(skip_all => $missing) if $missing;

test_reload_without();
test_reload_same();
test_driver_update();
test_worker_dies();
test_worker_hangs();
test_not_required();
test_eight();
test_flood();
test_user();
test_said_once();

AttestTest::done();


# ---- surroundings

sub serve {
    my ($t, $more, %o) = @_;

    conf($t, $more, %o);
    $t->start();
}


sub conf {
    my ($t, $more, %o) = @_;
    my $lifetime = $o{lifetime} || '1h';
    my $tsm = 'attest_tsm path=' . $t->path('tsm') . ' timeout='
        . ($o{timeout} || '5s');

    $t->gateway(source => "$tsm; $more attest_lifetime $lifetime;",
        workers => $o{workers} || 1, servers => <<'END');
server {
        listen 127.0.0.1:%%PORT_STATUS%%;
        location = /attest-status { attest_status; }
    }
END
}


sub machine {
    my ($nvml, $tsm) = @_;
    my $t = AttestTest->new();

    $t->fake_tsm($tsm);
    $t->fake_nvml($nvml);
    $t->fake_clock();
    $t->{nginx_env} = { %{ $t->{nginx_env} }, %{ $t->nvml_env() } };
    return $t;
}


# So many renewals, one after the other: two thirds of the usual hour pass
# for each.
sub renewals {
    my ($t, $count, $what) = @_;

    for my $i (1 .. $count) {
        my $before = status($t)->{generation} || 0;

        $t->pass_time(2450);
        within(20, "$what, $i", sub {
            (status($t)->{generation} || 0) > $before });
    }
}


sub done_with {
    my ($t) = @_;

    is($t->stop(), 0, 'ends cleanly');
    $t->stop_fake_tsm();
    $t->finish();
}


sub evidence {
    my ($t) = @_;
    my $r = eval { $t->get('/.well-known/attestation') } || {};

    return ($r->{status} || 0) == 200 ? AttestTest::json($r) : undef;
}


sub status {
    my ($t, $args) = @_;
    my $r = $t->get('/attest-status' . ($args // ''), plain => 1,
        port => $t->port('STATUS'));

    return defined $args ? $r->{body} : AttestTest::json($r) || {};
}


sub within {
    my ($sec, $what, $code) = @_;
    my $start = time;

    ok(AttestTest::until_true($sec, $code), "$what, within $sec s")
        or diag(sprintf('%.1f s', time - $start));
}


# Closes it; $pass: so many seconds later.
sub close_it {
    my ($t, $control, $pass) = @_;

    $t->mark_log();
    $t->fake_nvml($control);
    $t->pass_time($pass) if $pass;
    like($t->wait_log(qr/GPU check failed: .*refuse service/),
        qr/refuse service/, "$control: closed");
    within(5, 'no service', sub { !evidence($t) });
}


# ---- tests

# "Closed" is about GPUs that a configuration asks for: one that does not is
# not closed.
sub test_reload_without {
    my $t = machine('gpus 2');

    serve($t, 'attest_gpu nvidia required interval=1s;');
    is_deeply(status($t)->{gpus}, { required => JSON::PP::true(),
        attest => JSON::PP::true() }, 'status: the GPUs attest');
    is(status($t)->{provider}, 'nvidia+tsm', 'status: the provider');

    close_it($t, 'gpus 1');
    is_deeply(status($t)->{gpus}, { required => JSON::PP::true(),
        attest => JSON::PP::false() }, 'status: they do not');
    like(status($t, '?format=prometheus'), qr/^ngx_attest_gpus_attest 0$/m,
        'metrics too');

    conf($t, '');
    ok($t->reload(), 'a reload without attest_gpu');
    within(10, 'service again', sub { evidence($t) });
    is(status($t)->{gpus}, undef, 'status: no GPUs are asked for');

    # and back: the master has just collected what there is
    $t->fake_nvml('gpus 2');
    conf($t, 'attest_gpu nvidia required interval=1h;');
    ok($t->reload(), 'a reload with GPUs again');
    within(10, 'service', sub { (evidence($t) || {})->{gpu} });
    done_with($t);
}


# A GPU that is gone for good: reading the configuration again accepts it.
sub test_reload_same {
    my $t = machine('gpus 2');

    serve($t, 'attest_gpu nvidia required interval=1s;');
    close_it($t, 'gpus 1');

    # that is two checks
    sleep 2.5;
    ok(!evidence($t), 'it stays closed');

    ok($t->reload(), 'a reload');
    within(15, 'service with one GPU', sub { evidence($t) });
    done_with($t);
}


# Newer drivers write another form of opaque data: the gateway stays open, and
# what they may write one day closes it with a reason.
sub test_driver_update {
    my $t = machine('gpus 2');

    serve($t, 'attest_gpu nvidia required interval=1s;');
    ok(fresh_gpu($t, 'ab') !~ /NVDAOD/, 'an old driver');

    $t->mark_log();
    $t->fake_nvml("gpus 2\nopaque 2");
    my $new = fresh_gpu($t, 'cd') || '';
    is(scalar(() = $new =~ /NVDAOD\x00\x00\x02/g), 2,
        'updated: both GPUs are in fresh evidence');

    # that is two checks
    sleep 2.5;
    ok(evidence($t), 'it stays open');
    ok(status($t)->{gpus}{attest}, 'status: the GPUs attest');
    unlike(substr($t->error_log(), $t->{mark}), qr/GPU check failed/,
        'no check has failed');

    close_it($t, "gpus 2\nopaque 3");
    like($t->error_log(), qr/a GPU's report is of a version that we do not/,
        'and says why');
    done_with($t);
}


# The reports in fresh evidence, one behind the other.
sub fresh_gpu {
    my ($t, $nonce) = @_;
    my $r = $t->get('/.well-known/attestation?nonce=' . $nonce x 32);
    my $gpu = $r->{status} == 200 && AttestTest::json($r)->{gpu} or return;

    return join '', map { MIME::Base64::decode_base64($_->{evidence}) }
        @{ AttestTest::json({ body => unpack_gpu($gpu) }) };
}


# Worker 0 is who checks.
sub test_worker_dies {
    my $t = machine('gpus 1');

    serve($t, 'attest_gpu nvidia required interval=9s;');
    close_it($t, 'gpus 0', 9);

    $t->fake_nvml('gpus 1');
    $t->allow(qr/exited on signal 9/);
    kill 'KILL', $t->workers();
    within(6, 'a new worker checks at once', sub { evidence($t) });
    done_with($t);
}


# One worker checks for all: when it hangs, the others must not go on without.
# The limit of a check is one that it keeps under load, too: after a check that
# failed servers are closed for another reason.
sub test_worker_hangs {
    my $t = machine('gpus 1');

    serve($t, 'attest_gpu nvidia required interval=1s;', workers => 2,
        timeout => '3s');
    ok(evidence($t), 'serves');

    # the one whose title says so cannot be told: the first is the oldest
    my ($first) = sort { $a <=> $b } $t->workers();
    $t->mark_log();
    kill 'STOP', $first;

    # 1 s, four times 3 s, and 5 s
    $t->pass_time(18);
    within(60, 'the other one closes', sub {
        return !status($t)->{gpus}{attest} });
    within(60, 'status says why', sub {
        my $why = status($t)->{evidence}{reason} || '';
        return $why =~ /GPUs were not checked lately/ });
    ok(!evidence($t), 'no service');
    like($t->wait_log(qr/GPUs were not checked for \d+ s, .*refuse/),
        qr/refuse/, 'so does the log');

    kill 'CONT', $first;
    within(60, 'opens when it goes on', sub { evidence($t) });
    done_with($t);
}


# Nothing is closed, but evidence says soon what there is.
sub test_not_required {
    my $t = machine('gpus 2');

    serve($t, 'attest_gpu nvidia interval=1s;');
    ok(evidence($t)->{gpu}, 'GPUs are in the evidence');

    $t->mark_log();
    $t->fake_nvml('gpus 1');
    like($t->wait_log(qr/GPU check failed: GPU .* is gone.*/), qr/1 of 2/,
        'one is gone');
    within(10, 'new evidence',
        sub { (status($t)->{generation} || 0) >= 2 });
    ok(evidence($t)->{gpu}, 'with the other one');

    $t->mark_log();
    $t->fake_nvml('gpus 0');
    like($t->wait_log(qr/GPU check failed: .*/), qr/is gone|no NVIDIA GPU/,
        'none is left');
    within(10, 'evidence without GPUs',
        sub { my $e = evidence($t); $e && !$e->{gpu} });
    unlike($t->error_log(), qr/refuse service/, 'never closed');

    $t->fake_nvml('gpus 1');
    within(10, 'and with it again', sub { (evidence($t) || {})->{gpu} });
    done_with($t);
}


# As many as the usual machine has: it all fits.
sub test_eight {
    my $t = machine('gpus 8');

    serve($t, 'attest_gpu nvidia required interval=1s; attest_zone 1m;',
        timeout => '30s');
    my $gpus = AttestTest::json({ body => unpack_gpu(evidence($t)->{gpu}) });
    is(scalar @$gpus, 8, 'eight GPUs in the evidence');
    is($t->get('/.well-known/attestation?nonce=' . 'ab' x 32)->{status}, 200,
        'and in fresh evidence');
    done_with($t);
}


sub unpack_gpu {
    my ($record) = @_;
    (my $text = $record->[1]) =~ tr{-_}{+/};

    return MIME::Base64::decode_base64($text);
}


# Clients that ask for fresh evidence, as much as they can, in all workers:
# neither renewal nor the GPUs' check waits for them.
sub test_flood {
    my $t = machine('gpus 1', 'delay 600');

    serve($t, 'attest_gpu nvidia required interval=1s;', workers => 6,
        lifetime => '12s', timeout => '2s');

    $t->mark_log();
    my $go = load($t, 24);
    my $first = status($t)->{generation} || 0;
    within(60, 'renewed', sub { (status($t)->{generation} || 0) > $first });
    sleep 3;
    unlink $go;
    $t->tsm_control('');                # what still waits has its answer soon
    $t->stop_proc('load', 'TERM', 30);

    my $log = substr($t->error_log(), $t->{mark});
    unlike($log, qr/GPU check failed/, 'and the GPUs checked');
    unlike($log, qr/renewal failed: the device is busy/,
        'no renewal waited in vain');
    done_with($t);
}


# So many clients, until the file is gone.
sub load {
    my ($t, $n) = @_;
    my ($go, $script) = map { $t->path("load.$_") } qw(go sh);
    my $url = $t->url() . '/.well-known/attestation?nonce=';

    AttestTest::write_file($go, '');
    AttestTest::write_file($script, <<"END");
for n in \$(seq $n); do
    for i in \$(seq 1000); do
        [ -e $go ] || break
        curl -sk -m 20 -o /dev/null "$url\$(printf %064x \$((n * 1000 + i)))"
        sleep 0.02
    done &
done
wait
END
    $t->spawn('load', [ 'bash', $script ]);
    return $go;
}


# The report directory belongs to the workers' user, who can be another one
# after a reload.
sub test_user {
    return if $> != 0;

    my $t = machine('gpus 1');

    serve($t, '');
    $t->{user} = 'nobody nogroup';
    conf($t, '');
    ok($t->reload(), 'a reload with another user');
    renewals($t, 2, 'renewed by another user');
    unlike($t->error_log(), qr/renewal failed/, 'without a failure');
    done_with($t);
}


sub test_said_once {
    my $t = machine('gpus 0');

    serve($t, 'attest_gpu nvidia interval=1h;');
    renewals($t, 3, 'a renewal');

    my @warned = $t->error_log() =~ /\[warn\].*(attest: .*simulated.*)/g;
    cmp_ok(scalar @warned, '<=', 2, 'what it is worth is a warning once')
        or diag(join "\n", @warned);
    ok(scalar @warned, 'but it is one');
    done_with($t);
}
