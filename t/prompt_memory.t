# SPDX-License-Identifier: Apache-2.0

# The memory of encrypted prompts: in proportion to what has arrived, one
# mapping of each worker, 503 when it is used up, and given back as soon as
# the backend has the prompt.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(encode_json);

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $URN = 'urn:ngx-attest:problem:';
my $KEYS = '/.well-known/hpke-keys';
my $GATEWAY = '/.well-known/ohttp-gateway';
my $MIB = 1024 * 1024;

my $t = AttestTest->new(fresh_tpm => 0);

# A backend that dies.
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $ehbp = PromptClient->new('ehbp_client.py');
my $ohttp = PromptClient->new('ohttp_client.py');
my $stall = PromptClient->new('stall_client.py');

my ($n, %keys) = (0);

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('client'));

subtest 'proportion' => \&test_proportion;
subtest 'many streams' => \&test_streams;
subtest 'used up' => \&test_used_up;
subtest 'never enough' => \&test_never;
subtest 'the backend has it' => \&test_release;
subtest 'the answer has begun' => \&test_begun;
subtest 'again, to another' => \&test_again;
subtest 'reload' => \&test_reload;

$_->end() for $ehbp, $ohttp, $stall;
AttestTest::done();


sub begin {
    my ($memory) = @_;
    my $directive = $memory ? "attest_prompt_memory $memory;" : '';

    $t->stop() if $t->master();
    $t->write_conf(<<"END");
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $directive
    client_body_buffer_size 16k;
    client_body_timeout 600s;
    upstream twice { server 127.0.0.1:%%PORT_OFF%%; server %%BACKEND%%; }
    upstream dies {
        server %%BACKEND%%;
        keepalive 4;
    }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        proxy_http_version 1.1;
        proxy_buffering off;
        location = $KEYS { attest_keys; }
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/in/;
        }
        location = /attest-status { attest_status; }
        location /in/ {
            internal;
            client_max_body_size 9m;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/named/ {
            internal;
            attest_ohttp_inner on;
            client_max_body_size 9m;
            error_page 502 = \@other;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/asked/ {
            internal;
            attest_ohttp_inner on;
            client_max_body_size 9m;
            auth_request /authorize;
            proxy_pass http://%%BACKEND%%/;
        }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
        }
        location /named/ {
            attest_prompt ehbp;
            error_page 502 = \@other;
            proxy_pass http://%%BACKEND%%/;
        }
        location /asked/ {
            attest_prompt ehbp;
            auth_request /authorize;
            proxy_pass http://%%BACKEND%%/;
        }
        location = /authorize {
            internal;
            proxy_method GET;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://%%BACKEND%%/health;
        }
        location /twice/ {
            attest_prompt ehbp;
            proxy_pass http://twice/;
        }
        location /once-more/ {
            attest_prompt ehbp;
            proxy_next_upstream http_503 non_idempotent;
            proxy_pass http://twice/;
        }
        location /fallback/ {
            attest_prompt ehbp;
            error_page 502 = \@other;
            proxy_pass http://dies/;
        }
        location \@other {
            rewrite ^ /echo? break;
            proxy_pass http://%%BACKEND%%;
        }
        location /page/ {
            attest_prompt ehbp;
            error_page 502 = /page.html;
            proxy_pass http://dies/;
        }
        location = /page.html {
            internal;
            rewrite ^ /request? break;
            proxy_pass http://%%BACKEND%%;
        }
    }
}
END
    $t->start();
    fetch_keys();
}


sub fetch_keys {
    for my $path ($KEYS, $GATEWAY) {
        my $r = $t->get($path);
        die "no keys: $r->{status}\n" if $r->{status} != 200;
        $keys{$path eq $KEYS ? 'ehbp' : 'ohttp'} = unpack 'H*', $r->{body};
    }
}


sub memory { return AttestTest::json($t->get('/attest-status'))->{memory} }

sub counter {
    return AttestTest::json($t->get('/attest-status'))->{counters}{$_[0]};
}


# How many mappings the worker has.
sub mappings {
    my ($pid) = $t->workers();

    return scalar split /\n/, AttestTest::read_file("/proc/$pid/maps");
}


sub used_becomes {
    my ($name, $code) = @_;
    my $used;

    ok(AttestTest::until_true(60, sub {
        return $code->($used = memory()->{used});
    }), $name) or diag("used: $used");
    return $used;
}


sub stalled {
    my ($format, %o) = @_;

    return $stall->ask(op => 'stall', host => '127.0.0.1',
        port => $t->port('TLS'), keys => $keys{$format}, format => $format,
        path => $format eq 'ehbp' ? '/echo' : $GATEWAY, streams => 0,
        send => 84, announce => 160 * 1024, %o)->{sent};
}


sub leave {
    $stall->ask(op => 'leave');
    used_becomes('all of it is free again', sub { $_[0] == 0 });
}


# A sealed prompt of so many bytes to a path: arguments for curl, and more.
sub message {
    my ($format, $path, $size, $json) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $text = 'x' x $size;
    my $m;

    $text = "$json$text\"}" if defined $json;
    if ($format eq 'ehbp') {
        $m = $ehbp->ask(op => 'seal', keys => $keys{ehbp}, out => $file,
            frames => [ unpack 'H*', $text ]);
        $m->{headers} = [ "Ehbp-Encapsulated-Key: $m->{enc}",
            'Content-Type: application/json' ];
        $m->{path} = $path;
    } else {
        AttestTest::write_file("$file.content", $text);
        $m = $ohttp->ask(op => 'seal', list => $keys{ohttp}, form => 'whole',
            out => $file, request => { method => 'POST', scheme => 'https',
            authority => 'localhost', path => "/in$path",
            file => "$file.content" });
        $m->{headers} = [ 'Content-Type: message/ohttp-req' ];
        $m->{path} = $GATEWAY;
    }

    return { %$m, format => $format, file => $file };
}


sub post {
    my ($m, %o) = @_;

    return opened($m, $t->get($m->{path}, method => 'POST',
        body => AttestTest::read_file($m->{file}), headers => $m->{headers},
        %o));
}


# What is inside of an answer: inner status, and body.
sub opened {
    my ($m, $r) = @_;
    my $in = $t->path('client/answer.' . ++$n);

    AttestTest::write_file($in, $r->{body});
    $r->{inner} = $r->{status};

    if (my $nonce = $r->{headers}{'ehbp-response-nonce'}) {
        my $o = $ehbp->ask(op => 'open', id => $m->{id}, nonce => $nonce,
            in => $in, plain => "$in.plain");
        $r->{plain} = AttestTest::read_file("$in.plain");
        $r->{whole} = $o->{marker} && !defined $o->{error};

    } elsif (($r->{headers}{'content-type'} // '') eq 'message/ohttp-res') {
        my $o = $ohttp->ask(op => 'open', id => $m->{id}, in => $in);
        $r->{inner} = $o->{status};
        $r->{plain} = pack 'H*', $o->{content} // '';
        $r->{whole} = $o->{complete};
    }

    return $r;
}


sub answered {
    my ($format, $name) = @_;
    my $r = post(message($format, '/echo', 5000));

    is($r->{inner}, 200, "$name: answered, $format") or diag($r->{body});
    is(length($r->{plain} // ''), 5000, "$name: all of it, $format");
}


sub test_proportion {
    begin();

    my $m = memory();
    my $maps = mappings();

    is($m->{used}, 0, 'nothing is in use');
    cmp_ok($m->{limit}, '>=', 32 * $MIB, 'there is a limit');

    for my $format (qw(ehbp ohttp)) {
        my $sent = stalled($format, connections => 40);

        used_becomes("$format: 84 of 160k bytes each, all there",
            sub { $_[0] >= 40 * 45 });
        cmp_ok(memory()->{used}, '<=', 40 * 2048,
            "$format: a unit or two each");
        cmp_ok(mappings() - $maps, '<=', 8, "$format: no more mappings")
            if !AttestTest::asan();

        my $more = $stall->ask(op => 'more', send => 30_000)->{sent};
        my $used = used_becomes("$format: more came", sub {
            $_[0] > $more * 0.9 });
        cmp_ok($used, '<=', 2 * ($sent + $more), "$format: in proportion");

        answered($_, "$format: meanwhile") for qw(ehbp ohttp);
        leave();
    }
}


# 128 streams on each connection.
sub test_streams {
    my $connections = AttestTest::asan() || AttestTest::valgrind() ? 12 : 48;

    begin();
    my $maps = mappings();

    my $sent = stalled('ohttp', connections => $connections, streams => 128);
    my $used = used_becomes('all streams are there', sub {
        $_[0] >= $connections * 128 * 45 });

    cmp_ok($used, '<=', $connections * 128 * 2048, 'a unit or two each');
    cmp_ok(mappings() - $maps, '<=', 64, 'no mapping for a stream')
        if !AttestTest::asan();
    answered($_, 'meanwhile') for qw(ehbp ohttp);

    leave();
}


sub test_used_up {
    my $type = $URN . 'busy';

    begin('1m');
    is(memory()->{limit}, $MIB, 'what the directive says');

    stalled('ehbp', connections => 1, announce => 800_000, send => 780_000);
    used_becomes('most of it is in use', sub { $_[0] >= 700_000 });

    my $before = counter('refused_memory');

    for my $format (qw(ehbp ohttp)) {
        my $r = post(message($format, '/echo', 400_000));

        is($r->{status}, 503, "$format: there is no room");
        is((AttestTest::json($r) || {})->{type}, $type, "$format: it says so");
        is($r->{headers}{'content-type'}, 'application/problem+json',
            "$format: in a problem document");
        like($r->{headers}{'retry-after'} // '', qr/^[1-9]\d?$/,
            "$format: and to try again");
    }

    is(counter('refused_memory'), $before + 2, 'counted');
    answered('ehbp', 'a small one has room');

    leave();
    for my $format (qw(ehbp ohttp)) {
        my $r = post(message($format, '/echo', 400_000));
        is($r->{inner}, 200, "$format: then there is room");
    }

    used_becomes('nothing is left', sub { $_[0] == 0 });
}


sub test_never {
    begin('256k');
    for my $format (qw(ehbp ohttp)) {
        my $r = post(message($format, '/echo', 400_000));

        is($r->{status}, 413, "$format: there will never be room");
        is((AttestTest::json($r) || {})->{type}, $URN . 'too-large',
            "$format: it says so");
    }

    my ($ok, $out) = conf_with('attest_prompt_memory 256k;');
    ok($ok, 'so little is accepted');
    like($out, qr/\[warn\].*"attest_prompt_memory" of 262144 bytes has no /,
        'with a warning');

    ($ok, $out) = conf_with('attest_prompt_memory 12k;');
    ok(!$ok, 'too little of it is refused');
    like($out, qr/invalid size "12k" in "attest_prompt_memory"/, 'by name');
}


# Whether nginx takes a directive in http{}, and what it says.
sub conf_with {
    my ($directive) = @_;
    my $text = $t->{text};

    $t->write_conf($text =~ s/attest_prompt_memory \S+;/$directive/r);
    my @said = $t->test_conf();
    $t->write_conf($text);

    return @said;
}


# The backend has read the prompt, and thinks; also where others were asked
# before, who are done.
sub test_release {
    begin();

    for my $case ([ 'ehbp', '' ], [ 'ohttp', '' ], [ 'ehbp', '/asked' ],
        [ 'ohttp', '/asked' ])
    {
        my ($format, $where) = @$case;
        my $go = $t->path('client/go.' . ++$n);
        my $m = message($format, "$where/request?until=$go", 3 * $MIB);
        my $had = length $t->backend_raw();
        my $answer = in_background($m);

        ok(AttestTest::until_true(60, sub {
            return length($t->backend_raw()) > $had + 3 * $MIB;
        }), "$format: the backend has it");
        used_becomes("$format: we do not", sub { $_[0] <= 4096 });
        ok($t->alive($answer->{name}), "$format: there is no answer yet");

        AttestTest::write_file($go, '');
        my $r = $answer->{get}->();

        is($r->{inner}, 200, "$format: answered");
        ok($r->{whole}, "$format: and whole");
        is((AttestTest::json({ body => $r->{plain} }) || {})->{length},
            3 * $MIB, "$format: to all of it");
        used_becomes("$format: nothing is left", sub { $_[0] == 0 });
    }
}


# Where a named location might have needed the prompt, it does no longer.
sub test_begun {
    my $path = '/named/v1/completions?tokens=9&hang_after=3';

    begin();
    for my $format (qw(ehbp ohttp)) {
        my $had = length $t->backend_raw();
        my $answer = in_background(message($format, $path, 2 * $MIB,
            '{"stream":true,"prompt":"'));

        ok(AttestTest::until_true(60, sub {
            return length($t->backend_raw()) > $had + 2 * $MIB;
        }), "$format: the backend has it");
        used_becomes("$format: we do not", sub { $_[0] <= 4096 });
        ok($t->alive($answer->{name}), "$format: the answer goes on");
        $t->stop_proc($answer->{name});
    }

    used_becomes('nothing is left', sub { $_[0] == 0 });
}


sub in_background {
    my ($m) = @_;
    my $name = 'client' . ++$n;
    my ($head, $body) = map { $t->path("client/$name.$_") } qw(head body);

    $t->spawn($name, [ AttestTest::which('curl'), '-q', '-s', '-S', '-k',
        '--max-time', 100, '--noproxy', '*', '--http1.1', '-D', $head,
        '-o', $body, '--data-binary', "\@$m->{file}", '-H', 'Expect:',
        map({ ('-H', $_) } @{ $m->{headers} }),
        'https://127.0.0.1:' . $t->port('TLS') . $m->{path},
        '-H', 'Host: localhost' ]);

    return { name => $name, get => sub {
        ok(AttestTest::until_true(60, sub { !$t->alive($name) }), 'ended');
        return opened($m, AttestTest::parse_response(
            map({ AttestTest::read_file($_) } $head, $body), 0, ''));
    } };
}


# Where the prompt may be needed again it stays, and is whole.
sub test_again {
    begin();

    for my $path ('/twice/echo', '/once-more/echo',
        '/fallback/echo?die_after=0')
    {
        for my $size (5000, 2 * $MIB) {
            my $r = post(message('ehbp', $path, $size));

            is($r->{inner}, 200, "$path, $size: answered");
            is(length($r->{plain} // ''), $size, 'all of it came again');
        }
    }

    # an error page is asked for without a prompt

    my $r = post(message('ehbp', '/page/echo?die_after=0', 5000));
    my $page = AttestTest::json({ body => $r->{plain} }) || {};

    is($r->{inner}, 200, 'an error page from a backend');
    is($page->{method}, 'GET', 'is no prompt');
    is($page->{length}, 0, 'and gets none');

    used_becomes('nothing is left', sub { $_[0] == 0 });
}


# Old workers leave with what they hold, new ones begin with nothing.
sub leaving { return scalar(() = $t->error_log() =~ /gracefully shut/g) }


sub test_reload {
    begin('8m');
    stalled('ehbp', connections => 4, announce => 800_000, send => 300_000);
    used_becomes('in use', sub { $_[0] >= 4 * 290_000 });

    my $leaving = leaving();
    $t->write_conf($t->{text} =~ s/(attest_prompt_memory) 8m/$1 4m/r);
    ok($t->reload(sec => 60, nowait => 1), 'reload');
    ok(AttestTest::until_true(60, sub { memory()->{limit} == 4 * $MIB }),
        'another size');

    # until then they answer, too
    ok(AttestTest::until_true(60, sub { leaving() > $leaving }),
        'the old workers take nothing new');

    # a changed configuration has another key
    fetch_keys();
    answered($_, 'by the new workers') for qw(ehbp ohttp);

    leave();
}
