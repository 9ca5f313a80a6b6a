# SPDX-License-Identifier: Apache-2.0

# Encrypted prompts (EHBP): browsers, no plaintext where it must not be, other
# modules, configurations, and keys that change.

use strict;
use warnings;

use Test::More;

use FindBin;
use MIME::Base64 qw(decode_base64);

use lib "$FindBin::Bin/lib";
use AttestTest;
use EhbpTest;

EhbpTest::start();

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

EhbpTest::end();


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
