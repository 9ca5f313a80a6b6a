#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# Runs by scripts/bench: one nginx with one pinned worker, load from the other
# CPUs, and what it cost the worker.  Rounds are interleaved, so that whatever
# else the machine does hits all that is compared alike.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use List::Util qw(sum max min);
use Time::HiRes qw(clock_gettime sleep time);

my $quick = grep { $_ eq '--quick' } @ARGV;
my $rounds = $quick ? 2 : 7;
my $slices = $quick ? 1 : 3;
my ($only) = map { /^--only=(\w+)$/ } @ARGV;
my $scale = $quick ? 0.1 : 1;
my $bench = AttestTest::build() . '/bench/bench';
my $cpus = () = AttestTest::read_file('/proc/cpuinfo') =~ /^processor/mg;
my @pin = $cpus > 1 ? (AttestTest::which('taskset'), '-c', '1-' . ($cpus - 1))
    : ();

my $t = AttestTest->new(log_level => 'warn', checked => 1);
my (%cost, %lag, %memory, %peer, %skipped);

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
    make_certificate();
    $t->stop();

    $t->write_conf(conf(static_server()));
    $t->start();

    my $r = $t->get('/.well-known/attestation');
    die "no evidence: $r->{status}\n" if $r->{status} != 200;
    AttestTest::write_file($t->path('static.json'), $r->{body});
}


sub conf {
    my ($more) = @_;
    my $affinity = $cpus > 1 ? 'worker_cpu_affinity ' . '0' x ($cpus - 1)
        . "1;\n" : '';
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


# P-256 like ours, and padded to the same number of bytes in DER.
sub make_certificate {
    my $want = der_length($t->certificate());
    my $padding = $want - 400;

    for (1 .. 6) {
        AttestTest::write_file($t->path('static.cnf'), <<"END");
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = localhost
[ext]
subjectAltName = DNS:localhost
1.3.6.1.4.1.99999.1 = DER:04:82:@{[ sprintf('%02x:%02x', $padding >> 8,
    $padding & 255) ]}@{[ ':5a' x $padding ]}
END
        my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'req',
            '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-config',
            $t->path('static.cnf'), '-keyout', $t->path('static.key'),
            '-out', $t->path('static.pem') ]);
        die $out if $?;

        my $off = $want
            - der_length(AttestTest::read_file($t->path('static.pem')));
        return if abs($off) <= 2;
        $padding += $off;
    }

    die "no certificate of $want bytes\n";
}


sub der_length {
    my ($pem) = @_;
    my ($base64) = $pem =~ /-\n(.*?)-----END/s or die "no certificate\n";

    $base64 =~ s/[\s=]//g;
    return int(length($base64) * 3 / 4);
}


# Nanoseconds that a process has been running, all its threads, those that
# have ended too: clock_getcpuclockid(3).
sub ns {
    my ($pid) = @_;

    return clock_gettime((~int($pid) << 3) | 2) * 1e9;
}


sub worker_kb {
    my ($pid) = $t->workers();

    my $text = AttestTest::read_file("/proc/$pid/smaps_rollup");
    return sum($text =~ /^Private_\w+:\s+(\d+)/mg);
}


# CPU of the worker, or of a peer, for one of N, in microseconds.
sub measure {
    my ($name, $n, @args) = @_;
    my ($of) = $name =~ /^peer (\w+)/;
    my $pid = $of ? $t->{procs}{"peer-$of"} : ($t->workers())[0];
    my $before = ns($pid);
    my $out = AttestTest::run_out([ @pin, $bench, @args ], sec => 600);

    die "bench @args: $out" if $?;
    push @{ $cost{$name} }, (ns($pid) - $before) / $n / 1000;
    return $out;
}


# A bare key configuration, behind the name of a form.
sub key {
    my ($form) = @_;
    my $key = $form eq 'ehbp' ? $t->get('/.well-known/hpke-keys')->{body}
                              : $t->ohttp_key($GATEWAY);

    return "$form:" . unpack('H*', $key);
}


sub count { return int($_[0] * $scale) || 1 }


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


sub bare {
    my ($name, @args) = @_;

    push @{ $cost{$name} }, AttestTest::run_out([ @pin, $bench, 'bare',
        @args ]) + 0;
}


# KiB, requests of each client, clients and bytes.
sub sizes {
    return map { [ $_->[0], count($_->[1] / $slices), 4, $_->[0] * 1024 ] }
        [ 1, 3000 ], [ 16, 1500 ], [ 128, 600 ];
}


sub part { return !$only || $only eq $_[0] }


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
    my $file = $t->path("logs/stream.out");

    $t->get('/static.json');
    my $idle = worker_kb();

    unlink $file;
    $t->spawn('stream', [ @pin, $bench, 'stream', $t->port('TLS'), $path,
        $streams, $tokens, $delay, @key ]);

    # The most of it: when all are open.
    my $most = 0;
    my $end = time() + 300;
    while ($t->alive('stream')) {
        die "streams do not end\n" if time() > $end;
        $most = max($most, worker_kb());
        sleep 0.2;
    }

    delete $t->{procs}{stream};
    my ($p50, $p99) = AttestTest::read_file($file) =~ /^([\d.]+) ([\d.]+)$/m
        or die "stream: " . AttestTest::read_file($file);

    push @{ $lag{"$name p50"} }, $p50;
    push @{ $lag{"$name p99"} }, $p99;
    push @{ $memory{$name} }, ($most - $idle) / $streams;
}


sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $n = @sorted;

    return $n % 2 ? $sorted[$n / 2] : ($sorted[$n / 2 - 1] + $sorted[$n / 2])
        / 2;
}


sub row {
    my ($name, $values, $rest) = @_;

    printf "%-46s %9.1f %9.1f %9.1f  %s\n", $name, median(@$values),
        min(@$values), max(@$values), $rest // '';
}


sub heading {
    printf "\n%-46s %9s %9s %9s\n", $_[0], 'median', 'min', 'max';
}


# Each value over the sum of those measured just before or after it: what
# else the machine does changes slower than that.
sub over {
    my ($what, @sum) = @_;

    return [ map { my $i = $_; $what->[$i] / sum(map { $_->[$i] } @sum) }
        0 .. $#$what ];
}


sub ratio {
    my ($what, $over, $target) = @_;
    my $ratio = median(@$what) / $over;

    return sprintf('%.2f x', $ratio) . ($target ? sprintf(
        ' (target %.2f: %s)', $target, $ratio <= $target ? 'met' : 'MISSED')
        : '');
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
    my ($cpu) = AttestTest::read_file('/proc/cpuinfo')
        =~ /^model name\s*:\s*(.*)$/m;
    my $nginx = AttestTest::run_out([ AttestTest::nginx(), '-v' ]);
    my $openssl = AttestTest::run_out([ AttestTest::which('openssl'),
        'version' ]);

    chomp($nginx, $openssl);
    printf "%s, %d CPUs, Linux %s\n%s, %s\n", $cpu // 'unknown CPU', $cpus,
        (POSIX::uname())[2], $nginx, $openssl =~ s/ \(.*//r;
    printf "%d rounds, one worker%s; evidence of %d bytes, certificate of "
        . "%d bytes\n", $rounds, @pin ? ' on a CPU of its own' : '',
        -s $t->path('static.json'), der_length($t->certificate());
}
