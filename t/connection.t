# SPDX-License-Identifier: Apache-2.0

# The connection of ngx-attest to a gateway: one, that is never replaced; its
# limits and deadlines; and what the environment does not change.

use strict;
use warnings;

use Test::More;

use FindBin;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::SSL;
use POSIX ();

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl python3));
plan(skip_all => $missing) if $missing;

use constant OK => "HTTP/1.1 200 OK\r\nContent-Type: application/cmw+cbor\r\n";
use constant GONE => "HTTP/1.1 410 x\r\nContent-Length: 0\r\n\r\n";

my $t = AttestTest->new(fresh_tpm => 0);
my $policy = $t->path('policy.json');
my @slow;

$t->swtpm();
$t->backend();
own_certificate();
$t->write_conf(config());
$t->start();

start_slow();
make_policy();
test_one_connection();
test_between();
test_during();
test_requests();
test_not_followed();
test_limits();
test_cut_tls();
test_two_addresses();
test_v6();
test_environment();
test_needed();
test_slow();

AttestTest::done();


sub config {
    return <<'END';
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }
}
END
}


sub own_certificate {
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'req',
        '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-subj', '/CN=localhost', '-days', '2',
        '-keyout', $t->path('own.key'), '-out', $t->path('own.pem') ]);
    die $out if $?;
}


sub make_policy {
    AttestTest::run_out([ AttestTest::cli(), 'policy', $t->url() ],
        stdout => $policy);
    is($?, 0, 'policy');
}


sub says {
    my ($name, $want, $re, $status, $out) = @_;

    my $ok = is($status, $want, "$name: exit status $want");
    $ok = like($out, $re, "$name: says so") && $ok;
    diag($out) if !$ok;
}


sub listener {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
        @_) || die "cannot listen: $!\n";
}


# ---- one connection

# Hands bytes on between the command and the gateway.  $cut says when to close:
# 'proof', when the gateway has answered to the last thing that the command
# asks (which is longer than its other questions, and shorter than a prompt);
# 'prompt', when the prompt comes.  In $log there is a line for each
# connection: how the command began.
sub relay {
    my ($cut) = @_;
    my $s = listener();
    my $log = $t->path('relay.log');

    AttestTest::write_file($log, '');
    my $pid = fork() // die "fork: $!\n";

    if (!$pid) {
        $SIG{TERM} = sub { POSIX::_exit(0) };

        while (my $c = $s->accept()) {
            relay_one($c, $cut, $log);
        }
        POSIX::_exit(0);
    }

    return ('https://localhost:' . $s->sockport, sub {
        kill 'TERM', $pid;
        waitpid $pid, 0;
        return split /\n/, AttestTest::read_file($log);
    });
}


sub relay_one {
    my ($c, $cut, $log) = @_;
    my $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('TLS')) or POSIX::_exit(1);
    my $select = IO::Select->new($c, $up);
    my ($turns, $said) = (0, 0);

    while (my @ready = $select->can_read()) {
        for my $from (@ready) {
            sysread($from, my $data, 65536) or return;

            if ($from == $c) {
                AttestTest::write_file($log, AttestTest::read_file($log)
                    . unpack('H*', $data) . "\n") if !$turns && !$said;
                $said += length $data;
                return if $cut eq 'prompt' && $turns && $said > 5000;
            }

            syswrite $from == $c ? $up : $c, $data;

            if ($from == $up && $said) {
                return if $cut eq 'proof' && $turns && $said > 600;
                $turns++;
                $said = 0;
            }
        }
    }
}


sub requests { return scalar(() = $t->backend_raw() =~ /^POST /mg) }


sub chat {
    my ($url, @args) = @_;

    return $t->attest('chat', $url, '--policy', $policy, @args,
        'x' x 100_000);
}


sub test_one_connection {
    my ($url, $end) = relay('never');
    my $before = requests();

    says('through a relay', 0, qr/^You said/, chat($url));

    my @seen = $end->();

    is(scalar @seen, 1, '  over one connection');
    like($seen[0], qr/0010000b000908687474702f312e31/,
        '  ALPN: http/1.1 and nothing else');
    is(requests(), $before + 1, '  the backend has it');
}


# Somebody closes when all was verified and nothing was sent; whoever connects
# once more would be served.
sub test_between {
    my ($url, $end) = relay('proof');
    my $before = requests();

    says('closed between verdict and prompt', 2,
        qr/closed the connection|connection broke/, chat($url));
    is(scalar(() = $end->()), 1, '  no other connection was opened');
    is(requests(), $before, '  the backend has nothing');
}


sub test_during {
    my ($url, $end) = relay('prompt');
    my $before = requests();

    says('closed while the prompt comes', 2,
        qr/closed the connection|connection broke/, chat($url));
    is(scalar(() = $end->()), 1, '  no other connection was opened');
    is(requests(), $before, '  the backend has nothing');
}


# ---- servers that are none of ours

# Serves one connection after the other: each request gets the next answer,
# and what comes behind the last one is closed.  Returns the port and what
# ends it, which gives the requests.
sub server {
    my ($s, @answers) = @_;
    my $log = $t->path('server.log');

    AttestTest::write_file($log, '');
    my $pid = fork() // die "fork: $!\n";

    if (!$pid) {
        $SIG{TERM} = sub { POSIX::_exit(0) };
        $SIG{PIPE} = 'IGNORE';

        while (my $c = $s->accept()) {
            for my $answer (@answers) {
                my $request = request($c) // last;

                AttestTest::write_file($log, AttestTest::read_file($log)
                    . "$request\n");
                ref $answer ? $answer->($c) : syswrite $c, $answer;
            }
            $s->isa('IO::Socket::SSL') ? $c->close(SSL_no_shutdown => 1)
                                       : close $c;
        }
        POSIX::_exit(0);
    }

    return ($s->sockport, sub {
        kill 'TERM', $pid;
        waitpid $pid, 0;
        return AttestTest::read_file($log);
    });
}


sub request {
    my ($c) = @_;
    my $request = '';

    while ($request !~ /\r\n\r\n/) {
        sysread $c, $request, 1, length $request or return;
    }

    my $n = $request =~ /^Content-Length: (\d+)/mi ? $1 : 0;

    while ($n > 0) {
        my $got = sysread $c, $request, $n, length $request or return;
        $n -= $got;
    }
    return $request;
}


sub serve {
    my ($name, $re, @answers) = @_;
    my ($port, $end) = server(listener(), @answers);

    says($name, 2, $re, $t->attest('verify', "http://127.0.0.1:$port/x?y"));
    return $end->();
}


sub test_requests {
    my $seen = serve('three answers', qr/answered 410/, GONE, GONE, GONE);

    is(scalar(() = $seen =~ /^(?:GET|POST) /mg), 3, 'three requests');
    like($seen, qr{^GET /x\?y HTTP/1\.1\r\n}, '  the path as it was given');
    like($seen, qr{^Accept: application/cmw\+cbor\r$}m, '  Accept');
    like($seen, qr{^Host: 127\.0\.0\.1:\d+\r$}m, '  Host');
    like($seen, qr{^User-Agent: ngx-attest/\S+\r$}m, '  User-Agent');
    like($seen, qr{^Content-Type: application/json\r$}m, '  Content-Type');
    unlike($seen, qr/^Expect/mi, '  nothing waits for a 100');
}


sub test_not_followed {
    my $trap = listener(Timeout => 0.1);
    my $seen = serve('a redirect', qr/the gateway answered 302/,
        "HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:"
        . $trap->sockport . "/\r\n\r\n");

    ok(!$trap->accept(), '  is not followed');
}


sub test_limits {
    my $long = OK . "Transfer-Encoding: chunked\r\n\r\n";

    serve('a line of a megabyte', qr/not HTTP|malformed/,
        OK . 'X: ' . 'x' x 1_000_000 . "\r\n\r\n");
    serve('a line of 8 KiB', qr/not HTTP|malformed/,
        OK . 'X: ' . 'x' x 8192 . "\r\n\r\n");
    serve('fields of a megabyte', qr/malformed/,
        OK . ('X: ' . 'x' x 8000 . "\r\n") x 129 . "\r\n");
    serve('a body without an end', qr/the answer is too long/, sub {
        my ($c) = @_;

        syswrite $c, $long;
        1 while syswrite $c, "10000\r\n" . 'x' x 65536 . "\r\n";
    });
    serve('a problem that is too long', qr/the answer is too long/,
        "HTTP/1.1 503 x\r\nContent-Length: 70000\r\n\r\n" . 'x' x 70000);
}


# A body that the end of the connection ends: only TLS can say that it is
# whole.
sub test_cut_tls {
    my $s = IO::Socket::SSL->new(LocalAddr => '127.0.0.1', Listen => 5,
        SSL_server => 1, SSL_cert_file => $t->path('own.pem'),
        SSL_key_file => $t->path('own.key'));
    my ($port, $end) = server($s, OK . "\r\njunk");
    my (undef, $out) = $t->attest('verify', "https://localhost:$port");

    $end->();
    like($out, qr/cached evidence: the connection broke: unexpected eof/,
        'no close_notify: cut');
}


# ---- addresses

sub preload {
    my ($name) = @_;
    my $env = AttestTest::nginx_env();

    return join ' ', grep { defined } $env->{LD_PRELOAD},
        AttestTest::build() . "/doubles/$name.so";
}


# The first address of the name is one where nobody listens.
sub test_two_addresses {
    my ($port, $end) = server(listener(), GONE);

    local $ENV{LD_PRELOAD} = preload('fake_names');
    says('a dead IPv6 address', 2, qr/the gateway answered 410/,
        $t->attest('verify', "http://both.test:$port"));
    like($end->(), qr/^Host: both\.test:$port\r$/m, '  the name in Host');
}


sub test_v6 {
    my $s = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0,
        Listen => 5);

    if (!$s) {
        pass('no IPv6 on this machine');
        return;
    }

    my ($port, $end) = server($s, GONE, GONE, GONE);

    for my $how ([ "http://[::1]:$port" ], [ 'http://name.test', '--connect',
        "[::1]:$port" ])
    {
        says("@$how", 2, qr/the gateway answered 410/,
            $t->attest('verify', @$how));
    }

    my $seen = $end->();

    like($seen, qr/^Host: \[::1\]:$port\r$/m, 'an address in Host');
    like($seen, qr/^Host: name\.test\r$/m, 'a name in Host');
}


# ---- surroundings

sub test_environment {
    my $trap = listener(Timeout => 0.1);
    my $keys = $t->path('keys.log');
    my $to = '127.0.0.1:' . $trap->sockport;
    my @names = map { ($_, uc) } qw(http_proxy https_proxy all_proxy);

    local @ENV{@names} = ("http://$to") x @names;
    local $ENV{SSLKEYLOGFILE} = $keys;
    local $ENV{no_proxy};

    says('proxies in the environment', 0, qr/^TRUSTED/m,
        $t->attest('verify', $t->url(), '--policy', $policy));
    ok(!$trap->accept(), '  are not asked');
    ok(!-e $keys, '  nobody is told the secrets of TLS');

    my ($port, $end) = server(listener(), GONE);

    says('http, too', 2, qr/answered 410/,
        $t->attest('verify', "http://127.0.0.1:$port"));
    $end->();
    ok(!$trap->accept(), '  no proxy is asked');
}


sub test_needed {
    my $readelf = AttestTest::which('readelf') or return;

    for my $file ([ AttestTest::cli(), 1 ], [ AttestTest::module(), 1 ],
        [ AttestTest::build() . '/libngx-attest.so', 0 ])
    {
        my $out = AttestTest::run_out([ $readelf, '-dW', $file->[0] ]);

        is($out =~ /libcurl/ ? 1 : 0, $file->[1], $file->[0]
            . ($file->[1] ? ' needs libcurl' : ' does not need libcurl'));
    }
}


# ---- deadlines: these run beside the other tests

sub start_slow {
    slow('a name that is not found', 'http://slow.test', sub { undef });
    slow('a head that trickles', undef, sub { trickle($_[0], OK) });
    slow('a body that trickles', undef, sub {
        trickle($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
            200);
    });
    slow('no answer', undef, sub { sleep 100 });
}


sub slow {
    my ($name, $url, $answer) = @_;
    my ($port, $end) = server(listener(), $answer);
    my $file = $t->path('slow.' . @slow);
    my $pid = fork() // die "fork: $!\n";

    if ($pid) {
        push @slow, [ $name, $pid, $file, $end ];
        return;
    }

    my $begin = time();
    $ENV{LD_PRELOAD} = preload('fake_names') if defined $url;
    my $out = AttestTest::run_out([ AttestTest::cli(), 'verify',
        $url // "http://127.0.0.1:$port" ], sec => 75);
    my $status = $? >> 8;

    AttestTest::write_file($file, join "\n", time() - $begin, $status, $out);
    POSIX::_exit(0);
}


sub trickle {
    my ($c, $text, $more) = @_;

    for my $byte (split(//, $text), ('x') x ($more // 0)) {
        syswrite $c, $byte or return;
        sleep 1 if defined $more && $byte eq 'x' || !defined $more;
    }
}


sub test_slow {
    for (@slow) {
        my ($name, $pid, $file, $end) = @$_;

        waitpid $pid, 0;
        $end->();

        my ($sec, $status, $out) = split /\n/,
            AttestTest::read_file($file), 3;
        says($name, 2, qr/timed out/, $status, $out);
        ok($sec >= 25 && $sec < 60, "  after $sec seconds");
    }
}
