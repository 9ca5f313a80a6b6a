# SPDX-License-Identifier: Apache-2.0

# Oblivious HTTP: every rule about the request inside, against a client that
# breaks it; what the backend gets to see, and responses of all kinds.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;
use OhttpTest;

OhttpTest::start();

test_targets();
test_hostile();
test_fields();
test_outside();
test_kinds();

OhttpTest::end();


sub test_targets {
    my @good = (
        [ 'api.test', '/v1/models' ], [ 'API.Test', '/v1/models' ],
        [ 'api.test:443', '/v1/models' ], [ 'other.test:8443', '/v1/models' ],
        [ 'other.test:8443', '/v1/models?x=1' ],
        [ 'narrow.test', '/v1/models' ], [ 'narrow.test', '/%761/models' ]);

    for (@good) {
        my ($authority, $path) = @$_;
        my $o = ask('whole', { authority => $authority, path => $path });
        sealed_ok($o, 200, "$authority $path");
    }

    my @bad = (
        [ 'api.test:8443', '/v1/models' ], [ 'evil.test', '/v1/models' ],
        [ 'api.test.evil', '/v1/models' ], [ 'xapi.test', '/v1/models' ],
        [ 'localhost', '/v1/models' ], [ 'other.test', '/v1/models' ],
        [ 'other.test:8443', '/v1/model' ],
        [ 'other.test:8443', '/v1/models2' ],
        [ 'other.test:8443', '/echo' ], [ 'narrow.test', '/v10' ],
        [ 'narrow.test', '/' ], [ 'narrow.test', '/V1/models' ]);

    for (@bad) {
        my ($authority, $path) = @$_;
        refused_inside(403, "$authority $path", sub {
            ask('chunked', { authority => $authority, path => $path });
        });
    }

    sealed_ok(ask('whole', { authority => '', path => '/v1/models',
        fields => [ [ 'host', 'api.test' ] ] }), 200, 'a Host instead');
    refused_inside(403, 'another Host instead', sub {
        ask('whole', { authority => '', path => '/v1/models',
            fields => [ [ 'host', 'evil.test' ] ] });
    });

    my $o = ask('whole', { path => '/hosts' });
    my $doc = doc_of($o);
    sealed_ok($o, 200, 'Host');
    is($doc->{field}{host}, 'api.test', '$host is the authority inside');
    is($doc->{field}{'x-http-host'}, 'api.test', '$http_host too');
    is($doc->{field}{'x-attest-protocol'}, 'ohttp', 'the protocol');
}


sub test_hostile {
    my $smuggle = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    my %q = (path => '/request');

    my @bad = (
        [ 400, 'no authority', { authority => '' } ],
        [ 400, 'two hosts', { authority => '',
            fields => [ [ 'host', 'api.test' ], [ 'host', 'api.test' ] ] } ],
        [ 400, 'another host', { fields => [ [ 'host', 'evil.test' ] ] } ],
        [ 400, 'userinfo', { authority => 'a@api.test' } ],
        [ 400, 'a path in the authority', { authority => 'api.test/x' } ],
        [ 400, 'CR LF in the authority',
            { authority => "api.test\r\nX: y" } ],
        [ 400, 'scheme', { scheme => 'ftp' } ],
        [ 400, 'CONNECT', { method => 'CONNECT' } ],
        [ 400, 'TRACE', { method => 'TRACE' } ],
        [ 405, 'an unknown method', { method => 'BREW' } ],
        [ 405, 'a method in lower case', { method => 'get' } ],
        [ 400, 'a blank in the method', { method => 'GET /x' } ],
        [ 400, 'CR LF in the method', { method => "GET\r\n" } ],
        [ 400, 'no method', { method => '' } ],
        [ 400, 'CR LF in the path',
            { path => "/request HTTP/1.1\r\nX: y\r\n\r\n" } ],
        [ 400, 'a blank in the path', { path => '/request x' } ],
        [ 400, 'NUL in the path', { path => "/request\0" } ],
        [ 400, '%00', { path => '/request%00' } ],
        [ 400, '%0d%0a', { path => '/request%0d%0a' } ],
        [ 400, '%2f', { path => '/a%2frequest' } ],
        [ 400, '..', { path => '/a/../request' } ],
        [ 400, '%2e%2e', { path => '/a/%2e%2e/request' } ],
        [ 400, '//', { path => '//request' } ],
        [ 400, '/./', { path => '/./request' } ],
        [ 400, 'a fragment', { path => '/request#x' } ],
        [ 400, 'an absolute path', { path => 'https://api.test/request' } ],
        [ 400, 'no path', { path => '' } ],
        [ 400, 'a star', { path => '*' } ],
        [ 400, 'CR LF in a value',
            { fields => [ [ 'x', "a\r\n\r\n$smuggle" ] ] } ],
        [ 400, 'LF in a value', { fields => [ [ 'x', "a\nb: c" ] ] } ],
        [ 400, 'CR in a value', { fields => [ [ 'x', "a\rb: c" ] ] } ],
        [ 400, 'NUL in a value', { fields => [ [ 'x', "a\0b" ] ] } ],
        [ 400, 'a blank before a value', { fields => [ [ 'x', ' a' ] ] } ],
        [ 400, 'a blank behind a value', { fields => [ [ 'x', "a\t" ] ] } ],
        [ 400, 'CR LF in a name',
            { fields => [ [ "x: y\r\nz", 'a' ] ] } ],
        [ 400, 'a colon in a name', { fields => [ [ 'x:', 'a' ] ] } ],
        [ 400, 'a blank in a name', { fields => [ [ 'x y', 'a' ] ] } ],
        [ 400, 'a pseudo-field', { fields => [ [ ':path', '/x' ] ] } ],
        [ 400, 'another', { fields => [ [ ':protocol', 'x' ] ] } ],
        [ 417, 'Expect', { fields => [ [ 'expect', '100-continue' ] ] } ],
        [ 400, 'a pseudo-field as a trailer',
            { trailers => [ [ ':status', '200' ] ] } ],
        [ 400, 'CR LF in a trailer',
            { trailers => [ [ 'x', "a\r\nb" ] ] } ],
        [ 413, 'too many fields',
            { fields => [ map { [ "x-$_", 'y' ] } 1 .. 129 ] } ],
        [ 413, 'too large a value', { fields => [ [ 'x', 'y' x 16385 ] ] } ],
        [ 413, 'too long a path', { path => '/' . 'x' x 8192 } ],
        [ 413, 'too long an authority', { authority => 'x' x 257 } ],
        [ 400, 'a response', { framing => 1 } ],
        [ 400, 'a response without length', { framing => 3 } ],
        [ 400, 'no framing', { framing => 4 } ],
    );

    for my $name (qw(authorization content-type content-length range
        if-match if-none-match if-modified-since date user-agent))
    {
        push @bad, [ 400, "two of $name",
            { fields => [ [ $name, '1' ], [ $name, '2' ] ] } ];
    }

    for (@bad) {
        my ($status, $name, $q) = @$_;
        for my $framing (exists $q->{framing} ? $q->{framing} : (0, 2)) {
            refused_inside($status, "$name, framing $framing", sub {
                ask($framing ? 'chunked' : 'whole',
                    { %q, %$q, framing => $framing });
            });
        }
    }

    # every cut of a message is refused, or means the same
    my $whole = "\0\3GET\5https\x08api.test\x08/request"
        . "\x06\1x\1y\1z\0" . "\0\0";

    for my $len (0 .. 26) {
        refused_inside(400, "the first $len bytes", sub {
            send_it(seal('whole', substr($whole, 0, $len)));
        }) if $len < 26;
    }

    refused_inside(400, 'padding that is not zero', sub {
        send_it(seal('whole', "\0\3GET\5https\x08api.test\x08/request"
            . "\0\0\0\0\0x"));
    });
    sealed_ok(send_it(seal('whole',
        "\0\3GET\5https\x08api.test\x08/request")), 200,
        'a message without its empty parts');
    sealed_ok(ask('whole', { %q, padding => 1000 }), 200, 'padding');

    unlike($t->backend_raw(), qr/smuggled/, 'nothing was smuggled');
}


# What reaches the backend, byte for byte.
sub test_fields {
    my $before = length $t->backend_raw();
    my $o = ask('chunked', { method => 'POST', path => '/request?q=%41&b',
        body => 'the body', fields => [
            [ 'Authorization', 'Bearer inner' ], [ 'X-Own', 'a' ],
            [ 'x-own', 'b' ], [ 'cookie', 'a=1' ], [ 'cookie', 'b=2' ],
            [ 'content-length', '3' ], [ 'transfer-encoding', 'chunked' ],
            [ 'connection', 'x-own' ], [ 'keep-alive', '1' ],
            [ 'te', 'trailers' ], [ 'trailer', 'x' ], [ 'upgrade', 'h2c' ],
            [ 'proxy-connection', 'close' ],
            [ 'proxy-authorization', 'Basic x' ],
            [ 'forwarded', 'for=1.2.3.4' ], [ 'x-forwarded-for', '1.2.3.4' ],
            [ 'x-forwarded-host', 'evil' ], [ 'x-real-ip', '1.2.3.4' ],
            [ 'x_real_ip', '1.2.3.5' ], [ 'cf-connecting-ip', '1.2.3.6' ],
            [ 'x-attest-verified', 'yes' ], [ 'x_attest_verified', 'yes' ],
            [ 'accept-encoding', 'gzip' ], [ 'range', 'bytes=0-1' ],
            [ 'if-range', '"x"' ], [ 'ehbp-encapsulated-key', '00' ],
            [ 'transfer_encoding', 'chunked' ], [ 'content_length', '1' ],
        ], trailers => [ [ 'x-trailer', 't' ] ] },
        headers => [ 'Authorization: Bearer outer', 'X-Outer: o',
            'Cookie: outer=1', 'X-Forwarded-For: 9.9.9.9',
            'User-Agent: outer-agent', 'Referer: https://outer/' ]);

    sealed_ok($o, 200, 'fields');

    my $raw = substr($t->backend_raw(), $before);
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    my ($line, @fields) = split /\r\n/, $head;

    is($line, 'POST /request?q=%41&b HTTP/1.1', 'request line');
    is($body, 'the body', 'the body and nothing behind it');
    # nginx's own, until it kept connections to backends by default
    @fields = grep { lc ne 'connection: close' } @fields;

    is(join("\n", sort map { lc } @fields), join("\n", sort(
        'host: ' . $t->expand('%%BACKEND%%'), 'content-length: 8',
        'authorization: bearer inner', 'x-own: a', 'x-own: b',
        'cookie: a=1; b=2')),
        'these fields and no others');

    $before = length $t->backend_raw();
    ask('whole', { path => '/request' });
    unlike(substr($t->backend_raw(), $before), qr/content-length|transfer/i,
        'a GET has no body');

    $before = length $t->backend_raw();
    ask('whole', { method => 'POST', path => '/request' });
    like(substr($t->backend_raw(), $before), qr/\r\ncontent-length: 0\r\n/i,
        'an empty POST says so');
}


sub test_outside {
    my $o = ask('chunked', { path => '/v1/models?field=X-Secret:'
        . 'inside&status=503' });

    sealed_ok($o, 503, 'the status of the backend is inside');
    is($o->{field}{'x-secret'}, 'inside', 'its fields too');
    is($o->{field}{connection}, undef, 'none of the connection');

    $o = ask('whole', { path => '/v1/301' });
    sealed_ok($o, 301, 'a redirect');
    like($o->{field}{location}, qr/elsewhere/, 'Location');

    $o = ask('whole', { path => '/v1/teapot' });
    sealed_ok($o, 418, 'large header');
    is($o->{field}{'x-long'}, 'long' x 1000, 'the field');
    is($o->{body}, 'teapot', 'the body');

    $o = ask('chunked', { path => '/v1/models?encoding=gzip' });
    sealed_ok($o, 200, 'a coded response');
    is($o->{field}{'content-encoding'}, 'gzip', 'its coding is inside');

    for my $form (@FORMS) {
        $o = ask($form, { path => '/v1/trailer' });
        sealed_ok($o, 200, "$form, trailer");
        is($o->{trailers}[0][0], 'x-trailer', "$form, it is inside");
    }

    sealed_ok(ask('whole', { path => '/dead' }), 502, 'no backend');
    sealed_ok(ask('chunked', { path => '/none' }), 404, 'no such path');
    $o = ask('chunked', { path => '/v1/error?status=503' });
    sealed_ok($o, 200, 'an error page');
    is($o->{body}, "public\n", 'it is sealed');
}


sub test_kinds {
    for my $form (@FORMS) {
        for my $http2 (0, 1) {
            my $name = $form . ($http2 ? ', h2' : ', h1');
            my $o;

            for my $path ('/v1/models', '/v1/static/there', '/public2') {
                my $status = $path eq '/public2' ? 404 : 200;
                $o = ask($form, { method => 'HEAD', path => $path },
                    http2 => $http2);
                sealed_ok($o, $status, "HEAD $path, $name");
                is($o->{body}, '', "no body, $name");
                ok($path =~ /public/ || $o->{field}{'content-length'} > 0,
                    "the length of one, $name");
            }

            $o = ask($form, { path => '/v1/204' }, http2 => $http2);
            sealed_ok($o, 204, "204, $name");
            is($o->{body}, '', "no body, $name");

            $o = ask($form, { path => '/v1/static/there' }, http2 => $http2);
            sealed_ok($o, 200, "a file, $name");
            is($o->{body}, "a file\n", "its text, $name");
            my $date = $o->{field}{'last-modified'};
            ok($date, "its date, $name");

            $o = ask($form, { path => '/v1/static/there',
                fields => [ [ 'if-modified-since', $date ] ] },
                http2 => $http2);
            sealed_ok($o, 304, "304, $name");
            is($o->{body}, '', "no body, $name");

            $o = ask($form, { path => '/v1/static/large' }, http2 => $http2);
            sealed_ok($o, 200, "a large file, $name");
            ok($o->{body} eq 'x' x 100_000, "its text, $name");

            $o = ask($form, { path => "$CHAT?size=0", body => chat('x') },
                http2 => $http2);
            sealed_ok($o, 200, "almost nothing, $name");

            $o = ask($form, { path => '/echo', method => 'POST' },
                http2 => $http2);
            sealed_ok($o, 200, "an empty body, $name");
            is($o->{body}, '', "which is empty, $name");

            my $r = $t->get('/attest-status', http2 => $http2);
            is($r->{status}, 200, "another request, $name");
        }
    }

    # two on one connection
    my @m = map { seal('chunked', $_) } { method => 'HEAD',
        path => '/v1/models' }, { path => '/v1/204' };
    my @files = map { $t->path("client/two.$_") } 0, 1;
    my $port = $t->port('TLS');
    my @cmd = map { ($_ ? '--next' : (), '-s', '-k', '--data-binary',
        "\@$m[$_]{file}", '-H', 'Content-Type: message/ohttp-chunked-req',
        '-o', $files[$_], '-w', '%{num_connects}',
        "https://localhost:$port$GATEWAY") } 0, 1;
    my $connects = AttestTest::run_out([ AttestTest::which('curl'), '-q',
        @cmd ]);
    is($connects, '10', 'the connection is kept');
    for (0, 1) {
        my $o = $client->ask(op => 'open', id => $m[$_]{id}, in => $files[$_]);
        ok($o->{complete}, "answer $_");
    }
}
