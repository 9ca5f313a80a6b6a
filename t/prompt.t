# Encrypted prompts (EHBP): every row of the protocol's table of refusals,
# both directions on HTTP/1.1 and HTTP/2, replay, rotation, truncation, and
# that no plaintext gets where it must not.

use strict;
use warnings;

use Test::More;

use Digest::SHA qw(sha256_hex);
use FindBin;
use JSON::PP qw(encode_json);
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep);

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $KEY_ERROR = 'urn:ietf:params:ehbp:error:key-config';
my $URN = 'urn:ngx-attest:problem:';
my $CHAT = '/v1/chat/completions';
my $CANARY = $AttestTest::CANARY;

# Debug level: what nginx says there must not hold a prompt either.
my $t = AttestTest->new(log_level => 'debug', fresh_tpm => 0);

# A backend that dies, and files that hold no plaintext but are looked at.
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $client = PromptClient->new('ehbp_client.py');

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('www/file'), $t->path('client'));
AttestTest::write_file($t->path('www/file/there'), "a file\n");
AttestTest::write_file($t->path('www/page.html'), "the page\n");
$t->write_conf(config());
$t->start();

my $keys = keys_now();
my $n = 0;

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
test_streaming();
test_coalescing();
test_cut();
test_close_framing();
test_interim();
test_empty();
test_errors();
test_encoding();
test_cors();
test_body_variable();
test_buffering();
test_other_modules();
test_redirects();
test_pieces();
test_client_leaves();
test_counters();
test_conf();
test_rotation();
test_replay_kept();
test_slow_client();

$client->end();
AttestTest::done();


# ---- surroundings

sub config {
    my (%o) = @_;
    my $http = $o{http} // '';
    my $hints = AttestTest::hints_conf();

    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    log_format body '[\$request_body] \$status \$attest_prompt_protocol';
    attest_tpm %%TCTI%%;
    $hints
    $http
    limit_req_zone \$server_name zone=one:64k rate=1r/m;
    upstream twice { server %%BACKEND%%; server %%BACKEND%%; }
    gzip on;
    gzip_min_length 1;
    gzip_types *;
    underscores_in_headers on;
    client_body_buffer_size 16k;
    keepalive_requests 100000;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2 sndbuf=64k;
        server_name localhost;
        attest_certificate on;
        attest_prompt ehbp;
        proxy_http_version 1.1;
        proxy_buffering off;
        root %%DIR%%/www;
        location = /.well-known/hpke-keys {
            attest_keys;
            attest_prompt_cors https://app.example;
        }
        location = /attest-status { attest_status; }
        location / {
            proxy_pass http://%%BACKEND%%;
        }
        location /optional/ {
            attest_prompt_mode optional;
            proxy_pass http://%%BACKEND%%/;
        }
        location /off/ {
            attest_prompt_mode off;
            proxy_pass http://%%BACKEND%%/;
        }
        location /small/ {
            attest_prompt_max_size 1000;
            proxy_pass http://%%BACKEND%%/;
        }
        location /cors/ {
            attest_prompt_cors https://app.example https://b.example;
            proxy_pass http://%%BACKEND%%/;
        }
        location /any/ {
            attest_prompt_cors *;
            attest_prompt_mode optional;
            proxy_pass http://%%BACKEND%%/;
        }
        location /intercept/ {
            proxy_intercept_errors on;
            error_page 503 /page.html;
            proxy_pass http://%%BACKEND%%/;
        }
        location = /page.html { attest_prompt off; internal; }
        location /dead/ {
            proxy_pass http://127.0.0.1:%%PORT_OFF%%/;
        }
        location /body/ {
            access_log %%DIR%%/logs/body.log body;
            add_header X-Body "\$request_body" always;
            proxy_set_header X-Body "\$request_body";
            proxy_set_header X-Key "\$attest_prompt_key_id";
            proxy_pass http://%%BACKEND%%/;
        }
        location /buffered/ {
            proxy_buffering on;
            proxy_max_temp_file_size 0;
            proxy_pass http://%%BACKEND%%/;
        }
        location /soon/ {
            attest_prompt_coalesce 200ms;
            proxy_pass http://%%BACKEND%%/;
        }
        location /late/ {
            attest_prompt_coalesce 5s;
            proxy_pass http://%%BACKEND%%/;
        }
        location /soon-buffered/ {
            attest_prompt_coalesce 20ms;
            proxy_buffering on;
            proxy_max_temp_file_size 0;
            proxy_pass http://%%BACKEND%%/;
        }
        location /variable/ {
            set \$to %%BACKEND%%;
            proxy_buffering on;
            proxy_buffers 2 4k;
            proxy_busy_buffers_size 4k;
            rewrite ^/variable(/.*) \$1 break;
            proxy_pass http://\$to;
        }
        location /file/ {
            proxy_buffering on;
        }
        location /sub/ {
            sub_filter_types *;
            sub_filter_once off;
            sub_filter one two;
            add_header X-Added yes;
            proxy_pass http://%%BACKEND%%/;
        }
        location /add/ {
            add_after_body /page.html;
            addition_types *;
            proxy_pass http://%%BACKEND%%/;
        }
        location /auth/ {
            auth_request /authorize;
            proxy_pass http://%%BACKEND%%/;
        }
        location = /authorize {
            internal;
            attest_prompt off;
            proxy_method GET;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://%%BACKEND%%/health;
        }
        location /limited/ {
            limit_req zone=one;
            proxy_pass http://%%BACKEND%%/;
        }
        location /try/ {
            try_files /none \@behind;
        }
        location \@behind {
            rewrite ^/try(/.*) \$1 break;
            proxy_pass http://%%BACKEND%%;
        }
        location /retry/ {
            proxy_next_upstream error non_idempotent;
            proxy_pass http://twice/;
        }
        location /plain-first/ {
            attest_prompt_mode optional;
            try_files /none /echo;
        }
    }
}
END
}


sub keys_now {
    my $r = $t->get('/.well-known/hpke-keys');

    die "no key configuration: $r->{status}\n" if $r->{status} != 200;
    return unpack('H*', $r->{body});
}


# A sealed message: hash with enc, id, body.
sub seal {
    my (@frames) = @_;

    return seal_of(frames => [ map { $_ eq 'zero' ? $_ : unpack('H*', $_) }
        @frames ]);
}


sub seal_of {
    my (%o) = @_;

    my $out = $t->path('client/seal.' . ++$n);
    my $m = $client->ask(op => 'seal', keys => $keys, out => $out, %o);

    return { %$m, file => $out, body => AttestTest::read_file($out) };
}


# Sends a message and opens the answer: the response's hash with frames (of
# text), plain (all of it), marker, rest, error.  how: h1, chunked, h2.
sub send_to {
    my ($path, $m, %o) = @_;
    my $how = delete $o{how} || 'h1';
    my @headers = ("Ehbp-Encapsulated-Key: $m->{enc}",
        @{ delete $o{headers} || [] });

    push @headers, 'Transfer-Encoding: chunked' if $how eq 'chunked';

    my $r = $t->get($path, method => 'POST', body => $m->{body},
        headers => \@headers, http2 => $how eq 'h2', %o);

    return open_answer($m, $r);
}


sub open_answer {
    my ($m, $r) = @_;
    my $nonce = $r->{headers}{'ehbp-response-nonce'} or return $r;
    my $in = $t->path('client/answer.' . ++$n);

    AttestTest::write_file($in, $r->{body});
    return { %$r, %{ opened($m->{id}, $nonce, $in) } };
}


sub opened {
    my ($id, $nonce, $in) = @_;
    my $o = $client->ask(op => 'open', id => $id, nonce => $nonce, in => $in,
        plain => "$in.plain");

    $o->{plain} = AttestTest::read_file("$in.plain");

    my $pos = 0;
    $o->{frames} = [ map {
        $pos += $_;
        substr($o->{plain}, $pos - $_, $_)
    } @{ $o->{frames} } ];
    return $o;
}


# The answer is sealed, whole and proven to be.
sub sealed_ok {
    my ($r, $status, $name) = @_;

    subtest $name => sub {
        is($r->{status}, $status, 'status');
        is($r->{exit}, 0, 'curl is content') or diag($r->{text});
        like($r->{headers}{'ehbp-response-nonce'} // '',
            qr/^[0-9a-f]{64}$/, 'nonce') or diag($r->{body});
        is($r->{error}, undef, 'every frame opens');
        ok($r->{marker}, 'end marker');
        is($r->{after}, 0, 'nothing behind it');
        is($r->{rest}, 0, 'no bytes left');
        is($r->{headers}{'content-length'}, undef, 'no length');
        is($r->{headers}{'cache-control'}, 'no-store', 'no-store');
        is("@{ $r->{field}{incremental} || [] }", '?1',
            'not to be held back');
        is($r->{headers}{'content-encoding'}, undef, 'not compressed');
    };
}


# Refused in clear, by a problem document, and the backend never knew.
sub refused {
    my ($status, $type, $name, $code) = @_;
    my $before = length $t->backend_raw();
    my $r = $code->();

    subtest $name => sub {
        is($r->{status}, $status, 'status');
        is($r->{headers}{'ehbp-response-nonce'}, undef, 'not sealed');

        if (defined $type) {
            is($r->{headers}{'content-type'}, 'application/problem+json',
                'media type');
            is((AttestTest::json($r) || {})->{type}, $type, 'type');
        }

        is(length $t->backend_raw(), $before, 'backend not contacted');
    };

    return $r;
}


sub chat {
    my ($text, %o) = @_;

    return encode_json({ model => 'echo-1', %o,
        messages => [ { role => 'user', content => $text } ] });
}


sub echo_of {
    my ($r) = @_;
    my $doc = AttestTest::json({ body => $r->{plain} }) || {};

    $doc->{field} = { map { lc($_->[0]) => $_->[1] }
        @{ $doc->{headers} || [] } };
    return $doc;
}


sub status_of {
    my ($name) = @_;
    my $r = $t->get('/attest-status?format=prometheus');
    my ($sum, $seen) = (0, 0);

    for my $line (split /\n/, $r->{body}) {
        my ($metric, $value) =
            $line =~ /^ngx_attest_(\w+(?:\{[^}]*\})?) (\S+)/ or next;
        next if $metric !~ $name;
        $sum += $value;
        $seen++;
    }

    die "no counter $name in $r->{body}" if !$seen;
    return $sum;
}


# ---- what works

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


# ---- modes

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


# ---- refusals

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


# ---- streams

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


# ---- browsers

sub test_cors {
    my @ask = ('Access-Control-Request-Method: POST',
        'Access-Control-Request-Headers: content-type,x-stainless-os');

    for my $h2 (0, 1) {
        my $v = 'h' . ($h2 + 1);
        my $r = refused(204, undef, "preflight, $v", sub {
            $t->get('/cors/echo', method => 'OPTIONS', http2 => $h2,
                headers => [ 'Origin: https://app.example', @ask ]) });

        is($r->{headers}{'access-control-allow-origin'},
            'https://app.example', "its origin, $v");
        like($r->{headers}{'access-control-allow-headers'},
            qr/^Ehbp-Encapsulated-Key,\ Content-Type,\ Authorization\b.*
               x-stainless-os/x, "fields, $v");
        like($r->{headers}{'access-control-allow-methods'}, qr/\bPOST\b/,
            "methods, $v");
        is($r->{headers}{vary}, 'Origin', "Vary, $v");
        is($r->{body}, '', "no body, $v");
    }

    for my $origin ('https://evil.example', 'https://app.example.evil',
        'http://app.example', 'null')
    {
        my $r = $t->get('/cors/echo', method => 'OPTIONS',
            headers => [ "Origin: $origin", @ask ]);
        is($r->{headers}{'access-control-allow-origin'}, undef,
            "not for $origin");
    }

    my $forged = '/cors/echo?field=Access-Control-Allow-Origin:*';

    my $r = send_to($forged, seal('x'),
        headers => [ 'Origin: https://b.example' ]);
    sealed_ok($r, 200, 'from an allowed origin');
    is_deeply($r->{field}{'access-control-allow-origin'},
        [ 'https://b.example' ], 'ours, not the backend\'s');
    is($r->{headers}{'access-control-expose-headers'},
        'Ehbp-Response-Nonce, Ehbp-Encapsulated-Key, Content-Type',
        'exposed');
    ok((grep { $_ eq 'Origin' } @{ $r->{field}{vary} }), 'Vary');

    $r = send_to($forged, seal('x'),
        headers => [ 'Origin: https://evil.example' ]);
    is($r->{field}{'access-control-allow-origin'}, undef,
        'none for another origin');

    $r = $t->get('/cors/echo', method => 'POST', body => 'x',
        headers => [ 'Origin: https://app.example' ]);
    is($r->{status}, 400, 'a refusal');
    is($r->{headers}{'access-control-allow-origin'}, 'https://app.example',
        'can be read by the browser');
    like($r->{headers}{'access-control-expose-headers'} // '', qr/Nonce/,
        'too');

    $r = $t->get('/any/health', headers => [ 'Origin: https://x.example' ]);
    is($r->{headers}{'access-control-allow-origin'}, '*', 'any origin');

    $r = $t->get('/.well-known/hpke-keys',
        headers => [ 'Origin: https://app.example' ]);
    is($r->{headers}{'access-control-allow-origin'}, 'https://app.example',
        'the keys, too');

    $r = send_to('/echo', seal('x'),
        headers => [ 'Origin: https://app.example' ]);
    is($r->{headers}{'access-control-allow-origin'}, undef,
        'nothing by default');
}


# ---- plaintext stays here

sub test_body_variable {
    my $r = send_to('/body/request', seal("$CANARY variable"));

    sealed_ok($r, 200, 'a log format with the body');
    is(echo_of($r)->{field}{'x-body'}, undef, 'not in an upstream field');
    is(echo_of($r)->{field}{'x-key'} // '', hex(substr($keys, 0, 2)),
        'the key id is');
    is($r->{headers}{'x-body'}, undef, 'not in a response field');
    is(decode_base64(echo_of($r)->{body}), "$CANARY variable",
        'where it belongs');

    AttestTest::until_true(5, sub { -s $t->path('logs/body.log') });
    is(AttestTest::read_file($t->path('logs/body.log')),
        "[-] 200 ehbp\n", 'not in the log');
}


# Nothing of an answer in a file, whatever the configuration asks for.
sub test_buffering {
    for my $path ('/buffered', '/variable') {
        my $r = send_to("$path/echo", seal_of(size => 400_000));

        sealed_ok($r, 200, "$path");
        is(length $r->{plain}, 400_000, "$path: all of it");
    }

    unlike($t->error_log(), qr/upstream response is buffered to a temp/,
        'no temporary file');

    # the backend cannot ask for it either
    my $r = send_to('/echo?field=X-Accel-Buffering:yes',
        seal_of(size => 2_000_000));
    sealed_ok($r, 200, 'X-Accel-Buffering: yes');
    unlike($t->error_log(), qr/upstream response is buffered to a temp/,
        'no temporary file');
}


# ---- other modules, pieces

sub test_other_modules {
    my $r = send_to('/sub/echo', seal('one, one'));
    sealed_ok($r, 200, 'sub_filter');
    is($r->{plain}, 'two, two', 'works on the plaintext');
    is($r->{headers}{'x-added'}, 'yes', 'add_header');

    $r = send_to('/add/echo', seal("begin\n"));
    sealed_ok($r, 200, 'add_after_body');
    is($r->{plain}, "begin\nthe page\n", 'a subrequest is sealed, too');

    $r = send_to('/auth/echo', seal('who'));
    sealed_ok($r, 200, 'auth_request');
    is($r->{plain}, 'who', 'keeps the body');

    my $bytes = length $t->backend_raw();
    $r = send_to('/retry/echo?die_after=0', seal('x' x 30_000));
    sealed_ok($r, 502, 'two dead backends');
    is(() = substr($t->backend_raw(), $bytes) =~ /\r\n\r\nx{30000}/g, 2,
        'both got the prompt');

    # what limits requests comes before what reads them
    sealed_ok(send_to('/limited/echo', seal('first')), 200, 'limit_req');
    refused(503, undef, 'limit_req refuses in clear',
        sub { send_to('/limited/echo', seal('second')) });
}


sub test_redirects {
    my $r = send_to('/try/echo', seal('redirected'));
    sealed_ok($r, 200, 'try_files to a named location');
    is($r->{plain}, 'redirected', 'with the body');

    $r = send_to('/echo?field=X-Accel-Redirect:/page.html', seal('x'));
    sealed_ok($r, 200, 'X-Accel-Redirect');
    is($r->{plain}, "the page\n", 'its page');

    refused(400, $URN . 'encryption-required',
        'a plain request is redirected where that is not enough',
        sub { $t->get('/plain-first/echo', method => 'POST',
            body => 'x') });
}


sub test_pieces {
    my %to = (host => '127.0.0.1', port => $t->port('TLS') + 0,
        path => '/echo');

    for my $chunked (0, 1) {
        my $m = seal('byte', '', 'by', 'byte');
        my $r = $client->ask(%to, op => 'drip', id => $m->{id},
            in => $m->{file}, chunked => $chunked);
        my $o = opened($m->{id}, $r->{nonce}, $r->{out});

        is($o->{plain}, 'bytebybyte',
            'byte by byte' . ($chunked ? ', chunked' : ''));
    }

    my @m = map { seal("pipelined $_" x 100) } 1 .. 5;
    my $r = $client->ask(%to, op => 'pipeline', ids => [ map { $_->{id} } @m ],
        ins => [ map { $_->{file} } @m ]);

    for my $i (1 .. 5) {
        my $a = $r->{answers}[$i - 1];
        my $o = opened($m[$i - 1]{id}, $a->{nonce}, $a->{out});

        is($o->{plain}, "pipelined $i" x 100, "pipelined request $i");
    }
}


# A client that goes is not a backend that dies.
sub test_client_leaves {
    my %to = (host => '127.0.0.1', port => $t->port('TLS') + 0);
    my $cut = status_of(qr/cut/);
    my $m = seal(chat('leave', stream => JSON::PP::true));

    $client->ask(%to, op => 'leave', path => '/echo', id => $m->{id},
        in => $m->{file}, part => 10, linger => 0);
    $client->ask(%to, op => 'leave', path => "$CHAT?tokens=5&hang_after=3",
        id => $m->{id}, in => $m->{file}, part => length $m->{body},
        linger => 0.3);

    ok(AttestTest::until_true(10, sub {
        return grep { $_->{end} eq 'aborted' && $_->{tokens} == 3 }
            $t->backend_log() }), 'the backend hears of it');
    is(status_of(qr/cut/), $cut, 'and it is not counted');
}


sub test_counters {
    my %before = map { $_ => status_of($_) } counters();
    my $m = seal('abc', 'def');
    my @bad = (
        [ '/optional/health' ], [ '/health' ], [ '/echo', $m ],
        [ '/echo', { %$m, enc => '00' } ],
        [ '/echo', { %$m, enc => seal('x')->{enc} } ],
        [ '/small/echo', seal_of(size => 2000) ],
    );

    sealed_ok(send_to('/echo', $m), 200, 'one more prompt');
    $_->[1] ? send_to(@$_) : $t->get($_->[0]) for @bad;

    counted($_, $before{$_} + 1) for grep { !/chunks|bytes/ } counters();
    counted(qr/chunks/, $before{(grep { /chunks/ } counters())[0]} + 1);
    counted(qr/bytes/, $before{(grep { /bytes/ } counters())[0]} + 6);
}


sub counters {
    return (qr/^prompts_opened/, qr/^prompts_plain/, qr/"required"/,
        qr/"replay"/, qr/"malformed"/, qr/"key"/, qr/"size"/,
        qr/^chunks_sealed/, qr/^sealed_bytes/);
}


# A request is counted when it is over, which may be after its answer.
sub counted {
    my ($name, $want) = @_;
    my $got;

    AttestTest::until_true(5, sub {
        return ($got = status_of($name)) == $want });
    is($got, $want, "counted: $name");
}


# ---- configuration

sub test_conf {
    my $text = $t->{text};

    for my $case (
        [ 'proxy_buffering on;', qr/"proxy_buffering off" or/ ],
        [ 'proxy_http_version 1.0;', qr/"proxy_http_version 1.1" is needed/ ],
        [ 'proxy_store on;', qr/"proxy_store" cannot be used/ ],
        [ 'proxy_cache zone;', qr/"proxy_cache" cannot be used/ ],
        [ 'client_body_in_file_only on;',
          qr/"client_body_in_file_only" cannot be used/ ],
        [ 'client_body_in_file_only clean;',
          qr/"client_body_in_file_only" cannot be used/ ])
    {
        my ($directive, $message) = @$case;
        my ($ok, $out) = conf_with($directive);

        ok(!$ok, "refused: $directive");
        like($out, $message, 'says what');
        like($out, qr/\[emerg\].*"attest_prompt" in location "\/tested"/,
            'and where');
    }

    for my $directive ('', 'attest_prompt_mode off; proxy_http_version 1.0;',
        'proxy_buffering on; proxy_max_temp_file_size 0;')
    {
        my ($ok, $out) = conf_with($directive);
        ok($ok, "accepted: '$directive'") or diag($out);
    }

    $t->write_conf($text);
}


sub conf_with {
    my ($directive) = @_;
    my %own = map { /^(\w+)/ => 1 } split /;\s*/, $directive;
    my $rest = join ' ', grep { /^(\w+)/; !$own{$1} }
        'proxy_buffering off;', 'proxy_http_version 1.1;';

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    proxy_cache_path %%DIR%%/cache keys_zone=zone:1m;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        attest_certificate on;
        location /tested {
            attest_prompt ehbp;
            $directive
            $rest
            proxy_pass http://%%BACKEND%%;
        }
    }
}
END
    return $t->test_conf();
}


# ---- keys and the cache

# Keys live an hour and change after forty minutes: the one before is still
# good.
sub test_rotation {
    $t->stop();
    $t->fake_clock();
    $t->write_conf(config(http => 'attest_lifetime 1h;'));
    $t->start();

    my $old = $keys = keys_now();
    my @kept = map { seal("kept $_") } 0 .. 1;

    $t->pass_time(2450);
    ok(AttestTest::until_true(20, sub { keys_now() ne $old }),
        'the key changes');
    my $now = keys_now();

    my $r = send_to('/echo', $kept[0]);
    sealed_ok($r, 200, 'the previous key is accepted');
    is($r->{plain}, 'kept 0', 'and opens');

    refused(409, $URN . 'replay', 'under which nothing comes twice',
        sub { send_to('/echo', $kept[0]) });

    $keys = $now;
    sealed_ok(send_to('/echo', seal('new')), 200, 'so is the new one');

    $t->pass_time(1200);
    refused(422, $KEY_ERROR, 'an older one is not',
        sub { send_to('/echo', $kept[1]) });

    $keys = keys_now();
    sealed_ok(send_to('/echo', seal('refetched')), 200,
        'who fetches again is served');
}


# Across a reload; what happens when it is full is in t/replay.t.
sub test_replay_kept {
    $t->stop();
    $t->{log_level} = 'info';
    $t->write_conf(config(http => 'attest_replay 64k; attest_lifetime 1h;'));
    $t->start();
    $keys = keys_now();

    my $first = seal('first');
    sealed_ok(send_to('/echo', $first), 200, 'room for one');

    ok($t->reload(), 'reload');
    refused(409, $URN . 'replay', 'nothing was forgotten by it',
        sub { send_to('/echo', $first) });

    # another size would forget: it waits for a restart
    $t->write_conf(config(http => 'attest_replay 1m; attest_lifetime 1h;'));
    ok($t->reload(), 'reload with another size');
    like($t->error_log(), qr/"attest_replay" keeps its size of 65536 bytes/,
        'which is not taken');
    refused(422, $KEY_ERROR, 'a changed configuration has another key',
        sub { send_to('/echo', $first) });
}


# More than the sockets hold, for a client that does not read: the input must
# wait, not memory be taken for it, and all come out in order.
sub test_slow_client {
    my $size = 8 * 1024 * 1024;

    for my $path ('', '/buffered', '/variable', '/soon', '/soon-buffered') {
        $t->stop();
        $t->start();
        $keys = keys_now();

        my $peak = peak();
        my $m = seal(chat('much'));
        my $r = $client->ask(op => 'slow', host => '127.0.0.1',
            port => $t->port('TLS') + 0, path => "$path$CHAT?size=$size",
            id => $m->{id}, in => $m->{file}, wait => 0.7);

        is($r->{status}, 200, "slow client, '$path'");
        ok($r->{clean}, 'whole');

        my $o = opened($m->{id}, $r->{nonce}, $r->{out});
        like($o->{plain}, qr/"content": "x{63} /, 'the answer');
        cmp_ok($o->{plain} =~ tr/x//, '>', $size / 64 * 63, 'all of it');
        ok($o->{marker} && $o->{rest} == 0, 'and the end');

        cmp_ok(peak() - $peak, '<', 3072, 'not kept in memory')
            if !AttestTest::asan();
    }

    my $r = send_to("$CHAT?size=$size", seal(chat('much')), how => 'h2',
        curl => [ '--limit-rate', '12M' ]);
    sealed_ok($r, 200, 'slow client, HTTP/2');
    cmp_ok(length $r->{plain}, '>', $size, 'all bytes');
}


# The most memory that the worker ever had, in KiB.
sub peak {
    my ($pid) = $t->workers();
    my ($peak) = AttestTest::read_file("/proc/$pid/status")
        =~ /^VmHWM:\s+(\d+) kB/m;

    return $peak;
}
