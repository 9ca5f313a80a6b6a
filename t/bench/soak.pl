#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Runs by scripts/soak: rounds of the same mix, and after each of them, when
# nothing is in flight, what memory the worker holds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Getopt::Long;
use Time::HiRes qw(time);

my $requests = 100_000;

GetOptions('requests=i' => \$requests) && $requests >= 1000 && !@ARGV
    or die "usage: scripts/soak [--requests N], 1000 at least\n";

my $ROUNDS = 10;
my $GATEWAY = '/.well-known/ohttp-gateway';

# A leak of 25 bytes a request is more than this after 100,000.
my $MAX_GROWTH_KB = 2048;

# attest_zone and attest_prompt_memory, whatever arrives.
my $MAX_LOCKED_KB = 40 * 1024;

# How, bytes of content, and parts of a thousand.
my @MIX = (
    [ 'load', 'chunked+1', 1024, 300 ], [ 'load', 'chunked+3', 1024, 100 ],
    [ 'load', 'ohttp+1', 1024, 200 ], [ 'load', 'ohttp+2', 16_384, 150 ],
    [ 'load', 'chunked+2', 60_000, 60 ], [ 'load', 'ohttp+1', 131_072, 30 ],
    [ 'load', 'chunked+1', 600_000, 10 ], [ 'cut', 'chunked+1', 20, 120 ],
    [ 'cut', 'ohttp+1', 20, 30 ],
);
my $THREADS = 10;

my $bench = AttestTest::top() . '/build/bench/bench';
my $t = AttestTest->new(log_level => 'warn', checked => 1);
my ($done, $cut, @seen) = (0, 0);

setup();

my ($pid) = $t->workers();
my $key = unpack('H*', $t->ohttp_key($GATEWAY));
my $start = time();

print "requests   cut by client   worker KiB   locked KiB    files\n";

for my $round (0 .. $ROUNDS) {
    for (@MIX) {
        my ($how, $form, $size, $part) = @$_;
        my $n = int($requests / $ROUNDS * $part / 1000 / $THREADS) || 1;

        run($how, $n, $size, "$form:$key");
        $done += $n * $THREADS;
        $cut += $n * $THREADS if $how eq 'cut';
    }

    refused();
    push @seen, settled();
    printf "%8d   %13d   %10d   %10d   %6d\n", $done, $cut, @{ $seen[-1] };
}

my ($first, $last) = @seen[0, -1];

die "the worker was replaced\n" if ($t->workers())[0] != $pid;
printf "%d requests in %.0f s; after the first round %+d KiB, %+d KiB "
    . "locked\n", $done, time() - $start, $last->[0] - $first->[0],
    $last->[1] - $first->[1];
die "memory grows\n" if $last->[0] - $first->[0] > $MAX_GROWTH_KB;
die "too much memory is locked\n" if $last->[1] > $MAX_LOCKED_KB;
die "connections are left\n" if $last->[2] > $first->[2];
$t->finish();
print "no growth\n";


sub setup {
    $t->swtpm();

    my $backend = $t->port('backend');
    $t->spawn('load-backend', [ $bench, 'backend', $backend ]);
    AttestTest::wait_port($backend) or die "no backend\n";

    $t->write_conf(<<"END");
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%HTTP%%
    access_log off;
    attest_tpm %%TCTI%%;
    attest_replay 64m;
    attest_prompt_memory 32m;
    client_max_body_size 8m;
    client_body_buffer_size 128k;
    upstream load { server %%BACKEND%%; keepalive 64; }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/inner;
        }
        location /inner {
            internal;
            proxy_pass http://load;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
END
    $t->start();
}


sub run {
    my ($how, $n, $size, $to) = @_;
    my @args = ($how, $t->port('TLS'), $GATEWAY, $n, $THREADS, $size, $to);
    my $out = AttestTest::run_out([ $bench, @args ], sec => 1800);

    die "bench @args: $out" if $?;
}


# Every kind of refusal has its own way out.
sub refused {
    for (1 .. 5) {
        for ([ 'message/ohttp-req', 'x' x 100, 400 ],
            [ 'message/ohttp-chunked-req', pack('H*', '00002000010001')
                . 'x' x 60, 422 ],
            [ 'text/plain', 'x', 415 ])
        {
            my ($type, $body, $status) = @$_;
            my $r = $t->get($GATEWAY, method => 'POST', body => $body,
                headers => [ "Content-Type: $type" ]);
            die "$type: $r->{status} instead of $status\n"
                if $r->{status} != $status;
        }
    }
}


# Once the last client is forgotten.
sub settled {
    my $most = @seen ? $seen[0][2] : 0;
    my $now;

    AttestTest::until_true(@seen ? 20 : 3, sub {
        $now = measure();
        return $now->[2] <= $most;
    });

    return $now;
}


# KiB, KiB locked, and open files.  The zones are shared, hence not in the
# first sum.
sub measure {
    my ($kb) = AttestTest::read_file("/proc/$pid/smaps_rollup")
        =~ /^Anonymous:\s+(\d+)/m;
    my ($locked) = AttestTest::read_file("/proc/$pid/status")
        =~ /^VmLck:\s+(\d+)/m;

    return [ $kb, $locked, scalar(() = glob "/proc/$pid/fd/*") ];
}
