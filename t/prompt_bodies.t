# SPDX-License-Identifier: Apache-2.0

# Sealed bodies as they come: from clients that seal in any pieces, through
# modules that have read them before, beside a folder of temporary files that
# cannot be written, and with redirects and subrequests behind them.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $URN = 'urn:ngx-attest:problem:';
my $KEYS = '/.well-known/hpke-keys';
my $GATEWAY = '/.well-known/ohttp-gateway';
my @WAYS = qw(h1 chunked h2);

my $t = AttestTest->new(fresh_tpm => 0);
my $ehbp = PromptClient->new('ehbp_client.py');
my $ohttp = PromptClient->new('ohttp_client.py');

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('client'));
$t->write_conf(config());
$t->start();

my ($n, %keys) = (0);

for my $path ($KEYS, $GATEWAY) {
    my $r = $t->get($path);
    die "no keys: $r->{status}\n" if $r->{status} != 200;
    $keys{$path eq $KEYS ? 'ehbp' : 'ohttp'} = unpack 'H*', $r->{body};
}

subtest 'frames' => \&test_frames;
subtest 'chunks' => \&test_chunks;
subtest 'tampered behind the first' => \&test_tampered;
subtest 'what was exceeded' => \&test_exceeded;
subtest 'read by another module' => \&test_read_before;
subtest 'other locations' => \&test_locations;
subtest 'no folder for files' => \&test_no_folder;

$_->end() for $ehbp, $ohttp;
AttestTest::done();


sub config {
    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    client_body_buffer_size 16k;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        proxy_http_version 1.1;
        proxy_buffering off;
        root %%DIR%%/www;
        location = $KEYS { attest_keys; }
        location = /attest-status { attest_status; }
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/in/;
        }
        location = /small-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/in/;
            attest_prompt_max_size 1000;
        }
        location /in/ {
            internal;
            proxy_pass http://%%BACKEND%%/;
        }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
        }
        location /small/ {
            attest_prompt ehbp;
            attest_prompt_max_size 1000;
            proxy_pass http://%%BACKEND%%/;
        }
        location /limited/ {
            attest_prompt ehbp;
            client_max_body_size 3000;
            proxy_pass http://%%BACKEND%%/;
        }
        location /unbuffered/ {
            attest_prompt ehbp;
            proxy_request_buffering off;
            proxy_pass http://%%BACKEND%%/;
        }
        location /auth/ {
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
        location /mirrored/ {
            attest_prompt ehbp;
            attest_prompt_mirror on;
            mirror /mirror;
            proxy_pass http://%%BACKEND%%/;
        }
        location = /mirror {
            internal;
            proxy_pass http://%%BACKEND%%/request?mirror;
        }
        location /try/ {
            attest_prompt ehbp;
            try_files /none /moved;
        }
        location = /moved {
            internal;
            proxy_pass http://%%BACKEND%%/echo;
        }
        location /try-little/ {
            attest_prompt ehbp;
            try_files /none /little;
        }
        location = /little {
            internal;
            client_max_body_size 2000;
            proxy_pass http://%%BACKEND%%/echo;
        }

        # a proxying module reads the body, finds nobody, and goes elsewhere

        location = /ehbp/memory {
            client_max_body_size 20m;
            client_body_buffer_size 1m;
            error_page 502 = \@ehbp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ehbp/file {
            client_max_body_size 20m;
            error_page 502 = \@ehbp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ehbp/file-only {
            client_max_body_size 20m;
            client_body_in_file_only clean;
            error_page 502 = \@ehbp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ehbp/begun {
            client_max_body_size 20m;
            proxy_request_buffering off;
            error_page 502 = \@ehbp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location \@ehbp {
            attest_prompt ehbp;
            rewrite ^ /echo break;
            proxy_pass http://%%BACKEND%%;
        }
        location = /ohttp/memory {
            client_max_body_size 20m;
            client_body_buffer_size 1m;
            error_page 502 = \@ohttp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ohttp/file {
            client_max_body_size 20m;
            error_page 502 = \@ohttp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ohttp/file-only {
            client_max_body_size 20m;
            client_body_in_file_only clean;
            error_page 502 = \@ohttp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ohttp/begun {
            client_max_body_size 20m;
            proxy_request_buffering off;
            error_page 502 = \@ohttp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location \@ohttp { rewrite ^ $GATEWAY last; }
    }
}
END
}


# A sealed message, as a hash with its body.
sub seal {
    my ($format, %o) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $m;

    if ($format eq 'ehbp') {
        $m = $ehbp->ask(op => 'seal', keys => $keys{ehbp}, out => $file, %o);
        $m->{headers} = [ "Ehbp-Encapsulated-Key: $m->{enc}" ];
    } else {
        my $form = delete $o{form} || 'whole';
        my $size = delete $o{size};

        if (defined $size) {
            AttestTest::write_file("$file.content", 'x' x $size);
            $o{request} = { method => 'POST', scheme => 'https',
                authority => 'localhost', path => '/in/echo',
                file => "$file.content" };
        }
        $m = $ohttp->ask(op => 'seal', list => $keys{ohttp}, form => $form,
            out => $file, %o);
        $m->{headers} = [ 'Content-Type: message/ohttp-'
            . ($form eq 'whole' ? 'req' : 'chunked-req') ];
    }

    return { %$m, format => $format, body => AttestTest::read_file($file) };
}


# Its answer, opened: inner (status), plain and whole.
sub post {
    my ($path, $m, $how) = @_;
    my @headers = @{ $m->{headers} };
    my $in = $t->path('client/answer.' . ++$n);

    push @headers, 'Transfer-Encoding: chunked' if ($how // '') eq 'chunked';

    my $r = $t->get($path, method => 'POST', body => $m->{body},
        headers => \@headers, http2 => ($how // '') eq 'h2');

    AttestTest::write_file($in, $r->{body});
    $r->{inner} = $r->{status};
    $r->{plain} = '';

    if (my $nonce = $r->{headers}{'ehbp-response-nonce'}) {
        my $o = $ehbp->ask(op => 'open', id => $m->{id}, nonce => $nonce,
            in => $in, plain => "$in.plain");
        $r->{plain} = AttestTest::read_file("$in.plain");
        $r->{sealed} = $o->{marker} && !defined $o->{error};

    } elsif (($r->{headers}{'content-type'} // '') =~ m{^message/ohttp}) {
        my $o = $ohttp->ask(op => 'open', id => $m->{id}, in => $in);
        $r->{inner} = $o->{status};
        $r->{plain} = pack 'H*', $o->{content} // '';
        $r->{sealed} = $o->{complete};
    }

    return $r;
}


sub echoed {
    my ($r, $length, $name) = @_;

    is($r->{inner}, 200, "$name: accepted") or diag($r->{body});
    ok($r->{sealed}, "$name: the answer is sealed");
    is(length $r->{plain}, $length, "$name: the backend had all of it");
}


sub refused {
    my ($r, $status, $type, $detail, $name) = @_;
    my $problem = AttestTest::json($r) || {};

    is($r->{status}, $status, "$name: refused");
    is($problem->{type}, $type, "$name: type");
    like($problem->{detail} // '', $detail, "$name: it says what");
}


sub hex_of { return map { unpack 'H*', $_ } @_ }


# The specification allows frames of any number and of any length.
sub test_frames {
    for my $how (@WAYS) {
        echoed(post('/echo', seal('ehbp', frames =>
            [ ('zero') x 10_000, hex_of('a prompt'), ('zero') x 3 ]), $how),
            8, "ten thousand empty frames, $how");
        echoed(post('/small/echo', seal('ehbp', frames =>
            [ (hex_of('y'), 'zero') x 1000 ]), $how),
            1000, "a frame for each byte, up to the very limit, $how");
    }

    echoed(post('/echo', seal('ehbp', frames => [ hex_of(('y') x 20_000) ])),
        20_000, 'many more of them');
    echoed(post('/echo', seal('ehbp', frames =>
        [ hex_of(('z' x 64) x 10_000) ])),
        640_000, '640 KB in frames of 64 bytes');
}


sub test_chunks {
    echoed(post($GATEWAY, seal('ohttp', form => 'chunked', size => 20_000,
        pieces => [ (1) x 20_000 ])), 20_000, 'a chunk for each byte');

    for my $how (@WAYS) {
        echoed(post('/small-gateway', seal('ohttp', form => 'chunked',
            size => 1000, pieces => [ (1) x 1000 ]), $how),
            1000, "up to the very limit, $how");
    }
}


# Another key would be of no use: a client must not fetch one and try again.
sub test_tampered {
    my %spoil = (
        'its tag' => sub { substr($_[0], -1, 1) ^= "\1" },
        'its text' => sub { substr($_[0], -18, 1) ^= "\1" },
    );

    for my $what (sort keys %spoil) {
        my $m = seal('ehbp', frames => [ hex_of('one', 'two') ]);
        $spoil{$what}->($m->{body});
        refused(post('/echo', $m), 400, $URN . 'malformed',
            qr/^a frame was changed/, "EHBP, $what");

        $m = seal('ohttp', form => 'chunked', size => 100,
            pieces => [ 50 ]);
        $spoil{$what}->($m->{body});
        refused(post($GATEWAY, $m), 400, $URN . 'malformed',
            qr/^a chunk was changed/, "OHTTP, $what");
    }

    my $m = seal('ohttp', form => 'chunked', size => 100, pieces => [ 40 ]);
    $m->{body} = substr $m->{body}, 0, $m->{head} + 1 + 40 + 16;
    refused(post($GATEWAY, $m), 400, $URN . 'malformed',
        qr/^a chunk was changed or lost/, 'OHTTP, cut');

    # the first one: it may be the key

    $m = seal('ehbp', frames => [ hex_of('one', 'two') ]);
    substr($m->{body}, 5, 1) ^= "\1";
    is(post('/echo', $m)->{status}, 422, 'EHBP, the first');
    $m = seal('ohttp', form => 'chunked', size => 100, pieces => [ 50 ]);
    substr($m->{body}, $m->{head} + 2, 1) ^= "\1";
    is(post($GATEWAY, $m)->{status}, 422, 'OHTTP, the first');
}


sub test_exceeded {
    my $type = $URN . 'too-large';

    for my $how (@WAYS) {
        refused(post('/small/echo', seal('ehbp', size => 1001), $how),
            413, $type, qr/^the prompt exceeds attest_prompt_max_size/,
            "a prompt, $how");
        refused(post('/small/echo', seal('ehbp', frames =>
            [ hex_of(('x' x 100) x 11) ]), $how),
            413, $type, qr/^the prompt exceeds attest_prompt_max_size/,
            "a prompt in frames, $how");

        my $m = seal('ohttp', size => 200_000);
        refused(post('/small-gateway', $m, $how), 413, $type,
            qr/attest_prompt_max_size/, "a message, $how");
    }

    my $m = seal('ehbp', frames => [ ('zero') x 10, hex_of('x') ]);
    $m->{body} = ("\0" x 1_070_000) . $m->{body};
    refused(post('/small/echo', $m, 'chunked'), 413, $type,
        qr/^there are too many bytes of framing/, 'framing');
    refused(post('/limited/echo', seal('ehbp', size => 3000), 'chunked'),
        413, $type, qr/^the encrypted body exceeds client_max_body_size/,
        'the limit of nginx');
}


# Whatever has read it has read ciphertext: in memory, in a file, a part.
sub test_read_before {
    for my $format (qw(ehbp ohttp)) {
        for my $case ([ 'memory', 300, 'h1' ], [ 'memory', 400_000, 'h2' ],
            [ 'file', 400_000, 'h1' ], [ 'file', 400_000, 'h2' ],
            [ 'file-only', 300, 'chunked' ], [ 'file-only', 400_000, 'h1' ],
            [ 'begun', 300, 'h1' ], map { [ 'begun', 400_000, $_ ] } @WAYS)
        {
            my ($where, $size, $how) = @$case;

            echoed(post("/$format/$where", seal($format, size => $size),
                $how), $size, "$format, $where, $how, $size");
        }

        my $m = seal($format, size => 300);
        substr($m->{body}, -1, 1) ^= "\1";
        is(post("/$format/memory", $m)->{status}, 422,
            "$format: and it has to open");
    }
}


# nobody has said a limit for them: what was accepted is
sub test_locations {
    for my $how (@WAYS) {
        for my $path ('/auth/echo', '/try/echo', '/unbuffered/echo') {
            echoed(post($path, seal('ehbp', size => 1_500_000), $how),
                1_500_000, "$path, $how");
        }

        echoed(post($GATEWAY, seal('ohttp', size => 1_500_000), $how),
            1_500_000, "the location inside, $how");
    }

    # a mirror has all of it, too, and the memory goes when both have it

    my $had = length $t->backend_raw();
    echoed(post('/mirrored/echo', seal('ehbp', size => 1_500_000)),
        1_500_000, 'beside a mirror');
    ok(AttestTest::until_true(30, sub {
        my $raw = substr $t->backend_raw(), $had;
        return $raw =~ /^POST \/request\?mirror /m
            && length($raw) > 3_000_000;
    }), 'which has it whole');
    ok(AttestTest::until_true(30, sub {
        my $status = AttestTest::json($t->get('/attest-status'));
        return $status->{memory}{used} == 0;
    }), 'no memory is left');

    echoed(post('/try-little/echo', seal('ehbp', size => 2000)), 2000,
        'exactly a limit that somebody has said');

    my $r = post('/try-little/echo', seal('ehbp', size => 2001));
    is($r->{status}, 413, 'a byte more');
    ok($r->{sealed}, 'is refused, sealed');
}


sub test_no_folder {
    my $dir = $t->path('temp/client_body');
    my $before = length $t->error_log();

    chown 0, 0, $dir;
    chmod 0500, $dir;

    for my $size (15_000, 200_000, 3_000_000) {
        echoed(post('/echo', seal('ehbp', size => $size)), $size,
            "EHBP, $size");
    }

    for my $how (@WAYS) {
        echoed(post('/unbuffered/echo', seal('ehbp', size => 200_000), $how),
            200_000, "unbuffered, $how");
        echoed(post($GATEWAY, seal('ohttp', size => 200_000), $how), 200_000,
            "the gateway, $how");
    }

    unlike(substr($t->error_log(), $before),
        qr/temporary file|\[(?:warn|crit|alert)\]/, 'nothing alarming');
    chmod 0700, $dir;
}
