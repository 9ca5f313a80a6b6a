# SPDX-License-Identifier: Apache-2.0

# Oblivious HTTP: streams in both directions, interim responses, padding.

use strict;
use warnings;

use Test::More;

use FindBin;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;
use OhttpTest;

OhttpTest::start();

test_streaming();
test_cut();
test_pieces();
test_uploads();
test_interim();
test_padding();
test_coalescing();

OhttpTest::end();


sub test_streaming {
    for my $http2 (0, 1) {
        my $name = $http2 ? 'h2' : 'h1';
        my $o = ask('chunked', { path => "$CHAT?tokens=10&delay=20",
            body => chat('x', stream => JSON::PP::true) }, http2 => $http2);

        sealed_ok($o, 200, "a stream, $name");
        is(tokens_of($o), 10, "all tokens, $name");
        cmp_ok(scalar @{ $o->{chunks} }, '>=', 11, "in chunks, $name");
        is($o->{field}{'content-type'}, 'text/event-stream',
            "type, $name");

        # the backend says three and then nothing: nothing is held back
        $o = ask('chunked', { path => "$CHAT?tokens=10&hang_after=3&delay=20",
            body => chat('x', stream => JSON::PP::true) }, http2 => $http2,
            sec => AttestTest::asan() ? 5 : 2);
        is($o->{outer}{exit}, 28, "the stream goes on, $name");
        is($o->{status}, 200, "status is there, $name");
        is(tokens_of($o), 3, "every token is there, $name");
        ok(!$o->{complete}, "and no end, $name");

        # only the head
        $o = ask('chunked', { path => "$CHAT?tokens=9&delay=60000",
            body => chat('x', stream => JSON::PP::true) }, http2 => $http2,
            sec => AttestTest::asan() ? 5 : 2);
        is($o->{status}, 200, "the head does not wait, $name");
    }

    my $o = ask('whole', { path => "$CHAT?tokens=10&delay=20",
        body => chat('x', stream => JSON::PP::true) });
    sealed_ok($o, 200, 'a stream in a whole response');
    is(tokens_of($o), 10, 'all tokens');

    for my $form (@FORMS) {
        $o = ask($form, { path => "/v1/buffered?size=300000",
            body => chat('x') });
        sealed_ok($o, 200, "$form, with proxy_buffering");
        cmp_ok(length $o->{body}, '>', 300_000, "$form, all of it");
    }
}


# A backend dies: the client must see that the answer is not whole.
sub test_cut {
    for my $form (@FORMS) {
        for my $http2 (0, 1) {
            my $name = $form . ($http2 ? ', h2' : ', h1');
            my $o = ask($form, { path => "$CHAT?tokens=10&die_after=3",
                body => chat('x', stream => JSON::PP::true) },
                http2 => $http2);

            isnt($o->{outer}{exit}, 0, "curl is not content, $name");
            ok(!$o->{complete}, "no end, $name");
            is(tokens_of($o), 3, "what was said, $name")
                if $form eq 'chunked';

            $o = ask($form, { path => "$CHAT?tokens=10&framing=close",
                body => chat('x', stream => JSON::PP::true) },
                http2 => $http2);
            isnt($o->{outer}{exit}, 0,
                "only the connection's end: not content, $name");
            ok(!$o->{complete}, "no end either, $name");
        }

        sealed_ok(ask($form, { path => "$CHAT?die_after=0",
            body => chat('x') }), 502, "dead before the head, $form");
    }
}


sub test_pieces {
    for my $form (@FORMS) {
        for my $chunked (JSON::PP::false, JSON::PP::true) {
            my $m = seal($form, { path => '/echo', body => 'drop by drop' },
                $form eq 'chunked' ? (pieces => [ 20, 20 ]) : ());
            my $r = $client->ask(op => 'drip', host => '127.0.0.1',
                port => $t->port('TLS'), path => $GATEWAY,
                type => type_of($form), in => $m->{file},
                chunked => $chunked);
            my $o = $client->ask(op => 'open', id => $m->{id}, in => $r->{out});

            ok($o->{complete}, "$form, byte by byte");
            is(pack('H*', $o->{content}), 'drop by drop', "$form, body");
        }
    }
}


# Opened as they arrive: one copy in memory, refused as soon as it is clear,
# and the backend hears of what is whole.
sub test_uploads {
    my $size = 8_000_000;
    my $body = join '', map { chr(97 + $_ % 26) } 0 .. $size / 100 - 1;
    $body = substr($body x 100, 0, $size);

    $t->stop();
    $t->start();
    $list = keys_now();
    sealed_ok(ask('whole', { path => '/v1/models' }), 200, 'a small one');

    my $rss = memory('VmRSS');

    for my $form (@FORMS) {
        for my $chunked (JSON::PP::false, JSON::PP::true) {
            my $name = "$form, " . ($chunked ? 'chunked' : 'with a length');
            my $m = seal($form, { path => '/echo', body => $body },
                pieces => [ (16384) x int($size / 16384) ]);
            my $len = length $m->{body};
            my $raw = length $t->backend_raw();
            my $hold = $t->path('client/hold');

            upload($m, chunked => $chunked, file => $hold,
                parts => [ 50, 4_000_000, $len - 5, $len ]);
            ok(AttestTest::until_true(20, sub { -e $hold }), "$name, sent");
            sleep 0.5;
            is(length $t->backend_raw(), $raw,
                "$name, the backend does not know before the end");
            cmp_ok(memory('VmRSS') - $rss, '<', 11_000,
                "$name, it is there once") if !AttestTest::asan();
            unlink $hold;

            my $o = uploaded($m);
            is($o->{status}, 200, "$name, status");
            ok($o->{complete} && $o->{body} eq $body, "$name, all of it");
        }

        my $o = send_it(seal($form, { path => '/echo', body => $body },
            pieces => [ (16384) x int($size / 16384) ]), http2 => 1);
        sealed_ok($o, 200, "$form, HTTP/2");
        ok($o->{body} eq $body, "$form, HTTP/2, all of it");

        $o = send_it(seal($form, { path => '/echo', body => $body }),
            http2 => 1, headers => [ 'Content-Length:' ]);
        sealed_ok($o, 200, "$form, HTTP/2 without a length");
        ok($o->{body} eq $body, "$form, HTTP/2 without a length, all of it");
    }

    cmp_ok(memory('VmHWM') - $rss, '<', 12_000, 'never twice')
        if !AttestTest::asan();
    unlike($t->error_log(), qr/buffered to a temporary file/,
        'nothing of it was in a file');

    # what is clear early is said early
    my $pieces = [ (16384) x int($size / 16384) ];

    for my $chunked (JSON::PP::false, JSON::PP::true) {
        my %bad = (
            'a bad chunk' => [ 422, $KEY_ERROR, sub { } ],
            'another key' => [ 400, $KEY_ERROR, sub {
                substr($_[0], 0, 1) ^= "\x55" } ],
            'a huge chunk' => [ 413, "${URN}too-large", sub {
                substr($_[0], 39, 4) = "\xff\xff\xff\xff" } ],
            'an empty chunk' => [ 422, $KEY_ERROR, sub {
                substr($_[0], 39, 4) = "\x40\x10\0\0" } ],
        );

        for my $name (sort keys %bad) {
            my ($status, $type, $damage) = @{ $bad{$name} };
            my $m = seal('chunked', { path => '/echo', body => $body },
                pieces => $pieces);
            my $raw = length $t->backend_raw();

            $name eq 'a bad chunk' ? substr($m->{body}, 100, 1) ^= "\1"
                : $damage->($m->{body});
            AttestTest::write_file($m->{file}, $m->{body});
            upload($m, chunked => $chunked, wait => 15_000,
                parts => [ 40_000, length $m->{body} ]);

            my $r = uploaded($m);
            is($r->{http}, $status, "$name, status");
            is($r->{sent}, 40_000, "$name, before the rest");
            like($r->{text}, qr/"type":"\Q$type\E"/, "$name, type");
            is(length $t->backend_raw(), $raw, "$name, no backend");
            like($r->{head}, qr/^connection: close/im,
                "$name, the connection is not for another");
        }

        my $m = seal('chunked', { path => '/echo', body => $body },
            pieces => $pieces);
        substr($m->{body}, 5_000_000, 1) ^= "\1";
        my $r = send_it($m, http2 => 1);
        is($r->{outer}{status}, 400, 'a bad chunk, HTTP/2');

        # it leaves, or it stops
        for my $form (@FORMS) {
            $m = seal($form, { path => '/echo', body => $body });
            upload($m, chunked => $chunked, leave => JSON::PP::true,
                parts => [ 3_000_000 ]);
            uploaded($m);

            $m = seal($form, { path => '/echo', body => $body });
            upload($m, chunked => $chunked, path => '/impatient',
                parts => [ 3_000_000 ]);
            my $before = time;
            is(uploaded($m)->{http}, 0, "$form, who stops is cut off");
            cmp_ok(time - $before, '<', 10, "$form, soon");
        }
    }

    # more than there may be, without having said so
    for my $form (@FORMS) {
        my $m = seal($form, { path => '/echo', body => 'z' x 300_000 });
        upload($m, chunked => JSON::PP::true, path => '/small',
            wait => 15_000, parts => [ 250_000, length $m->{body} ]);
        my $r = uploaded($m);
        is($r->{http}, 413, "$form, too large");
        cmp_ok($r->{sent}, '<=', 250_000, "$form, before its end");
    }

    ok(AttestTest::until_true(10, sub { memory('VmRSS') - $rss < 4000 }),
        'all memory is given back') if !AttestTest::asan();
    sealed_ok(ask('chunked', { path => '/v1/models' }), 200, 'and it goes on');
}


# Begins one; the answer is read by uploaded().
sub upload {
    my ($m, %o) = @_;

    $client->put(op => 'upload', host => '127.0.0.1',
        port => $t->port('TLS') + 0, path => $GATEWAY,
        type => type_of($m->{form}), in => $m->{file}, %o);
}


sub uploaded {
    my ($m) = @_;
    my $r = $client->get();
    my %r = (http => $r->{status}, sent => $r->{sent}, status => 0,
        head => $r->{head} // '',
        text => $r->{out} ? AttestTest::read_file($r->{out}) : '');

    return \%r if $r->{status} != 200;

    my $o = $client->ask(op => 'open', id => $m->{id}, in => $r->{out},
        to => "$r->{out}.to");
    return { %r, %$o, body => AttestTest::read_file("$r->{out}.to") };
}


# Of the only worker, in KiB.
sub memory {
    my ($what) = @_;
    my ($pid) = $t->workers();

    return (AttestTest::read_file("/proc/$pid/status")
        =~ /^$what:\s+(\d+) kB/m)[0];
}


# nginx takes the first 1xx of a backend for its answer: none of that goes on.
sub test_interim {
    for my $form (@FORMS) {
        for my $status (100, 102, 103, 199) {
            for my $path ($CHAT, '/v1/buffered') {
                for my $stream (0, 1) {
                    my $o = ask($form, { path => "$path?interim=$status",
                        body => chat('x', stream => $stream ? JSON::PP::true
                            : JSON::PP::false) });
                    my $name = "$form, $status, $path, $stream";

                    if (AttestTest::early_hints($status)) {
                        sealed_ok($o, 200, "$name: the answer behind it");

                    } else {
                        sealed_ok($o, 502, $name);
                        like($o->{body}, qr/an interim response/,
                            "$name, why");
                    }

                    unlike(join(' ', $o->{outer}{interim},
                            %{ $o->{field} }, $o->{body}),
                        qr/interim>|HTTP\S+ $status/, "$name, nothing of it");
                }
            }
        }

        my $o = ask($form, { path => "$CHAT?status=101", body => chat('x') });
        isnt($o->{status}, 101, "$form, protocols are not switched");
        ok(!$o->{complete} || $o->{status} == 502, "$form, nor is it said");
    }

    sealed_ok(ask('chunked', { path => '/v1/models' }), 200, 'afterwards');
}


# All lengths outside are multiples of one size, but for a head that is alone.
sub test_padding {
    for my $form (@FORMS) {
        for my $size (0, 1, 100, 500, 511, 512, 513, 16_000, 16_384, 60_000) {
            my $o = ask($form, { path => '/echo', method => 'POST',
                body => 'p' x $size }, path => '/padded');

            sealed_ok($o, 200, "$form, padded, $size");
            is(length $o->{body}, $size, "$form, padded, $size, body");
            is($o->{length} % 512, 0, "$form, padded, $size, length");
        }

        for my $q ({ method => 'HEAD', path => '/v1/models' },
            { path => '/v1/204' }, { path => '/v1/none' },
            { path => '/v1/trailer' }, { path => '/v1/teapot' },
            { path => '/v1/static/large' })
        {
            my $o = ask($form, $q, path => '/padded');
            sealed_ok($o, $o->{status}, "$form, $q->{path}");
            is($o->{length} % 512, 0, "$form, $q->{path}, length");
        }

        my $o = ask($form, { path => '/%' }, path => '/padded');
        is($o->{status}, 400, "$form, a refusal");
        is($o->{length} % 512, 0, "$form, a refusal, length");
    }

    # the words of an answer look alike
    for my $http2 (0, 1) {
        for my $path ('/padded', '/odd') {
            # several times what /odd waits for more
            my $delay = $path eq '/odd' ? 150 : 30;
            my $o = ask('chunked', { path => "$CHAT?tokens=10&delay=$delay",
                body => chat('x', stream => JSON::PP::true) },
                path => $path, http2 => $http2);
            my $size = $path eq '/odd' ? 1000 : 512;
            my ($head, @rest) = @{ $o->{chunks} };
            my $last = pop @rest;

            sealed_ok($o, 200, "a stream to $path");
            is(tokens_of($o), 10, "all tokens, $path");
            # "data: [DONE]" cannot be stretched that far
            is(scalar(grep { $_ % $size && $_ != 9 * 14 } @rest), 0,
                "multiples, $path") or diag("@rest");
            cmp_ok(scalar @rest, '>=', $size == 512 ? 10 : 2,
                "many of them, $path");
            is($o->{length} % $size, 0, "and all together, $path");
        }
    }

    for my $pad (16, 17, 16_384) {
        my $conf = config();
        $conf =~ s/attest_ohttp_pad 512;/attest_ohttp_pad $pad;/;
        $t->write_conf($conf);
        $t->reload();
        $list = keys_now();

        for my $form (@FORMS) {
            for my $size (0, 1, 15, 16, 100, 16_383, 50_000) {
                my $o = ask($form, { path => '/echo', method => 'POST',
                    body => 'q' x $size }, path => '/padded');
                ok($o->{complete} && $o->{ended} && !$o->{error}
                    && length $o->{body} == $size && $o->{length} % $pad == 0,
                    "$form, to $pad, $size bytes") or diag($o->{length});
            }
        }

        # a large head goes in several pieces
        my $o = ask('chunked', { path => '/v1/teapot' }, path => '/padded');
        sealed_ok($o, 418, "a head to $pad");
        is($o->{field}{'x-long'}, 'long' x 1000, "its field, $pad");
    }

    $t->write_conf(config());
    $t->reload();
    $list = keys_now();
}


# Tokens wait for each other, never longer, and none is lost.
sub test_coalescing {
    my %to = (path => '/soon');
    my $chat = sub {
        my ($how) = @_;
        return { path => "$CHAT?$how",
            body => chat('x', stream => JSON::PP::true) };
    };

    for my $form (@FORMS) {
        for my $http2 (0, 1) {
            my $name = $form . ($http2 ? ', h2' : ', h1');
            my %to = (path => '/soon', http2 => $http2);

            my $o = ask($form, $chat->('tokens=20&delay=40'), %to);
            sealed_ok($o, 200, "coalesced, $name");
            is(tokens_of($o), 20, "all tokens, $name");

            if ($form eq 'chunked') {
                my $chunks = @{ $o->{chunks} };
                cmp_ok($chunks, '<=', 10, "in few chunks, $name");
                cmp_ok($chunks, '>=', 4, "as their time comes, $name");
            }

            # the end does not wait
            my $before = time;
            $o = ask($form, $chat->('tokens=5'), %to, path => '/slow');
            sealed_ok($o, 200, "a long time, $name");
            is(tokens_of($o), 5, "all tokens of it, $name");
            cmp_ok(time - $before, '<', 4, "the end is at once, $name");

            # the backend dies, or just ends: what it said is passed on
            for my $how ('die_after=3', 'framing=close') {
                $before = time;
                $o = ask($form, $chat->("tokens=5&$how"), %to,
                    path => '/slow');
                ok(!$o->{complete}, "$how, $name: no end");
                isnt($o->{outer}{exit}, 0, "$how, $name: not content");
                is(tokens_of($o), $how =~ /die/ ? 3 : 5,
                    "$how, $name: what was said") if $form eq 'chunked';
                cmp_ok(time - $before, '<', 4, "$how, $name: at once");
            }

            next if $form ne 'chunked';

            # it says three, and nothing more: they come when it is time
            $o = ask($form, $chat->('tokens=9&hang_after=3'), %to,
                sec => AttestTest::asan() ? 5 : 2);
            is(tokens_of($o), 3, "what waits comes in time, $name");
            ok(!$o->{complete}, "without an end, $name");

            # the client leaves while something waits
            $o = ask($form, $chat->('tokens=9&hang_after=3'), %to,
                path => '/slow', sec => 3);
            is(tokens_of($o), 0, "what waits is not said, $name");
        }

        my $o = ask($form, { path => '/v1/buffered?size=300000',
            body => chat('x') }, %to);
        sealed_ok($o, 200, "$form, a large one");
        cmp_ok(length $o->{body}, '>', 300_000, "$form, all of it");

        $o = ask($form, { path => '/echo', body => 'c' x 2_000_000 }, %to);
        sealed_ok($o, 200, "$form, a larger one");
        ok($o->{body} eq 'c' x 2_000_000, "$form, all of that");
    }

    # when the time of those who left comes, they are gone
    sleep 5;
    is($t->get('/attest-status')->{status}, 200, 'the worker is well');
}
