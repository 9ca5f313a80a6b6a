# SPDX-License-Identifier: Apache-2.0

# Encrypted prompts (EHBP): both directions on HTTP/1.1 and HTTP/2, modes, and
# every row of the protocol's table of refusals.

use strict;
use warnings;

use Test::More;

use FindBin;
use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(decode_base64);

use lib "$FindBin::Bin/lib";
use AttestTest;
use EhbpTest;

EhbpTest::start();

test_round_trip();
test_frames();
test_headers_up();
test_headers_down();
test_required();
test_optional();
test_off();
test_key_field();
test_malformed();
test_sizes();
test_decryption();
test_replay();

EhbpTest::end();


sub test_round_trip {
    for my $how (qw(h1 chunked h2)) {
        my $text = chat("$CANARY by $how");
        my $r = send_to('/echo', seal($text), how => $how);

        sealed_ok($r, 200, "echo, $how");
        is($r->{plain}, $text, "the body came back, $how");
        is($r->{headers}{'content-type'}, 'application/json',
            "type stays, $how");
    }

    # no length in HTTP/2
    my $m = seal("no length $CANARY");
    open my $save, '<&', \*STDIN or die $!;
    open STDIN, '<', $m->{file} or die $!;
    my $r = open_answer($m, $t->get('/echo', http2 => 1,
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ],
        curl => [ '-X', 'POST', '-T', '-' ]));
    open STDIN, '<&', $save or die $!;
    sealed_ok($r, 200, 'HTTP/2 without content-length');
    is($r->{plain}, "no length $CANARY", 'the same');

    # upper case is as good
    $m = seal('upper');
    $m->{enc} = uc $m->{enc};
    is(send_to('/echo', $m)->{plain}, 'upper', 'upper-case key field');

    # one empty frame is the protected form of a request without content
    $r = send_to('/request', seal(''));
    sealed_ok($r, 200, 'one empty frame');
    is(echo_of($r)->{length}, 0, 'nothing for the backend');
    is(echo_of($r)->{field}{'content-length'}, '0', 'of length 0');
}


sub test_frames {
    my $r = send_to('/echo', seal('a', 'zero', '', 'bc', 'zero', 'd'));

    sealed_ok($r, 200, 'several frames');
    is($r->{plain}, 'abcd', 'in order');

    # memory, several buffers, temporary file
    for my $size (10_000, 20_000, 200_000, 3 * 1024 * 1024) {
        for my $how (qw(h1 chunked h2)) {
            $r = send_to('/request', seal_of(size => $size), how => $how);
            is(echo_of($r)->{sha256}, sha256_hex('x' x $size),
                "one frame of $size bytes, $how");
        }
    }

    $r = send_to('/echo', seal_of(size => 3 * 1024 * 1024));
    sealed_ok($r, 200, '3 MiB and back');
    is(length $r->{plain}, 3 * 1024 * 1024, 'its length');
    ok(!(grep { length > 16384 } @{ $r->{frames} }), 'frames to 16 KiB');

    $r = send_to('/request', seal(map { 'y' x 8192 } 1 .. 200));
    is(echo_of($r)->{sha256}, sha256_hex('y' x 1638400), 'many frames');
}


sub test_headers_up {
    my $text = 'fields';
    my $r = send_to('/request', seal($text), headers => [
        'Accept-Encoding: gzip', 'X-Attest-Protocol: forged',
        'x-ATTEST-other: forged', 'X_Attest_Third: forged',
        'X-Attested: stays', 'Authorization: Bearer stays' ]);
    my $doc = echo_of($r);

    is($doc->{field}{'content-length'}, length $text, 'length of plaintext');
    is($doc->{field}{authorization}, 'Bearer stays', 'others stay');
    is($doc->{field}{'x-attested'}, 'stays', 'even with a similar name');
    is($doc->{field}{$_}, undef, "no $_ for the backend")
        for qw(ehbp-encapsulated-key accept-encoding transfer-encoding
               x-attest-protocol x-attest-other x_attest_third);

    $r = send_to('/request', seal($text), how => 'chunked');
    $doc = echo_of($r);
    is($doc->{field}{'content-length'}, length $text, 'a length at last');
    is($doc->{field}{'transfer-encoding'}, undef, 'chunks are gone');
    is(scalar(grep { lc($_->[0]) eq 'content-length' }
        @{ $doc->{headers} }), 1, 'one length');

    # also where nothing is sealed
    $r = $t->get('/off/request', headers => [ 'X-Attest-A: forged',
        'Ehbp-Encapsulated-Key: what' ]);
    $r->{plain} = $r->{body};
    is(echo_of($r)->{field}{'x-attest-a'}, undef, 'off: stripped, too');
    is(echo_of($r)->{field}{'ehbp-encapsulated-key'}, 'what',
        'off: the key field is not ours');
}


sub test_headers_down {
    sealed_ok(send_to('/echo?field=Incremental:%3F0', seal('x')), 200,
        'a backend does not say how sealed frames travel');

    for my $field ('Ehbp-Response-Nonce:' . '0' x 64,
        'Ehbp-Encapsulated-Key:x', 'X-Attest-Root-Of-Trust:tee',
        'ETag:"abc"', 'Last-Modified:Mon, 01 Jan 2024 00:00:00 GMT',
        'Cache-Control:public', 'Content-MD5:abcd', 'Accept-Ranges:bytes')
    {
        my ($name, $value) = split /:/, $field, 2;
        my $uri = '/echo?field=' . escape("$name:$value");
        my $r = send_to($uri, seal('down'));
        my @got = @{ $r->{field}{lc $name} || [] };

        sealed_ok($r, 200, "backend's $name");
        ok(!(grep { $_ eq $value } @got), "$name is not passed on");
    }

    my $r = send_to('/echo?field=X-Other:stays', seal('down'));
    is($r->{headers}{'x-other'}, 'stays', 'others are');

    # in clear, nobody may make the client believe that it is sealed
    $r = $t->get('/optional/health?field=Ehbp-Response-Nonce:' . '0' x 64);
    is($r->{status}, 200, 'plain');
    is($r->{headers}{'ehbp-response-nonce'}, undef, 'no nonce of a backend');
}


sub escape {
    my ($s) = @_;

    $s =~ s/([^A-Za-z0-9.:-])/sprintf '%%%02X', ord $1/ge;
    return $s;
}


sub test_required {
    my $type = $URN . 'encryption-required';
    my $m = seal('unused');
    my $key = "Ehbp-Encapsulated-Key: $m->{enc}";

    for my $h2 (0, 1) {
        my $v = $h2 ? 'h2' : 'h1';
        my @o = (http2 => $h2);

        refused(400, $type, "GET, $v", sub { $t->get('/request', @o) });
        refused(400, undef, "HEAD, $v",
            sub { $t->get('/request', @o, method => 'HEAD') });
        refused(400, $type, "OPTIONS, $v",
            sub { $t->get('/request', @o, method => 'OPTIONS') });
        refused(400, $type, "POST in clear, $v",
            sub { $t->get('/echo', @o, method => 'POST', body => 'x') });
        refused(400, $type, "key without a body, $v",
            sub { $t->get('/request', @o, headers => [ $key ]) });
        refused(400, $type, "key with an empty body, $v",
            sub { $t->get('/echo', @o, method => 'POST', body => '',
                headers => [ $key ]) });
    }

    # a preflight, where no origin is configured, is one more plain request
    refused(400, $type, 'preflight without CORS', sub {
        $t->get('/echo', method => 'OPTIONS', headers => [
            'Origin: https://app.example',
            'Access-Control-Request-Method: POST' ]) });
}


sub test_optional {
    my $r = $t->get('/optional/echo', method => 'POST', body => 'clear',
        headers => [ 'Accept-Encoding: gzip', 'X-Attest-A: forged' ]);

    is($r->{status}, 200, 'optional: plain request');
    is($r->{headers}{'ehbp-response-nonce'}, undef, 'optional: plain answer');
    is($r->{headers}{'content-encoding'}, 'gzip', 'which may be compressed');

    my $m = seal('unused');
    $r = $t->get('/optional/request',
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ]);
    $r->{plain} = $r->{body};
    is($r->{status}, 200, 'optional: key without a body');
    is($r->{headers}{'ehbp-response-nonce'}, undef, 'is a plain request');
    is(echo_of($r)->{field}{'ehbp-encapsulated-key'}, undef,
        'whose key stays here');

    $r = send_to('/optional/echo', seal('sealed'));
    sealed_ok($r, 200, 'optional: sealed');
    is($r->{plain}, 'sealed', 'and back');

    refused(400, $URN . 'malformed', 'optional: bad key field', sub {
        $t->get('/optional/request',
            headers => [ 'Ehbp-Encapsulated-Key: 00' ]) });
    refused(400, $URN . 'malformed', 'optional: empty chunked body', sub {
        my $e = seal();
        send_to('/optional/echo', $e, how => 'chunked') });
}


sub test_off {
    my $m = seal('stays closed');
    my $r = send_to('/off/request', $m);

    $r->{plain} = $r->{body};
    is(decode_base64(echo_of($r)->{body}), $m->{body}, 'off: not opened');
}


sub test_key_field {
    my $m = seal('key');
    my $type = $URN . 'malformed';

    for my $bad ('00', 'x' x 64, substr($m->{enc}, 1), $m->{enc} . '0',
        $m->{enc} . ' ' . $m->{enc})
    {
        refused(400, $type, "key field of " . length($bad),
            sub { $t->get('/echo', method => 'POST', body => $m->{body},
                headers => [ "Ehbp-Encapsulated-Key: $bad" ]) });
    }

    for my $h2 (0, 1) {
        refused(400, $type, "given twice, h" . ($h2 + 1),
            sub { $t->get('/echo', method => 'POST', body => $m->{body},
                http2 => $h2, headers => [
                    ("Ehbp-Encapsulated-Key: $m->{enc}") x 2 ]) });
    }

    # low-order points, RFC 7748 section 6.1: the shared secret is zero
    for my $point ('00' x 32, '01' . '00' x 31,
        'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')
    {
        refused(400, $type, 'low-order point ' . substr($point, 0, 2),
            sub { send_to('/echo', { %$m, enc => $point }) });
    }
}


sub test_malformed {
    my $type = $URN . 'malformed';
    my $m = seal('ab');
    my $whole = $m->{body};

    # cut anywhere: a prefix or a frame is short
    for my $cut (1, 3, 4, 5, length($whole) - 1) {
        refused(400, $type, "cut after $cut bytes",
            sub { send_to('/echo', { %$m,
                body => substr($whole, 0, $cut) }) });
    }

    refused(400, $type, 'a byte too much',
        sub { send_to('/echo', { %$m, body => "$whole\0" }) });
    refused(400, $type, 'only LEN = 0 frames, h1',
        sub { send_to('/echo', seal('zero', 'zero')) });
    refused(400, $type, 'only LEN = 0 frames, chunked',
        sub { send_to('/echo', seal('zero'), how => 'chunked') });
    refused(400, $type, 'only LEN = 0 frames, h2',
        sub { send_to('/echo', seal('zero'), how => 'h2') });
    refused(400, $type, 'chunked and empty',
        sub { send_to('/echo', seal(), how => 'chunked') });
}


sub test_sizes {
    my $type = $URN . 'too-large';

    for my $how (qw(h1 chunked h2)) {
        for my $size (999, 1000) {
            my $r = send_to('/small/echo', seal_of(size => $size),
                how => $how);
            sealed_ok($r, 200, "$size of 1000, $how");
            is(length $r->{plain}, $size, "all of it, $how");
        }

        refused(413, $type, "1001 of 1000, $how", sub {
            send_to('/small/echo', seal_of(size => 1001), how => $how) });
        refused(413, $type, "two frames of 501, $how", sub {
            send_to('/small/echo', seal('x' x 501, 'x' x 501),
                how => $how) });
        refused(413, $type, "LEN 0xffffffff, $how", sub {
            my $m = seal('len');
            substr($m->{body}, 0, 4) = "\xff\xff\xff\xff";
            send_to('/echo', $m, how => $how) });
    }

    # known before, or seen while it comes: never read to its end
    my $m = seal('x');
    $m->{body} .= "\0" x 1_200_000;
    refused(413, $type, 'too large by its length',
        sub { send_to('/small/echo', $m) });
    refused(413, $type, 'too large as it comes',
        sub { send_to('/small/echo', $m, how => 'chunked') });
}


sub test_decryption {
    my @titles;

    for my $case (
        [ 'tag of the first frame', sub { substr($_[0], -1, 1) ^= "\1" },
          'one' ],
        [ 'byte of the first frame', sub { substr($_[0], 5, 1) ^= "\1" },
          'one' ],
        [ 'frames swapped', sub { my $l = length($_[0]) / 2;
            $_[0] = substr($_[0], $l) . substr($_[0], 0, $l) },
          'one', 'two' ],
        [ 'LEN 15', sub { $_[0] = "\0\0\0\x0f" . 'x' x 15 }, 'one' ],
        [ 'LEN 1', sub { $_[0] = "\0\0\0\1x" }, 'one' ])
    {
        my ($name, $spoil, @frames) = @$case;
        my $m = seal(@frames);

        $spoil->($m->{body});
        my $r = refused(422, $KEY_ERROR, $name,
            sub { send_to('/echo', $m) });
        push @titles, $r->{body};
    }

    my $other = seal('for another key');
    $other->{enc} = seal('x')->{enc};
    push @titles, refused(422, $KEY_ERROR, 'somebody else\'s enc',
        sub { send_to('/echo', $other) })->{body};

    is(scalar(grep { $_ ne $titles[0] } @titles), 0,
        'one answer for every cause');
    like($titles[0], qr/^.{50,2000}\n$/, 'and a short one');

    # another key would be of no use: the first frame was opened

    for my $case (
        [ 'tag of a later frame', sub { substr($_[0], -1, 1) ^= "\1" } ],
        [ 'a later frame twice', sub { $_[0] .= substr($_[0], -23) } ],
        [ 'LEN 1 behind a frame', sub { $_[0] .= "\0\0\0\1x" } ])
    {
        my ($name, $spoil) = @$case;
        my $m = seal('one', 'two');

        $spoil->($m->{body});
        refused(400, $URN . 'malformed', $name,
            sub { send_to('/echo', $m) });
    }
}


sub test_replay {
    my $m = seal('once');

    sealed_ok(send_to('/echo', $m), 200, 'the first time');

    for my $how (qw(h1 chunked h2)) {
        refused(409, $URN . 'replay', "again, $how",
            sub { send_to('/echo', $m, how => $how) });
    }

    refused(409, $URN . 'replay', 'on another path',
        sub { send_to('/optional/echo', $m) });

    ok($t->reload(), 'reload');
    refused(409, $URN . 'replay', 'after a reload',
        sub { send_to('/echo', $m) });

    # what was not opened is not remembered
    my $spoilt = seal('spoilt');
    my $good = $spoilt->{body};
    substr($spoilt->{body}, -1, 1) ^= "\1";
    refused(422, $KEY_ERROR, 'a forged message under a foreign enc',
        sub { send_to('/echo', $spoilt) });
    sealed_ok(send_to('/echo', { %$spoilt, body => $good }), 200,
        'does not take its place');
}
