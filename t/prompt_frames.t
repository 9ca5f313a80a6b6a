# SPDX-License-Identifier: Apache-2.0

# Encrypted prompts (EHBP): streams, frames, truncation, interim responses,
# and errors of backends.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;
use EhbpTest;

EhbpTest::start();

test_streaming();
test_coalescing();
test_cut();
test_close_framing();
test_interim();
test_empty();
test_errors();
test_encoding();

EhbpTest::end();


sub test_streaming {
    for my $how (qw(h1 chunked h2)) {
        my $r = send_to("$CHAT?tokens=20&delay=2",
            seal(chat('count', stream => JSON::PP::true)), how => $how);
        my @events = grep { length } @{ $r->{frames} };

        sealed_ok($r, 200, "stream, $how");

        # the role, 20 tokens, the end, [DONE]: nothing waits for more
        is(scalar @events, 23, "a frame for each event, $how");
        ok(!(grep { !/^data: .*\n\n$/s } @events),
            "each of them whole, $how");
    }

    # events that come at once still leave the gateway apart
    my $r = send_to("$CHAT?tokens=200",
        seal(chat('fast', stream => JSON::PP::true)));
    sealed_ok($r, 200, 'a fast stream');
    is(() = $r->{plain} =~ /^data: /mg, 203, 'all events');
}


# Events wait for each other, never longer, and none is lost.
sub test_coalescing {
    for my $how (qw(h1 h2)) {
        my $m = sub { seal(chat($_[0], stream => JSON::PP::true)) };
        my $r = send_to("/soon$CHAT?tokens=20&delay=40", $m->('few'),
            how => $how);
        my @events = grep { length } @{ $r->{frames} };

        sealed_ok($r, 200, "coalesced, $how");
        is(() = $r->{plain} =~ /^data: /mg, 23, "all events, $how");
        cmp_ok(scalar @events, '<=', 10, "in few frames, $how");
        cmp_ok(scalar @events, '>=', 4, "as their time comes, $how");

        my $before = time;
        $r = send_to("/late$CHAT?tokens=9", $m->('end'), how => $how);
        sealed_ok($r, 200, "the end, $how");
        is(() = $r->{plain} =~ /^data: /mg, 12, "all of them, $how");

        for my $end ('die_after=2', 'framing=close') {
            $r = send_to("/late$CHAT?tokens=3&$end", $m->('dies'),
                how => $how);
            ok(!$r->{marker}, "$end, $how: no marker");
            is($r->{error}, undef, "$end, $how: what came is good");
            like($r->{plain}, $end =~ /die/ ? qr/token-1/ : qr/DONE/,
                "$end, $how: all that was said");
        }

        cmp_ok(time - $before, '<', 4, "none of them waited, $how");
    }

    # they leave while something waits, and its time comes
    for my $path ('/soon', '/late') {
        my $m = seal(chat('leave', stream => JSON::PP::true));
        $client->ask(op => 'leave', host => '127.0.0.1',
            port => $t->port('TLS') + 0, part => length $m->{body},
            path => "$path$CHAT?tokens=9&hang_after=3", id => $m->{id},
            in => $m->{file}, linger => 0.15);
    }

    sealed_ok(send_to('/soon/echo', seal('x' x 100_000)), 200, 'a large one');
}


sub test_cut {
    my $before = status_of(qr/cut/);
    my $cut = 0;

    for my $how (qw(h1 chunked h2)) {
        my $r = send_to("$CHAT?tokens=3&die_after=1",
            seal(chat('dies', stream => JSON::PP::true)), how => $how);
        my $want = $how eq 'h2' ? 92 : 18;

        is($r->{status}, 200, "dead backend, $how: it had begun");
        is($r->{exit}, $want, "curl sees the cut, $how");
        ok(!$r->{marker}, "no end marker, $how");
        is($r->{error}, undef, "what came is good, $how");
        like($r->{plain}, qr/token-0/, "and is there, $how");
        unlike($r->{plain}, qr/DONE/, "but not all, $how");
        $cut++;
    }

    counted(qr/cut/, $before + $cut);

    # before the head: an error, sealed and complete
    my $r = send_to("$CHAT?die_after=0", seal(chat('dies')));
    sealed_ok($r, 502, 'backend dies before its head');
    sealed_ok(send_to('/dead/echo', seal('x')), 502, 'no backend');
}


# Only the end of the connection ends it: a death looks the same.
sub test_close_framing {
    my $before = status_of(qr/cut/);

    for my $how (qw(h1 h2)) {
        my $r = send_to("$CHAT?framing=close&tokens=3",
            seal(chat('ends', stream => JSON::PP::true)), how => $how);

        isnt($r->{exit}, 0, "unproven end is a cut, $how");
        ok(!$r->{marker}, "no end marker, $how");
        like($r->{plain}, qr/DONE/, "though all is there, $how");
    }

    counted(qr/cut/, $before + 2);
    like($t->error_log(), qr/\[warn\].*attest: nothing but the end of the/,
        'and said');

    my $r = send_to('/echo?framing=length', seal('proven'));
    sealed_ok($r, 200, 'a length proves the end');
}


# nginx takes the first 1xx of a backend for its answer: none of that goes on.
sub test_interim {
    for my $how (qw(h1 h2)) {
        for my $status (100, 103) {
            for my $path ('', '/buffered', '/soon') {
                my $r = send_to("$path$CHAT?interim=$status", seal(chat('x')),
                    how => $how);

                unlike($r->{interim}, qr/interim>|^HTTP\S+ $status/m,
                    "$status, $how, '$path': nothing of it");

                if (AttestTest::early_hints($status)) {
                    sealed_ok($r, 200, "$how, '$path': what follows 103");
                    next;
                }

                sealed_ok($r, 502, "$status, $how, '$path'");
                like($r->{plain}, qr/^\{.*an interim response.*\}\n$/,
                    'and why');
            }
        }

        sealed_ok(send_to('/echo', seal('x')), 200, "afterwards, $how");
    }
}


sub test_empty {
    for my $how (qw(h1 h2)) {
        my $r = send_to('/echo', seal(''), how => $how);

        sealed_ok($r, 200, "empty answer, $how");
        is(scalar @{ $r->{frames} }, 1, "the end marker alone, $how");
        is(length $r->{body}, 20, "20 bytes, $how");
    }

    for my $how (qw(h1 h2)) {
        my $m = seal('head');
        my $r = $t->get('/request', http2 => $how eq 'h2',
            headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ],
            curl => [ '--request', 'HEAD', '--head', '--data-binary',
                      "\@$m->{file}" ]);

        # curl refuses both options together: a raw request instead
        $r = raw_head($m) if $r->{exit} == 2;
        is($r->{status}, 200, "HEAD, $how");
        like($r->{headers}{'ehbp-response-nonce'} // '', qr/^\w{64}$/,
            "HEAD: nonce, $how");
        is($r->{headers}{'content-length'}, undef, "HEAD: no length, $how");
        is($r->{body}, '', "HEAD: nothing follows, $how");
    }

    for my $status (204, 304) {
        my $r = send_to("/echo?status=$status&framing=length", seal('x'));

        is($r->{status}, $status, "$status");
        like($r->{headers}{'ehbp-response-nonce'} // '', qr/^\w{64}$/,
            "$status: nonce");
        is($r->{body}, '', "$status: nothing follows");
        is($r->{exit}, 0, "$status: and that is clean");
    }
}


# HEAD with a body, which curl does not send.
sub raw_head {
    my ($m) = @_;
    my $in = $t->path('client/head.in');

    AttestTest::write_file($in, "HEAD /request HTTP/1.1\r\n"
        . "Host: localhost\r\nEhbp-Encapsulated-Key: $m->{enc}\r\n"
        . 'Content-Length: ' . length($m->{body}) . "\r\n"
        . "Connection: close\r\n\r\n" . $m->{body});

    my $out = AttestTest::run_out([ 'openssl', 's_client', '-quiet',
        '-ign_eof', '-connect', '127.0.0.1:' . $t->port('TLS'),
        '-servername', 'localhost' ], stdin => $in);

    my ($head, $body) = $out =~ /(HTTP.*?\r\n\r\n)(.*)/s;
    return AttestTest::parse_response($head // '', $body // '', 0, '');
}


sub test_errors {
    my $r = send_to('/echo?status=503', seal('sealed error'));
    sealed_ok($r, 503, 'an error of the backend');
    is($r->{plain}, 'sealed error', 'with its text');

    $r = send_to('/nothing-here', seal('x'));
    sealed_ok($r, 404, 'a 404 of the backend');

    $r = send_to('/intercept/echo?status=503', seal('x'));
    sealed_ok($r, 503, 'error_page');
    is($r->{plain}, "the page\n", 'its content');

    # the page of a backend that ended without proof is proven itself
    $r = send_to('/intercept/echo?status=503&framing=close', seal('x'));
    sealed_ok($r, 503, 'error_page instead of an unproven response');

    $r = send_to('/file/nothing', seal('x'));
    sealed_ok($r, 404, 'a 404 of nginx');
    $r = send_to('/file/there', seal('x'));
    sealed_ok($r, 405, 'a 405 of nginx');
    like($r->{plain}, qr/<html>/, 'its page');
}


sub test_encoding {
    for my $how (qw(h1 h2)) {
        my $r = send_to('/echo?encoding=gzip', seal("$CANARY encoded"),
            how => $how);

        sealed_ok($r, 502, "encoded by the backend, $how");
        is(AttestTest::json({ body => $r->{plain} })->{type},
            $URN . 'bad-backend', "our document, $how");
        unlike($r->{plain}, qr/encoded$/, "and not the answer, $how");
    }

    my $r = send_to("$CHAT?encoding=br&tokens=30&delay=1",
        seal(chat('x', stream => JSON::PP::true)));
    sealed_ok($r, 502, 'an encoded stream');

    $r = send_to('/echo?encoding=identity', seal('as it is'));
    sealed_ok($r, 200, 'identity is no encoding');
    is($r->{plain}, 'as it is', 'passes');
}


# A request is counted when it is over, which may be after its answer.
sub counted {
    my ($name, $want) = @_;
    my $got;

    AttestTest::until_true(5, sub {
        return ($got = status_of($name)) == $want });
    is($got, $want, "counted: $name");
}
