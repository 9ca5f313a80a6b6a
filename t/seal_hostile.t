# SPDX-License-Identifier: Apache-2.0

# Answers to sealed requests that somebody between has cut, changed, replaced
# or made up: none of them looks whole to the client, and errors are errors.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use SealTest;
use Test::More;

SealTest::start(server => sub { between_conf() });

my @forms = qw(ehbp ohttp whole);

plan_is({});
for my $form (@forms) {
    my $r = ask("/b-$form$CHAT", body => chat("$CANARY fine"));

    is($r->{status}, 200, "$form: through somebody who does nothing");
    ok(AttestTest::json($r)->{choices}, 'an answer');
}

test_cut($_) for @forms;
test_clean_cut($_) for @forms;
test_changed($_) for @forms;
test_http2_cut();
test_http10_cut();
test_chunkless_cut();
test_unsealed($_) for @forms;
test_errors($_) for @forms;
test_redirects();
test_orders();
test_nonce();
test_not_repeated();
test_no_room();

$t->allow(qr/the gateway's answer is refused|was not sealed/);
SealTest::end();


# A location for each form, behind the one in between.
sub between_conf {
    my $port = $t->port('BETWEEN');
    my $gateway = $g->port('TLS');

    $t->spawn('between', [ 'python3', "$FindBin::Bin/lib/seal_between.py",
        $port, $gateway, $t->path('plan.json'), $t->path('between.log') ]);
    AttestTest::wait_port($port);

    my $text = join '', map { SealTest::seal_conf("b-$_->[0]", $_->[1], '',
        "http://127.0.0.1:$port") } [ 'ehbp', 'ehbp' ], [ 'ohttp', 'ohttp' ],
        [ 'whole', 'ohttp form=whole' ];

    return "location = /local { return 200 local; } $text" . foreign_conf()
        . chunkless_conf($text);
}


# A gateway whose chunks are larger than ours.
sub foreign_conf {
    my ($port, $keys) = ($t->port('FOREIGN'), $t->path('foreign.bin'));

    $t->spawn('foreign', [ 'python3', "$FindBin::Bin/lib/ohttp_server.py",
        $port, $keys, 100, 40_000, 7000 ]);
    AttestTest::wait_port($port);

    return "location /foreign/ { attest_seal ohttp keys=$keys; "
        . "proxy_pass http://127.0.0.1:$port/; }";
}


# Answers that end with the connection, with TLS and without.
sub chunkless_conf {
    my ($text) = @_;
    my ($key, $cert) = map { $t->path($_) } qw(tls.key tls.pem);

    AttestTest::run_out([ AttestTest::which('openssl'), qw(req -x509 -newkey
        ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days
        2 -keyout), $key, '-out', $cert ]);

    return <<"END";
    }
    server {
        listen 127.0.0.1:%%PORT_ENDLESS%%;
        listen 127.0.0.1:%%PORT_CTLS%% ssl;
        ssl_certificate $cert;
        ssl_certificate_key $key;
        proxy_http_version 1.1;
        proxy_set_header Host inside.test;
        proxy_set_header Connection "";
        chunked_transfer_encoding off;
        $text
END
}


sub plan_is {
    my ($plan) = @_;

    AttestTest::write_file($t->path('plan.new'),
        JSON::PP->new->canonical->encode($plan));
    rename $t->path('plan.new'), $t->path('plan.json') or die "rename: $!\n";
}


# Nothing of it was passed on: an error of ours; else no end.
sub not_whole {
    my ($r, $what) = @_;

    if ($r->{status} == 502) {
        is(AttestTest::json($r)->{error}{code}, "${URN}answer-invalid",
            "$what: an error that says so");
    } else {
        isnt($r->{exit}, 0, "$what: the connection ends without an end");
    }
}


sub test_cut {
    my ($form) = @_;

    for my $n (0, 10, 40, 600, 2000, -1, -30) {
        plan_is({ cut => $n });
        not_whole(ask("/b-$form$CHAT?tokens=60",
            body => chat("$CANARY cut", stream => 1)), "$form, cut at $n");
    }
}


# The transport says that all is well.
sub test_clean_cut {
    my ($form) = @_;

    for my $n (0, 10, 40, 600, 2000, -1, -20) {
        plan_is({ cut => $n, end => 'clean' });
        not_whole(ask("/b-$form$CHAT?tokens=60",
            body => chat("$CANARY cut", stream => 1)),
            "$form, ends well at $n");
    }
}


sub test_changed {
    my ($form) = @_;

    for my $n (0, 5, 50, 700, 1900) {
        plan_is({ flip => $n });
        not_whole(ask("/b-$form$CHAT?tokens=60",
            body => chat("$CANARY changed", stream => 1)),
            "$form, another bit at $n");
    }
}


sub test_http2_cut {
    for my $form (qw(ehbp ohttp)) {
        plan_is({ cut => 2000, end => 'clean' });
        my $r = $t->get("/b-$form$CHAT?tokens=60", plain => 1,
            port => $t->port('H2'), method => 'POST',
            body => chat("$CANARY h2", stream => 1),
            curl => [ '--http2-prior-knowledge' ]);

        is($r->{exit}, 92, "$form: a reset of the stream in HTTP/2");
    }
}


# The end of the connection would be an end: it is a reset.
sub test_http10_cut {
    for my $form (qw(ehbp ohttp)) {
        plan_is({ cut => 2000, end => 'clean' });
        my $r = ask("/b-$form$CHAT?tokens=60", curl => [ '--http1.0' ],
            body => chat("$CANARY 1.0", stream => 1));

        is($r->{exit}, 56, "$form: a reset of the connection in HTTP/1.0");
    }
}


# Nor is one that TLS has said good-bye to.
sub test_chunkless_cut {
    for my $form (qw(ehbp ohttp)) {
        for my $port (qw(ENDLESS CTLS)) {
            my @how = (port => $t->port($port), plain => $port ne 'CTLS');

            plan_is({});
            my $r = ask("/b-$form$CHAT?tokens=60", @how,
                body => chat("$CANARY whole", stream => 1));
            is($r->{exit}, 0, "$form, no chunks, $port: whole");

            plan_is({ cut => 2000, end => 'clean' });
            $r = ask("/b-$form$CHAT?tokens=60", @how,
                body => chat("$CANARY endless", stream => 1));
            is($r->{exit}, 56, "$form, no chunks, $port: a reset");
        }
    }
}


sub test_unsealed {
    my ($form) = @_;

    for my $status (200, 201, 204, 302, 307) {
        plan_is({ status => $status, body => '{"choices":[]}',
            fields => [ [ 'Content-Type', 'application/json' ],
                [ 'Location', 'http://evil.example/' ] ] });
        my $r = ask("/b-$form$CHAT", body => chat("$CANARY unsealed"));

        is($r->{status}, 502, "$form: a $status that nobody sealed");
        is(AttestTest::json($r)->{error}{code}, "${URN}answer-unsealed",
            'is refused');
        is($r->{headers}{location}, undef, 'with all that it says');
    }
}


sub test_errors {
    my ($form) = @_;

    for my $status (400, 401, 422, 429, 503) {
        plan_is({ status => $status, body => "busy\n",
            fields => [ [ 'Content-Type', 'text/plain' ],
                [ 'Retry-After', '7' ], [ 'Set-Cookie', 'a=b' ] ] });
        my $r = ask("/b-$form$CHAT", body => chat("$CANARY error"));

        is($r->{status}, $status, "$form: a $status of somebody between");
        is($r->{body}, "busy\n", 'is passed on');
        is($r->{headers}{'retry-after'}, 7, 'with what it says');
        is($r->{headers}{'attest-seal'}, 'unauthenticated', 'as nobody\'s');
        is($r->{headers}{'set-cookie'}, undef, 'and without orders');
    }

    plan_is({ say => [ 'Attest-Seal', 'opened' ] });
    is(ask("/b-$form$CHAT", body => chat("$CANARY says"))
        ->{headers}{'attest-seal'}, undef, 'nobody else says that');
}


# In EHBP the status is outside.
sub test_redirects {
    for my $code (301, 307, 308) {
        plan_is({ code => $code, say => [ 'Location',
            'http://evil.example/' ] });
        my $r = ask("/b-ehbp$CHAT", body => chat("$CANARY elsewhere"));

        is($r->{status}, 502, "EHBP: a $code is refused");
        is($r->{headers}{location}, undef, 'and nobody goes there');
    }
}


# Fields by which backends tell nginx what to do.
sub test_orders {
    for my $form (@forms) {
        plan_is({ status => 200, body => 'x', fields => [
            [ 'X-Accel-Redirect', '/local' ] ] });
        my $r = ask("/b-$form$CHAT", body => chat("$CANARY order"));

        is($r->{status}, 502, "$form: a redirect inside nginx");
        is(AttestTest::json($r)->{error}{code}, "${URN}answer-unsealed",
            'is not followed');

        plan_is({ say => [ 'X-Accel-Buffering', 'yes' ] });
        is(ask("/b-$form$CHAT?tokens=2000",
            body => chat("$CANARY buffer", stream => 1))->{status}, 200,
            "$form: nor is buffering");
    }
}


sub test_nonce {
    plan_is({ drop => 'ehbp-response-nonce' });
    is(ask("/b-ehbp$CHAT", body => chat("$CANARY a"))->{status}, 502,
        'EHBP without a nonce');
    plan_is({ drop => 'ehbp-response-nonce',
        say => [ 'Ehbp-Response-Nonce', 'ab' x 31 ] });
    not_whole(ask("/b-ehbp$CHAT", body => chat("$CANARY b")), 'a short one');
    plan_is({ drop => 'ehbp-response-nonce',
        say => [ 'Ehbp-Response-Nonce', 'ab' x 32 ] });
    not_whole(ask("/b-ehbp$CHAT", body => chat("$CANARY c")), 'another one');
}


# Pinned keys are not asked for again: what refuses them is an error.
sub test_not_repeated {
    my $type = 'urn:ietf:params:ehbp:error:key-config';

    unlink $t->path('between.log');
    plan_is({ status => 422, body => "{\"type\":\"$type\"}",
        fields => [ [ 'Content-Type', 'application/problem+json' ] ] });
    my $r = ask("/b-ehbp$CHAT", body => chat("$CANARY again"));

    is($r->{status}, 422, 'keys that are refused');
    like($r->{body}, qr/key-config/, 'by their own document');
    is(scalar(split /\n/, AttestTest::read_file($t->path('between.log'))), 1,
        'and nothing is sent twice');
}


# A refusal inside, kept back to be read, behind which a chunk has no room.
sub test_no_room {
    my $r = ask('/foreign/echo', body => "$CANARY refused", sec => 20);

    is($r->{exit}, 0, 'a refusal and a chunk that has no room behind it');
    is($r->{status}, 400, 'is passed on');
    is(length $r->{body}, 47_100, 'all of it');
}
