#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Runs by scripts/bench: one nginx with one pinned worker, load from the other
# CPUs, and what it cost the worker.  Rounds are interleaved, so that whatever
# else the machine does hits all that is compared alike.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";

use AttestTest;
use Bench qw($bench $cpus @pin bare count heading machine median over part
    ratio row %cost %lag %memory);

Bench::setup(@ARGV);

my $rounds = $Bench::rounds;
my $slices = $Bench::quick ? 1 : 3;

exit 0 if !grep { part($_) } qw(prompts peers handshakes streams evidence);

my $t = AttestTest->new(log_level => 'warn', checked => 1);
my (%peer, %skipped);

# Forms of OHTTP, with AES-128-GCM, which every peer has.
my @KINDS = qw(plain ehbp chunked);
my %form = (ohttp => 'ohttp+1', chunked => 'chunked+1');
my %name = (plain => 'plain', ehbp => 'EHBP', ohttp => 'OHTTP',
    chunked => 'chunked OHTTP');
my $GATEWAY = '/.well-known/ohttp-gateway';

setup();
peers_start() if part('peers');
describe();

for my $round (1 .. $rounds) {
    print STDERR "round $round of $rounds\n";
    for (1 .. $slices) {
        prompts() if part('prompts');
        peers() if part('peers');
    }

    handshakes() if part('handshakes');
    evidence() if part('evidence');
    streams($round) if part('streams');
}

report();


sub setup {
    $t->swtpm();
    my $backend = $t->port('backend');

    $t->spawn('load-backend', [ @pin, $bench, 'backend', $backend ]);
    AttestTest::wait_port($backend) or die "no backend\n";

    # The attested certificate must be there before one of its size is made.
    $t->write_conf(conf(''));
    $t->start();
    Bench::certificate($t, $t->certificate());
    $t->stop();

    $t->write_conf(conf(static_server()));
    $t->start();

    my $r = $t->get('/.well-known/attestation');
    die "no evidence: $r->{status}\n" if $r->{status} != 200;
    AttestTest::write_file($t->path('static.json'), $r->{body});
}


sub conf {
    my ($more) = @_;
    my $affinity = Bench::affinity(1);
    my $proxy = <<'END';
            proxy_pass http://load;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            client_max_body_size 8m;
            client_body_buffer_size 512k;
END

    my $paths = <<"END";
        location /plain {
$proxy
        }
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/inner;
            client_max_body_size 8m;
            client_body_buffer_size 512k;
        }
        location /inner {
            internal;
$proxy
        }
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
    attest_tpm %%TCTI%%;
    attest_replay 256m;
    upstream load { server %%BACKEND%%; keepalive 2048; }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        root %%DIR%%;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /static.json { }
        location /sealed {
            attest_prompt ehbp;
$proxy
        }
        $paths
    }
    server {
        listen 127.0.0.1:%%PORT_CLEAR%%;
        server_name localhost;
        $paths
    }
    $more
}
END
}


sub static_server {
    return <<'END';
    server {
        listen 127.0.0.1:%%PORT_STATIC%% ssl;
        server_name localhost;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;
        ssl_certificate %%DIR%%/static.pem;
        ssl_certificate_key %%DIR%%/static.key;
    }
END
}


# CPU of the worker, or of a peer, for one of N, in microseconds.
sub measure {
    my ($name, @args) = @_;
    my ($of) = $name =~ /^peer (\w+)/;

    Bench::measure($name, $of ? $t->{procs}{"peer-$of"} : ($t->workers())[0],
        @args);
}


# A bare key configuration, behind the name of a form.
sub key {
    my ($form) = @_;
    my $key = $form eq 'ehbp' ? $t->get('/.well-known/hpke-keys')->{body}
                              : $t->ohttp_key($GATEWAY);

    return "$form:" . unpack('H*', $key);
}


sub prompts {
    my $port = $t->port('TLS');
    my @forms = ([ 'ehbp', '/sealed', key('ehbp') ],
        map { [ $_, $GATEWAY, key($form{$_}) ] } qw(ohttp chunked));

    for (sizes()) {
        my ($kib, $n, @load) = @$_;

        measure("plain $kib", 4 * $n, 'load', $port, '/plain', $n, @load);

        for (@forms) {
            my ($form, $path, $key) = @$_;

            measure("$form $kib", 4 * $n, 'load', $port, $path, $n, @load,
                $key);
            bare("bare $form $kib", $key, $kib * 1024, $n);
        }
    }
}


# KiB, requests of each client, clients and bytes.
sub sizes {
    return map { [ $_->[0], count($_->[1] / $slices), 4, $_->[0] * 1024 ] }
        [ 1, 3000 ], [ 16, 1500 ], [ 128, 600 ];
}


# Other gateways, on the worker's CPU while the worker is idle, and without
# TLS, which would be another library's for each of them.
sub peers_start {
    my @worker = @pin ? ($pin[0], '-c', 0) : ();
    my $backend = $t->port('backend');
    local $ENV{GOMAXPROCS} = 1;

    for my $name (qw(go rust)) {
        my $program = eval { build_peer($name) };
        if (!$program) {
            $skipped{$name} = $@ =~ s/\s+/ /gr;
            next;
        }

        my $port = $t->port("peer-$name");
        $t->spawn("peer-$name", [ @worker, $program, $port, $backend ]);
        AttestTest::wait_port($port) or die "the $name peer does not start\n";
        my ($config) = AttestTest::read_file($t->path("logs/peer-$name.out"))
            =~ /^([0-9a-f]+)$/m or die "no key of the $name peer\n";
        $peer{$name} = $config;
    }
}


sub build_peer {
    my ($name) = @_;
    my $source = "$FindBin::Bin/peer-$name";
    my $dir = AttestTest::top() . "/build/bench/peer-$name";
    my $tool = AttestTest::tool($name eq 'go' ? 'go' : 'cargo')
        or die "no toolchain\n";
    my @cmd = $name eq 'go'
        ? ($tool, '-C', $source, 'build', '-mod=readonly', '-o',
            "$dir/ohttp-peer", '.')
        : ($tool, 'build', '--release', '--locked', '-q', '--manifest-path',
            "$source/Cargo.toml", '--target-dir', $dir);

    my $said = AttestTest::run_out(\@cmd, sec => 600);
    die "it does not build: $said\n" if $?;
    return $name eq 'go' ? "$dir/ohttp-peer" : "$dir/release/ohttp-peer";
}


sub peers {
    my $port = 'clear:' . $t->port('CLEAR');

    for (sizes()) {
        my ($kib, $n, @load) = @$_;

        measure("clear plain $kib", 4 * $n, 'load', $port, '/plain', $n,
            @load);

        for my $form (qw(ohttp chunked)) {
            my $key = key($form{$form});

            measure("clear $form $kib", 4 * $n, 'load', $port, $GATEWAY, $n,
                @load, $key);
            bare("clear bare $form $kib", $key, $kib * 1024, $n);
            measure("peer $_ $form $kib", 4 * $n, 'load', 'clear:'
                . $t->port("peer-$_"), '/', $n, @load, "$form:$peer{$_}")
                for sort keys %peer;
        }
    }
}


sub handshakes {
    my $n = count(800);

    measure('shake static', 4 * $n, 'shake', $t->port('STATIC'), 'localhost',
        $n, 4);
    measure('shake attested', 4 * $n, 'shake', $t->port('TLS'), 'localhost',
        $n, 4);
}


sub evidence {
    my $n = count(5000);

    measure('get static', 4 * $n, 'load', $t->port('TLS'), '/static.json', $n,
        4, 0);
    measure('get evidence', 4 * $n, 'load', $t->port('TLS'),
        '/.well-known/attestation', $n, 4, 0);
}


sub streams {
    my ($round) = @_;

    # [streams, tokens each, milliseconds between them]
    for ([ 1, 100, 20 ], [ 100, 50, 100 ], [ 1000, 12, 500 ]) {
        my ($streams, $tokens, $delay) = @$_;

        # Those with a target: one pause of the machine makes a p99.
        next if $round > 3 && $streams != 100;

        for my $kind (@KINDS) {
            # A new worker, whose memory holds nothing from before.
            $t->stop();
            $t->start();
            stream("$kind $streams", $streams, count($tokens), $delay,
                $kind eq 'plain' ? '/plain'
                : $kind eq 'ehbp' ? ('/sealed', key('ehbp'))
                : ($GATEWAY, key($form{chunked})));
        }
    }
}


sub stream {
    my ($name, $streams, $tokens, $delay, $path, @key) = @_;

    $t->get('/static.json');
    Bench::stream($t, $name, $streams, $t->port('TLS'), $path, $streams,
        $tokens, $delay, @key);
}


sub report {
    report_prompts() if part('prompts');
    report_peers() if part('peers');

    report_handshakes() if part('handshakes');
    report_streams() if part('streams');
    report_evidence() if part('evidence');
}


sub report_handshakes {
    heading('(d) CPU of nginx for a full handshake, us');
    row('static certificate of the same size', $cost{'shake static'});
    row('attested certificate', $cost{'shake attested'},
        ratio($cost{'shake attested'}, median(@{ $cost{'shake static'} }),
            1.05));
}


sub report_streams {
    heading('(e) from backend to decrypted token, us');
    for my $streams (1, 100, 1000) {
        for my $kind (@KINDS) {
            my $of = $streams == 100 && $kind ne 'plain';

            row("$streams x $name{$kind}, p50", $lag{"$kind $streams p50"});
            row("$streams x $name{$kind}, p99", $lag{"$kind $streams p99"},
                $of && ratio($lag{"$kind $streams p99"},
                    median(@{ $lag{"plain $streams p99"} }), 2));
        }
    }

    heading('(e) memory of nginx for one stream, KiB');
    for my $streams (100, 1000) {
        row("$streams x $name{$_}", $memory{"$_ $streams"}) for @KINDS;
    }
}


sub report_evidence {
    heading('(f) CPU of nginx for one GET, us');
    row('static file of the same size', $cost{'get static'});
    row('cached evidence', $cost{'get evidence'},
        ratio($cost{'get evidence'}, median(@{ $cost{'get static'} })));
}


sub report_prompts {
    my %target = (1 => 1.15, 128 => 1.3);

    heading('CPU of nginx for one prompt, outer TLS 1.3, us');

    for my $kib (1, 16, 128) {
        my $plain = $cost{"plain $kib"};
        row("$kib KiB: (a) plain proxy_pass", $plain);

        for my $form (qw(ehbp ohttp chunked)) {
            my $bare = $cost{"bare $form $kib"};

            row("$kib KiB: (c) bare cryptography, $name{$form}", $bare);
            row("$kib KiB: (b) $name{$form}", $cost{"$form $kib"},
                'b / (a + c) = ' . ratio(over($cost{"$form $kib"}, $plain,
                    $bare), 1, $target{$kib}));
        }
    }
}


sub report_peers {
    my %what = (go => 'Go, openpcc/ohttp', rust => 'Rust, ohttp');

    heading('CPU of gateways for one prompt, no outer TLS, us');

    for my $kib (1, 16, 128) {
        row("$kib KiB: plain proxy_pass", $cost{"clear plain $kib"});

        for my $form (qw(ohttp chunked)) {
            my $ours = $cost{"clear $form $kib"};
            row("$kib KiB: nginx, $name{$form}", $ours);

            for (sort keys %peer) {
                my $cost = $cost{"peer $_ $form $kib"};
                my $ratio = median(@{ over($cost, $ours) });
                my $least = median(@{ over($cost, $cost{"clear plain $kib"},
                    $cost{"clear bare $form $kib"}) });

                row("$kib KiB: $what{$_}, $name{$form}", $cost, sprintf(
                    '%.2f x nginx, %.2f x plain + bare', $ratio, $least)
                    . ($_ eq 'go' ? sprintf(' (target 2.50: %s)',
                        $ratio >= 2.5 ? 'met' : 'MISSED') : ''));
            }
        }
    }

    print "$what{$_}: skipped: $skipped{$_}\n" for sort keys %skipped;
}


sub describe {
    machine();
    printf "%d rounds, one worker%s; evidence of %d bytes, certificate of "
        . "%d bytes\n", $rounds, @pin ? ' on a CPU of its own' : '',
        -s $t->path('static.json'), Bench::der_length($t->certificate());
}
