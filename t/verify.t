# SPDX-License-Identifier: Apache-2.0

# ngx-attest against a real gateway, and against what may stand between them:
# another server with genuine evidence, a proxy that cuts or alters answers,
# a server that speaks no proper HTTP.

use strict;
use warnings;

use Test::More;

use FindBin;
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl python3));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(fresh_tpm => 0);
my $policy = $t->path('policy.json');
my $loose = $t->path('loose.json');
my $mismatches = 0;
my @slow;

$t->swtpm();
$t->backend();
own_certificate();
$t->write_conf(config());
$t->start();

my $https = $t->url();
my $http = 'http://127.0.0.1:' . $t->port('PLAIN');

start_slow();
test_usage();
test_default();
test_policy_file();
test_verdicts();
test_ek();
test_json();
test_show();
test_relay();
test_own_certificate();
test_plain();
test_chat();
test_proxy();
test_bad_http();
test_slow();

AttestTest::done();


# ---- surroundings

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

    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }

    # a stranger who shows the gateway's evidence as his own
    server {
        listen 127.0.0.1:%%PORT_RELAY%% ssl;
        server_name localhost;
        ssl_certificate %%DIR%%/own.pem;
        ssl_certificate_key %%DIR%%/own.key;
        ssl_protocols TLSv1.3;
        location / {
            proxy_pass https://127.0.0.1:%%PORT_TLS%%;
            proxy_ssl_protocols TLSv1.3;
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_set_header Host localhost;
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


sub verify { return $t->attest('verify', @_) }


# A policy with some members changed; undef removes one.
sub policy {
    my ($file, %change) = @_;
    my $p = decode_json(AttestTest::read_file($policy));

    for my $name (keys %change) {
        $p->{$name} = $change{$name};
        delete $p->{$name} if !defined $change{$name};
    }

    $file = $t->path($file);
    AttestTest::write_file($file, encode_json($p));
    return $file;
}


# Exit status, and a line of the output.
sub says {
    my ($name, $want, $re, $status, $out) = @_;

    my $ok = is($status, $want, "$name: exit status $want");
    $ok = like($out, $re, "$name: says why") && $ok;
    diag($out) if !$ok;
}


# ---- tests

sub test_usage {
    says('version', 0, qr/^ngx-attest \d/, $t->attest('--version'));
    says('help', 0, qr/verify URL/, $t->attest('--help'));
    says("help of $_", 0, qr/^ngx-attest $_ /, $t->attest($_, '--help'))
        for qw(verify show policy chat);

    says('no command', 2, qr/Usage/, $t->attest());
    says('unknown command', 2, qr/unknown command/, $t->attest('trust'));
    says('unknown option', 2, qr/unknown option/, verify('--force', $https));
    says('option of another command', 2, qr/unknown option --json/,
        $t->attest('show', '--json', $https));
    says('no URL', 2, qr/no URL/, verify());
    says('no value', 2, qr/no value for --policy/,
        verify($https, '--policy'));
    says('bad time', 2, qr/--time wants/, verify($https, '--time', '-1'));
    says('two URLs', 2, qr/too many/, verify($https, $https));
    says('chat without policy', 2, qr/--policy/,
        $t->attest('chat', $https, 'x'));
    says('no URL at all', 2, qr/not an https/, verify('localhost:443'));
    says('a URL with a line break', 2, qr/does not belong/,
        verify("$https/x\r\nX: y"));
    says('a bad port', 2, qr/host or port/, verify('https://localhost:x/'));
    says('nobody listens', 2, qr/cannot connect/,
        verify('https://127.0.0.1:' . $t->port('NOBODY')));
    says('no such policy', 2, qr/cannot open/,
        verify($https, '--policy', $t->path('none')));
}


sub test_default {
    my ($status, $out) = verify($https);

    says('no policy', 1, qr/^NOT TRUSTED: .* software TPM/m, $status, $out);
    like($out, qr/^FAIL  root-of-trust: /m, 'software is refused');
    like($out, qr/^PASS  $_: /m, "$_ passes")
        for qw(certificate-signature certificate-key fresh-quote
            cached-quote nonce exporter hpke-keys-served ek-activation);
}


sub test_policy_file {
    my ($status, $out) = $t->attest('policy', $https);

    is($status, 0, 'a first policy');
    like($out, qr/^ngx-attest: $_/m, "  warns: $_")
        for 'this policy trusts what', 'nothing authenticated this conn';
    unlike($out, qr/own word/, '  of a software TPM nobody expects more');
    $out =~ s/^ngx-attest: .*\n//mg;
    AttestTest::write_file($policy, $out);

    my $p = eval { decode_json($out) } || {};
    is_deeply($p->{roots_of_trust}, ['software'], '  its root of trust');
    ok(keys %{ $p->{pcrs}{sha256} } >= 8, '  PCRs');
    like($p->{ak}[0], qr/^000b[0-9a-f]{64}$/, '  AK name');
    like($p->{config}[0], qr/^[0-9a-f]{64}$/, '  configuration');

    AttestTest::write_file($t->path('bad.json'), '{"version":1,"x":1}');
    says('unknown member', 2, qr/x: unknown member/,
        verify($https, '--policy', $t->path('bad.json')));
}


sub test_verdicts {
    my $name = '000b' . '00' x 32;

    says('our policy', 0, qr/^TRUSTED: .*"software"/m,
        verify($https, '--policy', $policy));
    says('no reference values', 2, qr/^\?{4}  reference-values: /m,
        verify($https, '--policy', policy('p.json', pcrs => undef)));
    says('another PCR', 1, qr/^FAIL  pcr-reference: PCR 0 /m,
        verify($https, '--policy', policy('p.json',
            pcrs => { sha256 => { 0 => '11' x 32 } })));
    says('another AK', 1, qr/^FAIL  ak-reference: /m,
        verify($https, '--policy', policy('p.json', ak => [$name])));
    says('another configuration', 1, qr/^FAIL  config-reference: /m,
        verify($https, '--policy', policy('p.json',
            config => ['00' x 32])));
    says('another root', 1, qr/^FAIL  root-of-trust: /m,
        verify($https, '--policy', policy('p.json',
            roots_of_trust => ['host-vtpm'])));
    says('yesterday', 1, qr/^FAIL  certificate-time: .*not valid before/m,
        verify($https, '--policy', $policy, '--time', time() - 86400));
    says('in a week', 1, qr/^FAIL  cached-validity: .*expired/m,
        verify($https, '--policy', $policy, '--time', time() + 604800));
    says('no evidence there', 2, qr/^NOTE  fetch: .*answered 40/m,
        verify("$https/v1/models", '--policy', $policy));
    says('elsewhere by name', 0, qr/^TRUSTED/m,
        verify('https://localhost:1/.well-known/attestation',
            '--policy', $policy, '--connect',
            '127.0.0.1:' . $t->port('TLS')));
}


sub test_ek {
    my $ca = $t->path('tpm/ca/issuercert.pem');
    my ($pem) = AttestTest::read_file($ca) =~
        /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/s;
    my $own = AttestTest::read_file($t->path('own.pem'));

    says('the TPM maker', 0, qr/^PASS  ek-chain: /m,
        verify($https, '--policy', policy('p.json', ak => undef,
            ek_roots => [$pem], require_ek => JSON::PP::true)));
    says('another maker', 1, qr/^FAIL  ek-chain: /m,
        verify($https, '--policy', policy('p.json', ak => undef,
            ek_roots => [$own], require_ek => JSON::PP::true)));
}


sub test_json {
    my ($status, $out) = verify($https, '--policy', $policy, '--json');
    my $r = eval { decode_json($out) } || {};

    is($status, 0, '--json: exit status');
    is($r->{version}, 1, '  version');
    is($r->{verdict}, 'trusted', '  verdict');
    is($r->{root_of_trust}, 'software', '  root of trust');
    my %state = map { $_->{id} => $_->{state} } @{ $r->{checks} };
    is($state{exporter}, 'pass', '  a check');
    ok(!(grep { !/^(?:pass|note)$/ } values %state), '  all of them');

    ($status, $out) = verify('https://127.0.0.1:' . $t->port('NOBODY'),
        '--json');
    is($status, 2, '--json without a gateway: exit status');
    $out =~ s/^ngx-attest: .*\n//mg;
    is((eval { decode_json($out) } || {})->{verdict}, 'undecided',
        '  still JSON');
}


sub test_show {
    my ($status, $out) = $t->attest('show', $https);

    is($status, 0, 'show URL');
    like($out, $_, "  $_") for qr/^root of trust\s+software$/m,
        qr/^nonce\s+none/m, qr/^TLS exporter\s+[0-9a-f]{64}$/m,
        qr/^ngx-attest configuration record/m, qr/^key \d+: KEM 0020/m,
        qr/^PCR  7 \(sha256\)/m, qr/^EK certificate for/m;

    my $pem = $t->path('cert.pem');
    AttestTest::write_file($pem, $t->certificate());
    says('show a certificate', 0, qr/^root of trust\s+software$/m,
        $t->attest('show', $pem));

    my $r = $t->get('/.well-known/attestation');
    AttestTest::write_file($t->path('ev.json'), $r->{body});
    says('show a collection', 0, qr/^collection\s+\d+ items$/m,
        $t->attest('show', $t->path('ev.json')));

    AttestTest::write_file($t->path('junk'), "junk\n");
    says('show junk', 2, qr/neither a certificate nor evidence/,
        $t->attest('show', $t->path('junk')));
}


# Genuine evidence, shown by somebody else over his own TLS connection.
sub test_relay {
    my $url = $t->url('', 'RELAY');
    my ($status, $out) = verify($url, '--policy', $policy);

    says('a relay', 1, qr/^FAIL  fresh-key: /m, $status, $out);
    says('a relay, chat', 1, qr/nothing was sent/,
        $t->attest('chat', $url, '--policy', $policy, 'secret'));
    unlike($t->backend_raw(), qr/Ehbp|secret/, '  nothing reached anybody');
}


sub test_own_certificate {
    my ($status, $out) = $t->attest('show', $t->path('own.pem'));

    says('a certificate without evidence', 0, qr/^evidence\s+none/m,
        $status, $out);
}


sub test_plain {
    says('http', 2, qr/^\?{4}  certificate: there is no TLS certificate/m,
        verify($http, '--policy', $policy));
    AttestTest::write_file($loose, AttestTest::read_file(
        policy('p.json', require_exporter => JSON::PP::false)));
    says('http, exporter waived', 0, qr/^NOTE  exporter: /m,
        verify($http, '--policy', $loose));
}


sub chat { return $t->attest('chat', @_) }


sub test_chat {
    says('chat', 0, qr/^You said: "Hello"/,
        chat($https, '--policy', $policy, 'Hello'));
    like($t->backend_raw(), qr/"stream":\s*true/, '  asked for a stream');
    says('chat over http', 0, qr/^You said: "Hi"/,
        chat($http, '--policy', $loose, 'Hi'));
    says('chat without trust', 1, qr/nothing was sent/,
        chat($https, '--policy', policy('p.json',
            roots_of_trust => ['tee']), 'Hello'));
    says('an undecided verdict', 2, qr/nothing was sent/,
        chat($https, '--policy', policy('p.json', pcrs => undef), 'Hello'));
    says('a path that is none', 2, qr/absolute path/,
        chat($https, '--policy', $policy, '--path', 'x', 'Hello'));
    says('a prompt that looks like an option', 0, qr/^You said: "--help"/,
        chat($https, '--policy', $policy, '--', '--help'));
    says('an option behind the end of options', 2, qr/too many arguments/,
        chat($https, '--policy', $policy, '--', 'Hello', '--path'));
    says('a prompt on standard input', 0, qr/^You said: "from a file/,
        chat_stdin("from a file\n"));
    says('no prompt on standard input', 2, qr/input is empty/,
        chat_stdin(''));
    says('a backend that fails', 2, qr/the backend answered 500/,
        chat($https, '--policy', $policy, '--path',
            '/v1/chat/completions?status=500', 'Hello'));
    says('a backend that dies', 2, qr/ngx-attest: /,
        chat($https, '--policy', $policy, '--path',
            '/v1/chat/completions?die_after=2', 'Hello'));
}


sub chat_stdin {
    my ($text) = @_;
    my $file = $t->path('prompt');

    AttestTest::write_file($file, $text);
    my $out = AttestTest::run_out([ AttestTest::cli(), 'chat', $https,
        '--policy', $policy, '-' ], stdin => $file);
    return ($? >> 8, $out);
}


# A middlebox on a plain connection: it can only spoil the answer.
sub test_proxy {
    my %want = (
        pass  => [ 0, qr/^You said: "Hello"/ ],
        cut   => [ 2, qr/end marker is missing/ ],
        alter => [ 2, qr/altered on its way/ ],
        more  => [ 2, qr/follows the end|altered|cut/ ],
        nonce => [ 2, qr/not sealed/ ],
        once  => [ 0, qr/^You said: "Hello"/ ],
        never => [ 2, qr/refuses the key/ ],
        type  => [ 0, qr/^You said: "Hello"/ ],
    );

    for my $mode (sort keys %want) {
        my ($port, $pid) = proxy($mode);

        says("proxy: $mode", @{ $want{$mode} },
            chat("http://127.0.0.1:$port", '--policy', $loose, 'Hello'));
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}


sub proxy {
    my ($mode) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die "cannot listen: $!\n";
    my $pid = fork() // die "fork: $!\n";

    return ($s->sockport, $pid) if $pid;

    $SIG{TERM} = sub { POSIX::_exit(0) };
    while (my $c = $s->accept()) {
        my $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $t->port('PLAIN')) or POSIX::_exit(1);
        relay($mode, $c, $up);
    }
    POSIX::_exit(0);
}


# What a gateway says whose keys have rotated meanwhile.
sub mismatch {
    my $body = '{"type":"urn:ietf:params:ehbp:error:key-config","title":"x"}';

    return ("HTTP/1.1 422 x\r\nContent-Type: application/problem+json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n", $body);
}


# One request at a time; answers with a nonce of EHBP are spoiled.
sub relay {
    my ($mode, $c, $up) = @_;

    while (my ($head, $body) = message($c)) {
        print {$up} $head, $body;
        my ($answer, $data) = message($up) or last;

        if ($answer =~ /Ehbp-Response-Nonce/i) {
            ($answer, $data) = spoil($mode, $answer, $data);
        }

        print {$c} $answer, $data;
    }
}


sub spoil {
    my ($mode, $head, $data) = @_;
    my @chunks;

    return mismatch() if $mode eq 'never'
        || ($mode eq 'once' && !$mismatches++);
    $head =~ s/Ehbp-Response-Nonce:.*\r\n//i if $mode eq 'nonce';
    $head =~ s/^Content-Type:.*\r$/Content-Type: application\/json\r/mi
        if $mode eq 'type';

    while ($data =~ /\G([0-9a-f]+)\r\n/gci) {
        my $n = hex $1 or last;
        push @chunks, substr $data, pos($data), $n;
        pos($data) += $n + 2;
    }

    splice @chunks, 3 if $mode eq 'cut';
    substr($chunks[1], 5, 1) ^= "\x01" if $mode eq 'alter';
    push @chunks, $chunks[0] if $mode eq 'more';

    return ($head, join '', map({ sprintf("%x\r\n%s\r\n", length, $_) }
        @chunks), "0\r\n\r\n");
}


# Head and body (chunks as they are) of one message; () at the end.
sub message {
    my ($s) = @_;
    my ($head, $body) = ('', '');

    while ($head !~ /\r\n\r\n\z/) {
        defined($s->getline_or_end(\$head)) or return;
    }

    if ($head =~ /^Content-Length:\s*(\d+)/mi) {
        read $s, $body, $1;

    } elsif ($head =~ /^Transfer-Encoding:\s*chunked/mi) {
        until ($body =~ /(?:^|\r\n)0\r\n\r\n\z/) {
            defined($s->getline_or_end(\$body)) or last;
        }
    }

    return ($head, $body);
}


sub IO::Socket::INET::getline_or_end {
    my ($s, $to) = @_;
    my $line = <$s>;

    $$to .= $line if defined $line;
    return $line;
}


# Servers that speak no proper HTTP: an answer of 2, never a crash or a hang.
sub test_bad_http {
    my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/cmw+cbor\r\n";
    my @bad = (
        [ 'nothing', '', qr/closed the connection/ ],
        [ 'another protocol', "SSH-2.0-x\r\n", qr/not HTTP/ ],
        [ 'a status of letters', "HTTP/1.1 abc OK\r\n\r\n", qr/not HTTP/ ],
        [ 'no colon', "HTTP/1.1 200 OK\r\nfield\r\n\r\n", qr/malformed/ ],
        [ 'two lengths', "${ok}Content-Length: 1\r\nContent-Length: 1\r\n"
            . "\r\nx", qr/malformed/ ],
        [ 'length and chunked', "${ok}Content-Length: 1\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", qr/malformed/ ],
        [ 'a negative length', "${ok}Content-Length: -1\r\n\r\n",
            qr/malformed/ ],
        [ 'a huge length', "${ok}Content-Length: 999999999999999\r\n\r\n"
            . 'x' x 100, qr/is cut|too long/ ],
        [ 'a cut body', "${ok}Content-Length: 10\r\n\r\nx", qr/is cut/ ],
        [ 'a bad chunk', "${ok}Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            qr/badly chunked/ ],
        [ 'a chunk that overflows', "${ok}Transfer-Encoding: chunked\r\n\r\n"
            . ('f' x 17) . "\r\nx", qr/badly chunked/ ],
        [ 'a cut chunk', "${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nab",
            qr/is cut/ ],
        [ 'a trailer without end', "${ok}Transfer-Encoding: chunked\r\n"
            . "\r\n0\r\n" . "a: b\r\n" x 200 . "\r\n",
            qr/too long a trailer/ ],
        [ 'interim answers without end', "HTTP/1.1 100 C\r\n\r\n" x 50
            . "${ok}Content-Length: 4\r\n\r\njunk",
            qr/too many interim/ ],
        [ 'an interim answer', "HTTP/1.1 103 E\r\nLink: x\r\n\r\n"
            . "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
            qr/answered 503/ ],
        [ 'a line without end', 'HTTP/1.1 200 ' . 'x' x 10000, qr/not HTTP/ ],
        [ 'too many fields', "HTTP/1.1 200 OK\r\n" . "a: b\r\n" x 200,
            qr/malformed/ ],
        [ 'junk for evidence', "${ok}Content-Length: 4\r\n\r\njunk",
            qr/is not a collection/ ],
        [ 'a web page', "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
            . "Content-Length: 1\r\n\r\nx", qr/is not application\/cmw/ ],
        [ 'a problem with colours', "HTTP/1.1 503 x\r\nContent-Type: "
            . "application/problem+json\r\nContent-Length: 22\r\n\r\n"
            . '{"title":"\u001b[31m"}', qr/answered 503: \?\[31m/ ],
    );

    for my $case (@bad) {
        my ($name, $bytes, $re) = @$case;
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
            or die "cannot listen: $!\n";
        my $pid = fork() // die "fork: $!\n";

        if (!$pid) {
            my $c = $s->accept();
            sysread $c, my $request, 4096;
            syswrite $c, $bytes;
            shutdown $c, 1;
            sysread $c, $request, 4096;
            POSIX::_exit(0);
        }

        my ($status, $out) = verify('http://127.0.0.1:' . $s->sockport);
        my $want = $name eq 'junk for evidence' ? 1 : 2;
        says("server: $name", $want, $re, $status, $out);
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}


# A byte in each second is no progress: an exchange takes 30 seconds at most,
# inside of TLS too.  These run beside the other tests.
sub start_slow {
    for (['handshake', 1], ['answer', 2]) {
        my ($name, $bursts) = @$_;
        my ($port, $proxy) = slow_proxy($bursts);
        my $pid = fork() // die "fork: $!\n";

        if ($pid) {
            push @slow, [$name, $proxy, $pid];
            next;
        }

        my $begin = time();
        my $out = AttestTest::run_out([ AttestTest::cli(), 'verify',
            "https://localhost:$port" ], sec => 75);
        my $status = $? >> 8;
        AttestTest::write_file($t->path("slow.$name"),
            join "\n", time() - $begin, $status, $out);
        POSIX::_exit(0);
    }
}


sub test_slow {
    for (@slow) {
        my ($name, $proxy, $pid) = @$_;

        waitpid $pid, 0;
        kill 'TERM', $proxy;
        waitpid $proxy, 0;

        my ($sec, $status, $out) = split /\n/,
            AttestTest::read_file($t->path("slow.$name")), 3;
        # the certificate was seen by then: it names a software TPM
        says("a slow $name", $name eq 'answer' ? 1 : 2, qr/timed out/,
            $status, $out);
        ok($sec >= 25 && $sec < 60, "  after $sec seconds");
    }
}


# Hands on what the gateway says byte by byte as soon as the client spoke so
# often: first its hello, then the end of its handshake.
sub slow_proxy {
    my ($bursts) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die "cannot listen: $!\n";
    my $pid = fork() // die "fork: $!\n";

    return ($s->sockport, $pid) if $pid;

    $SIG{TERM} = sub { POSIX::_exit(0) };
    my $c = $s->accept();
    my $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('TLS')) or POSIX::_exit(1);
    my $select = IO::Select->new($c, $up);

    while (my @ready = $select->can_read()) {
        for my $from (@ready) {
            my $to = $from == $c ? $up : $c;

            sysread($from, my $data, 16384) or POSIX::_exit(0);
            $bursts-- if $from == $c;
            hand_on($to, $data, $from == $up && $bursts <= 0);
        }
    }
    POSIX::_exit(0);
}


sub hand_on {
    my ($to, $data, $slowly) = @_;

    syswrite($to, $data) if !$slowly;

    for my $byte ($slowly ? split //, $data : ()) {
        syswrite($to, $byte) or POSIX::_exit(0);
        sleep 1;
    }
}
