# SPDX-License-Identifier: Apache-2.0

# A client that shuts and opens its window, and backends that have long said
# all: what waits in between is still there when it is sealed, whatever the
# location and its module do with buffers, and nothing that nginx has freed
# meanwhile is touched.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(decode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Records;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';
my $SIZE = 150_000;
my $STREAMS = 6;

my $t = AttestTest->new();
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $ohttp = PromptClient->new('ohttp_client.py');
my ($list, $n) = (undef, 0);

start();

my ($worker) = $t->workers();
my $head = "Content-Type: text/plain\r\n";
my $text = join '', map { sprintf '%07d ', $_ } 1 .. $SIZE / 8;

for my $location (qw(buffered unbuffered)) {
    window("$location, by close", $location, 0,
        [ "HTTP/1.1 200 OK\r\n$head\r\n", $text ]);
    window("$location, with a length", $location, 1,
        [ "HTTP/1.1 200 OK\r\n${head}Content-Length: $SIZE\r\n\r\n", $text ]);
}

window('a module that buffers', 'fastcgi', 1,
    [ Records::fastcgi("Status: 200 OK\r\n$head\r\n",
        map { substr $text, 5_000 * $_, 5_000 } 0 .. $SIZE / 5_000 - 1) ]);
window('X-Accel-Buffering', 'unbuffered', 0,
    [ "HTTP/1.1 200 OK\r\nX-Accel-Buffering: yes\r\n$head\r\n", $text ]);
window('a backend that dies', 'buffered', 0,
    [ "HTTP/1.1 200 OK\r\n${head}Content-Length: 999999\r\n\r\n", $text ]);
window('scgi', 'scgi', 0, [ "Status: 200 OK\r\n$head\r\n", $text ]);
window('HEAD', 'buffered', 1,
    [ "HTTP/1.1 200 OK\r\n${head}Content-Length: $SIZE\r\n\r\n" ], 'HEAD');

is(join(' ', $t->workers()), $worker, 'the worker has lived through it');

$ohttp->end();
AttestTest::done();


sub start {
    my $to = '127.0.0.1:%%PORT_OFF_records%%';
    my $inner = 'internal; attest_ohttp_inner on;';

    $t->swtpm();
    Records::start($t);
    AttestTest::make_path($t->path('client'));
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    proxy_http_version 1.1;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/;
        }
        location = /v1/buffered {
            $inner
            proxy_max_temp_file_size 0;
            proxy_pass http://$to;
        }
        location = /v1/unbuffered {
            $inner
            proxy_buffering off;
            proxy_pass http://$to;
        }
        location = /v1/fastcgi {
            $inner
            fastcgi_max_temp_file_size 0;
            fastcgi_pass $to;
        }
        location = /v1/scgi {
            $inner
            scgi_max_temp_file_size 0;
            scgi_pass $to;
        }
    }
}
END
    $t->start();
    $list = unpack 'H*', $t->get($GATEWAY,
        headers => [ 'Accept: application/ohttp-keys' ])->{body};
}


# Some streams of one connection, each in the same steps.
sub window {
    my ($name, $location, $complete, $records, $method) = @_;
    my $in = $t->path('client/bodies.' . ++$n);
    my (@id, $bodies);

    for (1 .. $STREAMS) {
        my $file = "$in.$_";
        my $m = $ohttp->ask(op => 'seal', list => $list, form => 'chunked',
            out => $file, request => { path => "/v1/$location",
                method => $method // 'GET' });
        push @id, $m->{id};
        $bodies .= unpack('H*', AttestTest::read_file($file)) . "\n";
    }

    AttestTest::write_file($in, $bodies);
    Records::plan($t, records => $records, then => 'close');

    my $said = AttestTest::run_out([ PromptClient::python(),
        AttestTest::top() . '/t/lib/window_client.py', '127.0.0.1',
        $t->port('TLS'), $GATEWAY, 'message/ohttp-chunked-req', 9_000 ],
        stdin => $in, sec => 240);
    my @answers = map { eval { decode_json($_) } || {} } split /\n/, $said;

    subtest $name => sub {
        is(scalar @answers, $STREAMS, 'answers') or diag($said);

        for my $id (@id) {
            my $a = shift @answers;
            my $file = "$in.answer.$id";

            AttestTest::write_file($file, pack('H*', $a->{body} // ''));
            my $o = $ohttp->ask(op => 'open', id => $id, in => $file,
                to => "$file.to");
            is(!!$o->{complete}, !!$complete, $complete ? 'complete' : 'cut');
            is(!!$a->{ended}, !!$complete, 'and so it is outside');
            is($o->{error}, undef, 'it opens');
            ok(AttestTest::read_file("$file.to")
                eq ($method ? '' : $text), 'all that was said is there');
        }
    };
}
