# SPDX-License-Identifier: Apache-2.0

# A connection to a backend whose answer was not taken as it is, because it
# was an interim response, or replaced, is not used again: the next request on
# it, another client's, would get what was meant for the first.

use strict;
use warnings;

use Test::More;

use FindBin;
use IO::Socket::INET;

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Records;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';
my @FORMATS = qw(ehbp whole chunked);

my $t = AttestTest->new();
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $ehbp = PromptClient->new('ehbp_client.py');
my $ohttp = PromptClient->new('ohttp_client.py');
my ($keys, $list, $n) = (undef, undef, 0);

start();
test_used_again();
test_interim();
test_interim_orders();
test_replaced();
test_fastcgi();

$ehbp->end();
$ohttp->end();
AttestTest::done();


sub start {
    $t->swtpm();
    Records::start($t);
    AttestTest::make_path($t->path('client'));
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    upstream http { server 127.0.0.1:%%PORT_OFF_records%%; keepalive 8; }
    upstream fcgi { server 127.0.0.1:%%PORT_OFF_records%%; keepalive 8; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/;
        }
        location = /.well-known/hpke-keys { attest_keys; }
        location /e/ { attest_prompt ehbp; proxy_pass http://http; }
        location = /e/fastcgi {
            attest_prompt ehbp;
            fastcgi_keep_conn on;
            fastcgi_pass fcgi;
        }
        location /v1/ {
            internal;
            attest_ohttp_inner on;
            proxy_pass http://http;
        }
        location = /v1/fastcgi {
            internal;
            attest_ohttp_inner on;
            fastcgi_keep_conn on;
            fastcgi_pass fcgi;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        location / { proxy_pass http://http; }
    }
}
END
    $t->start();
    $keys = unpack 'H*', $t->get('/.well-known/hpke-keys')->{body};
    $list = unpack 'H*', $t->get($GATEWAY,
        headers => [ 'Accept: application/ohttp-keys' ])->{body};
}


# One request: {status, for, body, complete}; for is who it was meant for.
sub ask {
    my ($format, $method, $who, $path) = @_;

    return by_ehbp($method, $who, '/e/' . ($path // 'x'))
        if $format eq 'ehbp';
    return by_plain($method, $who) if $format eq 'plain';
    return by_ohttp($format, $method, $who, '/v1/' . ($path // 'x'));
}


# HTTP/2, where curl does not wait for what HEAD does not bring.
sub by_ehbp {
    my ($method, $who, $path) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $m = $ehbp->ask(op => 'seal', keys => $keys, out => $file,
        frames => [ unpack('H*', 'prompt') ]);
    my $r = $t->get($path, http2 => 1,
        body => AttestTest::read_file($file), curl => [ '-X', $method ],
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}", "X-Who: $who" ]);
    my $nonce = $r->{headers}{'ehbp-response-nonce'}
        or return { status => $r->{status}, for => '', body => '' };

    AttestTest::write_file("$file.in", $r->{body});
    my $o = $ehbp->ask(op => 'open', id => $m->{id}, nonce => $nonce,
        in => "$file.in", plain => "$file.plain");
    return { status => $r->{status}, for => $r->{headers}{'x-for'} // '',
        complete => $o->{marker} || $method eq 'HEAD',
        body => AttestTest::read_file("$file.plain") };
}


sub by_ohttp {
    my ($form, $method, $who, $path) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $m = $ohttp->ask(op => 'seal', list => $list, form => $form,
        out => $file, request => { method => $method, path => $path,
            fields => [ [ 'x-who', $who ] ],
            content => unpack('H*', $method eq 'POST' ? 'prompt' : '') });
    my $type = $form eq 'chunked' ? 'chunked-req' : 'req';
    my $r = $t->get($GATEWAY, method => 'POST',
        headers => [ "Content-Type: message/ohttp-$type" ],
        body => AttestTest::read_file($file));

    AttestTest::write_file("$file.in", $r->{body});
    my $o = $ohttp->ask(op => 'open', id => $m->{id}, in => "$file.in");
    my %field = map { @$_ } @{ $o->{fields} };
    return { status => $o->{status}, for => $field{'x-for'} // '',
        complete => $o->{complete}, body => pack('H*', $o->{content} // '') };
}


# Not sealed, but of the same pool.  Reads as far as the first head, of which
# other clients think that another one follows.
sub by_plain {
    my ($method, $who) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('PLAIN')) or die "no connection: $!\n";
    my $text = '';

    print $s "$method / HTTP/1.1\r\nHost: x\r\nX-Who: $who\r\n\r\n";
    while ($text !~ /\r\n\r\n/) {
        sysread($s, $text, 4096, length $text) or last;
    }

    close $s;
    return { for => $text =~ /^X-For: (\w+)/m ? $1 : '' };
}


sub answer {
    my (%o) = @_;
    my $body = $o{head} ? '' : 'said';

    return "HTTP/1.1 200 OK\r\nX-For: %WHO%\r\nSet-Cookie: for=%WHO%\r\n"
        . "Content-Length: 4\r\n\r\n$body";
}


# Bob asks behind Alice, of a backend that still owes her an answer: he gets
# his, on a connection of his own.
sub bob {
    my ($format, $name) = @_;

    Records::plan($t, records => [ answer() ], then => 'keep');
    my ($alice) = reverse map { $_->{connection} } Records::asked($t);
    my $r = ask($format, 'GET', 'bob');
    my ($bob) = reverse map { $_->{connection} } Records::asked($t);

    is($r->{status}, 200, "$name: then Bob is answered");
    is($r->{for}, 'bob', "$name: what was meant for him");
    is($r->{body}, 'said', "$name: to the end");
    isnt($bob, $alice, "$name: on another connection");
    close_all();
}


# Leaves no connection in nginx' pool for what follows.
sub close_all {
    Records::plan($t, records => [ answer() ], then => 'close');
    ask('plain', 'GET', 'nobody');
}


sub test_used_again {
    for my $format (@FORMATS, 'plain') {
        for my $method (qw(GET HEAD)) {
            Records::plan($t, then => 'keep',
                records => [ answer(head => $method eq 'HEAD') ]);
            my $r = ask($format, $method, 'alice');
            is($r->{for}, 'alice', "$format, $method: answered");

            my $before = (Records::asked($t))[-1]{connection};
            ask($format, $method, 'alice');
            is((Records::asked($t))[-1]{connection}, $before,
                "$format, $method: a whole answer leaves its connection");
            close_all();
        }
    }
}


sub test_interim {
    my $next = 0;

    for my $format (@FORMATS, 'plain') {
        for my $method (qw(GET HEAD)) {
            for my $status (100, 102, 103) {
                for my $field ('', "Content-Length: 0\r\n") {
                    next if AttestTest::early_hints($status)
                        || $status == 100 && $field || $status == 102
                        && !$field;

                    my $name = "$format, $method, $status, "
                        . ($field ? 'with a length' : 'as it is');

                    Records::plan($t, then => 'late',
                        late => [ answer(head => $method eq 'HEAD') ],
                        records => [ "HTTP/1.1 $status Interim\r\n"
                            . "X-For: %WHO%\r\n$field\r\n" ]);
                    my $r = ask($format, $method, 'alice');

                    is($r->{status}, 502, "$name: replaced")
                        if $format ne 'plain';
                    bob($FORMATS[$next++ % 3], $name);
                }
            }
        }
    }
}


# A redirect would go around all that looks at answers.
sub test_interim_orders {
    for my $format (@FORMATS, 'plain') {
        my $name = "$format, HEAD, 102, with a redirect";

        Records::plan($t, then => 'late', late => [ answer(head => 1) ],
            records => [ "HTTP/1.1 102 Interim\r\nX-For: %WHO%\r\n"
                . "X-Accel-Redirect: /none\r\n\r\n" ]);
        my $r = ask($format, 'HEAD', 'alice');

        is($r->{status}, 502, "$name: replaced") if $format ne 'plain';
        bob($format eq 'plain' ? 'ehbp' : $format, $name);
    }
}


sub test_replaced {
    my %case = (
        'encoded' => "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
            . "Content-Length: 4\r\n\r\n",
        'another protocol' => "HTTP/1.1 101 Switching Protocols\r\n"
            . "Upgrade: other\r\nConnection: upgrade\r\n\r\n",
        'no status of HTTP' => "HTTP/1.1 999 Odd\r\n"
            . "Content-Length: 4\r\n\r\n",
        'a bad head' => "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
    );

    for my $name (sort keys %case) {
        for my $format (@FORMATS) {
            next if $name =~ /encoded/ && $format ne 'ehbp'
                || $name =~ /status/ && $format eq 'ehbp';

            for my $method (qw(GET HEAD)) {
                my $body = $method eq 'HEAD' ? '' : 'said';

                Records::plan($t, then => 'late', records =>
                    [ $case{$name} . $body ], late => [ answer() ]);
                my $r = ask($format, $method, 'alice');

                isnt($r->{status}, 200, "$name, $format, $method: refused");
                bob($format, "$name, $format, $method");
            }
        }
    }
}


# What ends all the same: nginx has read it to the end, and would use it.
sub test_fastcgi {
    my @whole = Records::of('fastcgi', length => 1);
    my @encoded = Records::fastcgi("Status: 200 OK\r\nContent-Encoding: br\r\n"
        . "\r\n", 'said');

    for my $format (@FORMATS) {
        Records::plan($t, then => 'keep', records => \@whole);
        ask($format, 'GET', 'alice', 'fastcgi');
        my $before = (Records::asked($t))[-1]{connection};

        ask($format, 'GET', 'alice', 'fastcgi');
        is((Records::asked($t))[-1]{connection}, $before,
            "FastCGI, $format: a whole answer leaves its connection");

        next if $format ne 'ehbp';

        Records::plan($t, then => 'keep', records => \@encoded);
        my $r = ask($format, 'GET', 'alice', 'fastcgi');
        is((Records::asked($t))[-1]{connection}, $before, 'the same');

        Records::plan($t, then => 'close', records => \@whole);
        $r = ask($format, 'GET', 'bob', 'fastcgi');
        is($r->{body}, 'aaaabbbb', "FastCGI, $format: Bob is answered");
        isnt((Records::asked($t))[-1]{connection}, $before,
            "FastCGI, $format: not behind a replaced answer");
    }
}
