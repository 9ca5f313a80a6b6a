# SPDX-License-Identifier: Apache-2.0

# Encrypted prompts on the side ways of nginx: error_page while the body is
# read, protocols that are switched, other locations at debug level.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl python3))) {
    plan skip_all => $why;
}

my $t = AttestTest->new(log_level => 'debug');

# Answers every request by switching protocols.
my $SWITCH = <<'END';
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
    LocalPort => $ARGV[0], ReuseAddr => 1) or die;
while (my $c = $s->accept()) {
    sysread $c, my $request, 65536;
    print $c "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        . "Connection: upgrade\r\n\r\nSECRET ANSWER IN CLEAR";
    close $c;
}
END

$t->swtpm();
$t->backend();
$t->spawn('switch', [ $^X, '-e', $SWITCH, $t->port('OFF_SWITCH') ]);
AttestTest::wait_port($t->port('OFF_SWITCH'));

my $proxy = 'proxy_http_version 1.1; proxy_buffering off; '
    . 'proxy_pass http://%%BACKEND%%;';

$t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        attest_prompt ehbp;
        attest_prompt_max_size 10k;
        location /small {
            client_max_body_size 1k;
            error_page 413 400 /page.html;
            $proxy
        }
        location /limit {
            error_page 413 400 /page.html;
            $proxy
        }
        location /clear {
            error_page 413 400 /clear.html;
            $proxy
        }
        location = /clear.html { attest_prompt off; return 200 "page\\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        attest_prompt ehbp;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location /switch {
            proxy_pass http://127.0.0.1:%%PORT_OFF_SWITCH%%;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Upgrade websocket;
            proxy_set_header Connection upgrade;
        }
        location / { try_files /none \@off; }
        location \@off { attest_prompt off; $proxy }
    }
}
END
$t->start();

my ($worker) = $t->workers();
my $field = 'Ehbp-Encapsulated-Key: ' . '09' . '00' x 31 . "\r\n";


# Pieces of a request, each sent when the one before had time to arrive.
sub pieces {
    my @pieces = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port(), Timeout => 5) or die $!;
    my $out = '';

    for my $piece (@pieces) {
        print $s $piece;
        $s->flush();
        select undef, undef, undef, 0.2;
    }

    eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 20;
        while (sysread $s, my $in, 4096) { $out .= $in; }
        alarm 0;
    };

    return $@ ? $@ : $out;
}


sub post {
    my ($path, $fields) = @_;

    return "POST $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n$field"
        . "$fields\r\n";
}


my $chunked = "Transfer-Encoding: chunked\r\n";
my $big = sprintf("%x\r\n", 40000) . 'x' x 20000;

for (
    [ 'too large for nginx, body withheld', qr/ 413 .*too-large/s,
        post('/small', "Content-Length: 5000\r\n") ],
    [ 'a broken chunk', qr/ 400 .*malformed/s,
        post('/limit', $chunked), "5\r\n\0\0\0\x40e", "XX\r\n" ],
    [ 'too large, in chunks', qr/ 413 /,
        post('/limit', $chunked), $big, 'x' x 20000 . "\r\n0\r\n\r\n" ],
    [ 'a broken chunk, and a page in clear', qr/ [24]00 .*page/s,
        post('/clear', $chunked), "5\r\n\0\0\0\x40e", "XX\r\n" ],
) {
    my ($name, $want, @pieces) = @$_;

    like(pieces(@pieces), $want, $name);
}

is_deeply([ $t->workers() ], [ $worker ], 'the worker is still the same');
is(scalar $t->backend_log(), 0, 'the backend has heard of nothing');

my $policy = $t->policy();
my ($rc, $out) = $t->attest('chat', $t->url(), '--policy', $policy,
    '--path', '/switch', 'hello');
isnt($rc, 0, 'a backend that switches protocols');
unlike($out, qr/SECRET/, 'nothing comes through');
like($t->error_log(), qr/must not switch protocols/, 'the log says why');

$t->mark_log();
($rc, $out) = $t->attest('chat', $t->url(), '--policy', $policy,
    'through a location without prompts');
is($rc, 0, 'a prompt that goes to another location') or diag($out);
like($out, qr/without prompts/, 'is answered');
unlike(substr($t->error_log(), $t->{mark}), qr/http chunked byte/,
    'not even single bytes of it are in a debug log');

AttestTest::done();
