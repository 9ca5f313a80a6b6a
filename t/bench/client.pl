#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Runs by scripts/bench: nginx in front of a gateway, which verifies it and
# seals to it, with one worker on a CPU of its own, and plain nginx in its
# place.  Gateway, backend and load have the other CPUs.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";

use AttestTest;
use Bench qw($cpus @pin bare_beside count heading machine ns over part ratio
    row %cost %lag);
use Time::HiRes qw(sleep);

Bench::setup(@ARGV);

my $rounds = $Bench::rounds;
my $slices = $Bench::quick ? 1 : 3;
my @parts = grep { part($_) } qw(client verified hops appraisals);

exit 0 if !@parts;

my $gw = AttestTest->new(log_level => 'warn', checked => 1);
my $t = AttestTest->new(log_level => 'warn', checked => 1);

my %name = (plain => 'plain', ehbp => 'EHBP', chunked => 'chunked OHTTP');
my $GATEWAY = '/.well-known/ohttp-gateway';
my $GROUPS = 4;

gateway();
client();
describe();

for my $round (1 .. $rounds) {
    print STDERR "round $round of $rounds\n";

    for (1 .. $slices) {
        prompts() if part('client');
    }

    handshakes() if part('verified');
    streams() if part('hops');
    appraisals() if part('appraisals');
}

report_prompts() if part('client');
report_handshakes() if part('verified');
report_streams() if part('hops');
report_appraisals() if part('appraisals');

$_->stop() for $t, $gw;


sub gateway {
    my $backend = $gw->port('backend');

    $gw->swtpm();
    $gw->spawn('load-backend', [ @pin, $Bench::bench, 'backend', $backend ]);
    AttestTest::wait_port($backend) or die "no backend\n";

    # The attested certificate must be there before one of its size is made.
    $gw->write_conf(gateway_conf(''));
    $gw->start();
    Bench::certificate($gw, $gw->certificate(), ca => 1);
    $gw->stop();

    $gw->write_conf(gateway_conf(<<'END'));
    server {
        listen 127.0.0.1:%%PORT_STATIC%% ssl;
        ssl_certificate %%DIR%%/static.pem;
        ssl_certificate_key %%DIR%%/static.key;
        location / { return 200 ok; }
    }
END
    $gw->start();
}


sub gateway_conf {
    my ($more) = @_;
    my $affinity = Bench::affinity(0);
    my $proxy = <<'END';
            proxy_pass http://load;
            client_max_body_size 8m;
            client_body_buffer_size 512k;
END

    return <<"END";
%%GLOBALS%%
$affinity
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
    %%HTTP%%
    access_log off;
    keepalive_requests 10000000;
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    ssl_session_cache off;
    attest_tpm %%TCTI%%;
    attest_replay 256m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    upstream load { server %%BACKEND%%; keepalive 2048; }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location / { return 200 ok; }
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location /plain {
$proxy
        }
        location /sealed {
            attest_prompt ehbp;
$proxy
        }
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/inner;
            client_max_body_size 8m;
            client_body_buffer_size 512k;
        }
        location /inner {
            internal;
$proxy
        }
    }
    $more
}
END
}


sub client {
    my $groups = join '', map { "    upstream judged$_ { server GW; "
        . "attest_verify POLICY interval=1s; }\n" } 1 .. $GROUPS;
    my $judged = join '', map { "        location = /judged$_ { proxy_pass "
        . "https://judged$_/; }\n" } 1 .. $GROUPS;

    $t->{quiet} = client_conf('', '');
    $t->{judging} = client_conf($groups, $judged);

    $t->write_conf($t->{quiet});
    $t->start();
}


sub client_conf {
    my ($groups, $locations) = @_;
    my $affinity = Bench::affinity(1);
    my %place = (GW => '127.0.0.1:' . $gw->port('TLS'),
        CA => '127.0.0.1:' . $gw->port('STATIC'), POLICY => $gw->policy(),
        PEM => $gw->path('ca.pem'));

    my $text = <<"END";
%%GLOBALS%%
$affinity
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
    %%HTTP%%
    access_log off;
    keepalive_requests 10000000;
    client_max_body_size 8m;
    client_body_buffer_size 512k;
    proxy_http_version 1.1;
    proxy_set_header Host localhost;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_ssl_protocols TLSv1.3;
    upstream plain { server GW; keepalive 2048; }
    upstream sealed { server GW; keepalive 2048; attest_verify POLICY; }
    upstream known { server CA; }
    upstream verified { server GW; attest_verify POLICY; }
$groups
    server {
        listen 127.0.0.1:%%PORT_CLEAR%%;
        location /plain { proxy_pass https://plain/plain; }
        location /ehbp {
            attest_seal ehbp;
            proxy_pass https://sealed/sealed;
        }
        location /chunked {
            attest_seal ohttp;
            proxy_pass https://sealed/inner;
        }
        location = /known {
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate PEM;
            proxy_ssl_session_reuse off;
            proxy_pass https://known/;
        }
        location = /verified { proxy_pass https://verified/; }
        location = /here { return 200 ok; }
        location = /status { attest_status; }
$locations
    }
}
END

    return $text =~ s/\b(GW|CA|POLICY|PEM)\b/$place{$1}/gr;
}


sub prompts {
    my $port = 'clear:' . $t->port('CLEAR');
    my ($pid) = $t->workers();

    # KiB, and requests of each client
    for ([ 1, 3000 ], [ 128, 600 ]) {
        my ($kib, $n) = ($_->[0], count($_->[1] / $slices));
        my @load = ($n, 4, $kib * 1024);

        for my $form (qw(plain ehbp chunked)) {
            Bench::measure("$form $kib", $pid, 4 * $n, 'load', $port,
                "/$form", @load);
        }

        bare_beside($t, "bare $_ $kib", key($_), $kib * 1024, $n, 'client')
            for qw(ehbp chunked);
    }
}


# As the proxy chooses it: the first suite that there is.
sub key {
    my ($form) = @_;
    my $key = $form eq 'ehbp' ? $gw->get('/.well-known/hpke-keys')->{body}
                              : $gw->ohttp_key($GATEWAY);

    return "$form:" . unpack('H*', $key);
}


sub handshakes {
    my $n = count(800);
    my ($pid) = $t->workers();

    for my $how (qw(here known verified)) {
        Bench::measure("shake $how", $pid, 4 * $n, 'load',
            'clear:' . $t->port('CLEAR'), "/$how", $n, 4, 0);
    }
}


sub streams {
    for my $kind (qw(plain ehbp chunked)) {
        # New workers, whose memory holds nothing from before.
        for ($gw, $t) {
            $_->stop();
            $_->start();
        }

        $t->get("/$kind", plain => 1, port => $t->port('CLEAR'),
            method => 'POST', body => '{}')->{status} == 200
            or die "$kind: no answer\n";

        Bench::stream($t, $kind, 100, 'clear:' . $t->port('CLEAR'),
            "/$kind", 100, count(50), 100);
    }
}


# Peers that are appraised all the time, with nothing else to do, and with
# somebody who looks how long other requests take.
sub appraisals {
    my $sec = $Bench::quick ? 3 : 12;
    my $port = $t->port('CLEAR');

    probe('idle', $sec);

    $t->stop();
    $t->write_conf($t->{judging});
    $t->start();

    for (1 .. $GROUPS) {
        my $r = $t->get("/judged$_", plain => 1, port => $t->port('CLEAR'));
        die "judged$_: $r->{status}\n" if $r->{status} != 200;
    }

    my ($pid) = $t->workers();
    my ($made, $before) = (made(), ns($pid));

    sleep $sec;
    my $spent = ns($pid) - $before;

    $made = made() - $made or die "no appraisals\n";
    push @{ $cost{appraisal} }, $spent / $made / 1e6;

    probe('judging', $sec);

    $t->stop();
    $t->write_conf($t->{quiet});
    $t->start();
}


sub made {
    my $status = AttestTest::json($t->get('/status', plain => 1,
        port => $t->port('CLEAR')));
    my $n = 0;

    $n += $_->{counters}{appraisals} for @{ $status->{upstreams} };
    return $n;
}


sub probe {
    my ($name, $sec) = @_;
    my $out = Bench::load('probe', 'clear:' . $t->port('CLEAR'), '/here',
        $sec * 800, 1000);
    my @us = $out =~ /^([\d.]+) ([\d.]+) ([\d.]+)$/m or die "probe: $out\n";

    push @{ $lag{"$name $_"} }, shift @us for qw(p50 p99 longest);
}


sub report_prompts {
    my %target = (1 => 1.15, 128 => 1.3);

    heading('(h) CPU of a local proxy for one prompt, us');

    for my $kib (1, 128) {
        my $plain = $cost{"plain $kib"};
        row("$kib KiB: (a) plain proxy_pass over TLS", $plain);

        for my $form (qw(ehbp chunked)) {
            my $bare = $cost{"bare $form $kib"};

            row("$kib KiB: (c) bare cryptography, $name{$form}", $bare);
            row("$kib KiB: (b) $name{$form}", $cost{"$form $kib"},
                'b / (a + c) = ' . ratio(over($cost{"$form $kib"}, $plain,
                    $bare), 1, $target{$kib}));
        }
    }
}


# A request and a handshake, none of which resumes a session.
sub report_handshakes {
    my ($known, $verified) = @cost{'shake known', 'shake verified'};

    heading('(i) CPU for a request on a connection of its own, us');
    row('answered here', $cost{'shake here'});
    row('to a peer with a certificate of a CA', $known);
    row('to a verified peer', $verified, ratio(over($verified, $known), 1,
        1.05));
}


sub report_streams {
    heading('(j) 100 streams through two nginx, token late, us');

    for my $kind (qw(plain ehbp chunked)) {
        row("$name{$kind}, p50", $lag{"$kind p50"});
        row("$name{$kind}, p99", $lag{"$kind p99"}, $kind eq 'plain' ? ''
            : ratio(over($lag{"$kind p99"}, $lag{'plain p99'}), 1, 2));
    }
}


sub report_appraisals {
    heading('(k) appraisal of a gateway with a TPM');
    row('CPU, all threads, ms', $cost{appraisal});

    for (qw(p50 p99 longest)) {
        row("other requests meanwhile: $_, us", $lag{"judging $_"},
            ratio(over($lag{"judging $_"}, $lag{"idle $_"}), 1)
            . ' of when nothing is appraised');
    }
}


sub describe {
    machine();
    printf "%d rounds, one worker%s; certificate of %d bytes\n", $rounds,
        @pin ? ' on a CPU of its own' : '',
        Bench::der_length($gw->certificate());
}
