# SPDX-License-Identifier: Apache-2.0

# Requests in clear to a client's nginx, sealed on their way to a gateway of
# ours, in both formats: what the backend gets, and what the client gets back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use SealTest;
use Test::More;
use Time::HiRes qw(time);

SealTest::start(log_level => 'debug');

my %protocol = (ehbp => 'ehbp', ohttp => 'ohttp-chunked',
    auto => 'ohttp-chunked', whole => 'ohttp');

for my $form (qw(ehbp ohttp auto whole)) {
    test_echo($form);
    test_chat($form);
    test_large($form);
    test_errors($form);
}

test_head();
test_bodyless();
test_fields();
test_length();
test_trailers();
test_stream();
test_http2();
test_memory();
test_nothing_kept();

SealTest::end();


sub test_echo {
    my ($form) = @_;

    for my $n (1, 17, 4096, 70000) {
        my $text = substr("$CANARY $form " x 20000, 0, $n);
        my $r = ask("/$form/echo", body => $text);

        is($r->{status}, 200, "$form: $n bytes");
        ok($r->{body} eq $text, 'come back');
    }

    my ($line) = (split /\n/, AttestTest::read_file(
        $t->path('logs/seal.log')))[-1];
    is($line, "200 $protocol{$form} opened [-]", 'and are logged so');
}


sub test_chat {
    my ($form) = @_;
    my $r = ask("/$form$CHAT", body => chat("$CANARY one"));

    is($r->{status}, 200, "$form: an answer in one piece");
    is($r->{headers}{'content-type'}, 'application/json', 'its type');
    ok(AttestTest::json($r)->{choices}[0]{message}{content},
        'and its text');

    $r = ask("/$form$CHAT?tokens=40",
        body => chat("$CANARY streamed", stream => 1));
    is($r->{status}, 200, 'a stream');
    like($r->{headers}{'content-type'}, qr{^text/event-stream}, 'its type');
    like($r->{body}, qr/data: \[DONE\]\s*$/, 'its end');
    ok(length text_of($r) > 40, 'its tokens');
}


sub test_large {
    my ($form) = @_;
    my $text = "$CANARY 0123456789abcdef" x 80000;
    my $r = ask("/$form/echo", body => $text);

    is($r->{status}, 200, "$form: " . length($text) . ' bytes');
    ok($r->{body} eq $text, 'come back');

    $r = ask("/$form/echo", body => $text,
        headers => [ 'Transfer-Encoding: chunked' ]);
    ok($r->{body} eq $text, 'and so in chunks');

    $r = ask("/$form/echo", body => 'x' x (9 * 1024 * 1024));
    is($r->{status}, 413, 'more than there may be');
    is(AttestTest::json($r)->{error}{code}, "${URN}too-large",
        'as clients of models read it');
}


# The backend's own: sealed like all of its answers.
sub test_errors {
    my ($form) = @_;
    my $r = ask("/$form$CHAT?status=503", body => chat("$CANARY no"));

    is($r->{status}, 503, "$form: an error of the backend");
    is($r->{headers}{'attest-seal'}, undef, 'is authenticated');
}


sub test_head {
    my $r = ask('/ohttp/v1/models', method => 'HEAD');

    is($r->{status}, 200, 'HEAD inside');
    is($r->{exit}, 0, 'has no body that curl would wait for');
    is((ask('/ohttp/v1/models'))->{status}, 200, 'and a GET follows');
}


sub test_bodyless {
    my $r = ask('/ohttp/v1/models');

    is($r->{status}, 200, 'OHTTP: no body');
    is(AttestTest::json($r)->{object}, 'list', 'is sealed all the same');

    $r = ask('/ehbp/request');
    is($r->{status}, 200, 'EHBP: no body');
    is(AttestTest::json($r)->{method}, 'GET', 'goes by TLS alone');
}


sub test_fields {
    for my $form (qw(ehbp ohttp)) {
        my $r = ask("/$form/request?a=b%20c", body => 'the body',
            headers => [ 'Authorization: Bearer caller', 'X-Many: 1',
                'X-Many: 2', 'Ehbp-Encapsulated-Key: 00',
                'Content-Type: text/plain' ]);
        my $doc = AttestTest::json($r);
        my %h = map { lc $_->[0] => $_->[1] } @{ $doc->{headers} };

        is($doc->{target}, '/request?a=b%20c', "$form: the target");
        is($h{authorization}, 'Bearer caller', 'the credential');
        is(scalar(grep { lc $_->[0] eq 'x-many' } @{ $doc->{headers} }), 2,
            'fields that come twice');
        is($h{'ehbp-encapsulated-key'}, undef, 'none of the envelope');
        is($r->{headers}{'ehbp-response-nonce'}, undef, 'nor of the answer');
    }
}


sub test_length {
    my $r = ask("/ohttp$CHAT?size=300000", body => chat("$CANARY long"));

    cmp_ok(length $r->{body}, '>', 100000, 'an answer of known length');
    is($r->{headers}{'content-length'}, length $r->{body}, 'which is said');
}


# Inside, behind the answer: the client's nginx puts them where they belong, of
# an answer of known length as well.
sub test_trailers {
    my %body = ('trailer' => chat("$CANARY trailer", stream => 1),
        'trailer-known' => "$CANARY echo [DONE]");

    for my $form (qw(ohttp whole)) {
        for my $path (sort keys %body) {
            my ($head, $body) = map { $t->path("client/$path.$_") }
                qw(head body);

            AttestTest::run_out([ AttestTest::which('curl'), '-qs',
                '--noproxy', '*', '-H', 'TE: trailers', '-D', $head, '-o',
                $body, '-d', $body{$path}, '-H',
                'Content-Type: application/json', 'http://127.0.0.1:'
                . $t->port('PLAIN') . "/$form/v1/$path" ]);

            my ($first, $behind) = split /\r\n\r\n/,
                AttestTest::read_file($head), 2;

            like($first, qr{^HTTP/1.1 200 }, "$form, $path: an answer");
            like(AttestTest::read_file($body), qr/\[DONE\]\s*$/, 'is whole');
            unlike($first, qr/x-trailer/i, 'its head has no trailer');
            like($behind, qr/^X-Trailer: behind 200\r\n/mi,
                'the trailer has');
        }
    }
}


# The first token is there long before the last is made.
sub test_stream {
    for my $form (qw(ehbp ohttp)) {
        my $first;
        my $start = time;
        my $pid = open my $fh, '-|', 'curl', '-qsN', '--noproxy', '*',
            '-H', 'Content-Type: application/json',
            '-d', chat("$CANARY slow", stream => 1), 'http://127.0.0.1:'
            . $t->port('PLAIN') . "/$form$CHAT?tokens=10&delay=200";

        while (<$fh>) {
            $first //= time - $start if /content":"\S/;
        }
        close $fh;

        cmp_ok($first, '<', 1.5, "$form: nothing is held back");
        cmp_ok(time - $start, '>', 1.6, 'while the model goes on');
    }
}


sub test_http2 {
    for my $form (qw(ehbp ohttp)) {
        my $r = $t->get("/$form$CHAT", plain => 1, port => $t->port('H2'),
            method => 'POST', body => chat("$CANARY h2", stream => 1),
            curl => [ '--http2-prior-knowledge' ]);

        is($r->{status}, 200, "$form: a client of HTTP/2");
        like($r->{body}, qr/\[DONE\]/, 'has all of it');
    }
}


# All of it is given back: large prompts, one after the other.
sub test_memory {
    my $text = 'm' x (7 * 1024 * 1024);

    for my $i (1 .. 12) {
        my $r = ask('/ehbp/echo', body => $text);

        is($r->{status}, 200, "large prompt $i") or last;
    }
}


sub test_nothing_kept {
    unlike(AttestTest::read_file($t->path('logs/seal.log')), qr/$CANARY/,
        'no prompt in a log that asks for the body');
    unlike($t->error_log(), qr/$CANARY/, 'nor in a log for debugging');

    for my $file ($t->written_files()) {
        next if $file =~ m{/client/};
        unlike(AttestTest::read_file($file), qr/$CANARY/, "nor in $file");
    }
}
