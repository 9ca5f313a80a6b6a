# The Oblivious HTTP gateway: both media types, the table of refusals, every
# rule about the request inside against a client that breaks it, what a
# backend and the logs get to see, and responses of all kinds.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(encode_json);
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $KEY_ERROR = 'https://iana.org/assignments/http-problem-types#ohttp-key';
my $URN = 'urn:ngx-attest:problem:';
my $GATEWAY = '/.well-known/ohttp-gateway';
my $CHAT = '/v1/chat/completions';
my $CANARY = $AttestTest::CANARY;
my @FORMS = qw(whole chunked);

my $t = AttestTest->new(fresh_tpm => 0);

# A backend that dies.
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $client = PromptClient->new('ohttp_client.py');

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('www/v1/static'), $t->path('client'));
AttestTest::write_file($t->path('www/v1/static/there'), "a file\n");
AttestTest::write_file($t->path('www/v1/static/large'), 'x' x 100_000);
$t->write_conf(config());
$t->start();

my $n = 0;
my $list = keys_now();

test_keys();
test_round_trip();
test_suites();
test_xwing();
test_sizes();
test_refusals();
test_decryption();
test_replay();
test_dates();
test_targets();
test_hostile();
test_fields();
test_outside();
test_kinds();
test_streaming();
test_cut();
test_pieces();
test_uploads();
test_interim();
test_padding();
test_coalescing();
test_internal();
test_cors();
test_ehbp_beside();
test_traces();
test_logs();
test_conf();
test_rotation();

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
    log_format all '\$request \$request_method \$uri \$args \$request_uri '
        '\$host \$http_user_agent \$http_referer \$http_authorization '
        '\$http_x_secret \$cookie_secret \$arg_secret \$request_body '
        '\$content_type \$status \$sent_http_x_secret '
        'u=\$upstream_http_content_type '
        'p=\$attest_prompt_protocol k=\$attest_prompt_key_id '
        's=\$attest_prompt_status';
    access_log %%DIR%%/logs/combined.log combined;
    access_log %%DIR%%/logs/all.log all;
    attest_tpm %%TCTI%%;
    $hints
    $http
    gzip on;
    gzip_min_length 1;
    gzip_types *;
    client_body_buffer_size 16k;
    client_max_body_size 9m;
    underscores_in_headers on;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        root %%DIR%%/www;
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test other.test:8443/v1/models;
            attest_ohttp_allow narrow.test/v1;
        }
        location = /small {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_prompt_max_size 1000;
            attest_prompt_cors https://app.example;
            attest_ohttp_replay off;
        }
        location = /dated {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_ohttp_replay date window=30s;
        }
        location = /padded {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_ohttp_pad 512;
        }
        location = /odd {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_ohttp_pad 1000;
            attest_prompt_coalesce 150ms;
        }
        location = /slow {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_prompt_coalesce 5s;
        }
        location = /soon {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            attest_prompt_coalesce 200ms;
        }
        location = /impatient {
            attest_prompt ohttp;
            attest_ohttp_allow api.test;
            client_body_timeout 1s;
        }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /.well-known/attestation { attest_evidence; }
        location = /attest-status { attest_status; }
        location = /public { return 200 "public\\n"; }
        location / {
            internal;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        location = /hosts {
            internal; attest_ohttp_inner on;
            proxy_pass http://%%BACKEND%%/request;
            proxy_set_header Host \$host;
            proxy_set_header X-Http-Host \$http_host;
            proxy_set_header X-Attest-Protocol \$attest_prompt_protocol;
            proxy_http_version 1.1;
        }
        location = /v1/upload {
            internal; attest_ohttp_inner on;
            client_max_body_size 100;
            error_page 413 /public;
            proxy_pass http://%%BACKEND%%/echo;
            proxy_http_version 1.1;
        }
        location = /v1/nowhere {
            internal; attest_ohttp_inner on;
            proxy_pass \$nowhere;
        }
        location = /v1/204 { internal; attest_ohttp_inner on; return 204; }
        location = /v1/301 {
            internal; attest_ohttp_inner on;
            return 301 /elsewhere;
        }
        location = /v1/teapot {
            internal; attest_ohttp_inner on;
            add_header X-Long \$long always;
            return 418 "teapot";
        }
        location = /v1/trailer {
            internal; attest_ohttp_inner on;
            add_trailer X-Trailer "yes $CANARY";
            proxy_pass http://%%BACKEND%%/v1/models;
            proxy_http_version 1.1;
        }
        location /v1/static/ { internal; attest_ohttp_inner on; }
        location = /v1/buffered {
            internal; attest_ohttp_inner on;
            proxy_pass http://%%BACKEND%%$CHAT;
            proxy_http_version 1.1;
        }
        location = /v1/error {
            internal; attest_ohttp_inner on;
            error_page 503 = /public;
            proxy_intercept_errors on;
            proxy_pass http://%%BACKEND%%/v1/models;
            proxy_http_version 1.1;
        }
        location = /dead {
            internal; attest_ohttp_inner on;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
        }
        location = /ehbp {
            attest_prompt ehbp;
            attest_ohttp_pad 1k;
            proxy_pass http://%%BACKEND%%/echo;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        set \$nowhere none;
        set \$long "@{[ 'long' x 1000 ]}";
    }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name api.test;
        attest_certificate on;
        location / { return 200 "the wrong server\\n"; }
    }
}
END
}


sub keys_now {
    my $r = $t->get($GATEWAY, headers => [ 'Accept: application/ohttp-keys' ]);

    die "no keys: $r->{status}\n" if $r->{status} != 200;
    return unpack('H*', $r->{body});
}


# A sealed message: seal('chunked', {path => ...}, more for the client).
sub seal {
    my ($form, $q, %o) = @_;
    my $out = $t->path('client/seal.' . ++$n);

    if (ref $q) {
        my %q = %$q;
        my $content = delete $q{body} // '';
        $q{method} //= $content eq '' ? 'GET' : 'POST';

        if (length $content > 1_000_000) {
            $q{file} = $t->path("client/content.$n");
            AttestTest::write_file($q{file}, $content);
        } else {
            $q{content} = unpack('H*', $content);
        }
        $o{request} = \%q;
    } else {
        $o{message} = unpack('H*', $q);
    }

    my $m = $client->ask(op => 'seal', list => $list, form => $form,
        out => $out,
        %o);
    return { %$m, form => $form, file => $out,
        body => AttestTest::read_file($out) };
}


sub type_of {
    return $_[0] eq 'chunked' ? 'message/ohttp-chunked-req'
        : 'message/ohttp-req';
}


# Sends it; opens what comes back: {outer => response, status, fields, ...}.
sub send_it {
    my ($m, %o) = @_;
    my $path = delete $o{path} || $GATEWAY;

    my $r = $t->get($path, method => 'POST', body => $m->{body}, %o,
        headers => [ 'Content-Type: ' . type_of($m->{form}),
            @{ $o{headers} || [] } ]);

    return open_it($m, $r);
}


sub open_it {
    my ($m, $r) = @_;
    my $type = $r->{headers}{'content-type'} // '';

    return { outer => $r, status => 0, error => 'not sealed', body => '' }
        if $type !~ m{^message/ohttp-};

    my $in = $t->path('client/answer.' . ++$n);
    AttestTest::write_file($in, $r->{body});

    my $o = $client->ask(op => 'open', id => $m->{id}, in => $in,
        to => "$in.to");
    $o->{body} = AttestTest::read_file("$in.to");
    $o->{field} = { map { $_->[0] => $_->[1] } @{ $o->{fields} } };
    $o->{outer} = $r;
    return $o;
}


sub ask {
    my ($form, $q, %o) = @_;

    return send_it(seal($form, $q), %o);
}


# Whole, proven to be, and outside nothing but what is needed.
sub sealed_ok {
    my ($o, $status, $name) = @_;

    subtest $name => sub {
        my $r = $o->{outer};
        my $chunked = ($r->{headers}{'content-type'} // '') =~ /chunked/;

        is($r->{status}, 200, 'outer status') or diag($r->{body});
        is($r->{exit}, 0, 'curl is content') or diag($r->{text});
        is($o->{error}, undef, 'it opens');
        ok($o->{complete}, 'complete');
        ok($o->{ended}, 'the message has its end');
        is($o->{status}, $status, 'status inside') or diag($o->{body});
        is($r->{headers}{'cache-control'}, 'no-store', 'no-store');
        is($r->{headers}{incremental}, $chunked ? '?1' : undef,
            'Incremental');

        my @more = grep {
            !/^(?:server|date|connection|transfer-encoding|content-type
                |cache-control|incremental|vary)$/x
        } keys %{ $r->{headers} };
        is("@more", '', 'no other field outside');
        is(scalar(grep { $_ > 16384 } @{ $o->{chunks} || [] }), 0,
            'no chunk is too large');
    };
}


# Refused in clear, and the backend never knew.
sub refused {
    my ($status, $type, $name, $code) = @_;
    my $before = length $t->backend_raw();
    my $r = $code->();

    $r = $r->{outer} if $r->{outer};

    subtest $name => sub {
        is($r->{status}, $status, 'status') or diag($r->{body});
        is($r->{headers}{'content-type'}, 'application/problem+json',
            'media type');
        is((AttestTest::json($r) || {})->{type}, $type, 'type');
        is(length $t->backend_raw(), $before, 'backend not contacted');
    };

    return $r;
}


# Refused inside the seal, and the backend never knew.
sub refused_inside {
    my ($status, $name, $code) = @_;
    my $before = length $t->backend_raw();
    my $o = $code->();

    sealed_ok($o, $status, $name);
    is(length $t->backend_raw(), $before, "$name: backend not contacted");
}


sub chat {
    my ($text, %o) = @_;

    return encode_json({ model => 'echo-1', %o,
        messages => [ { role => 'user', content => $text } ] });
}


sub doc_of {
    my ($o) = @_;
    my $doc = AttestTest::json({ body => $o->{body} }) || {};

    $doc->{field} = { map { lc($_->[0]) => $_->[1] }
        @{ $doc->{headers} || [] } };
    return $doc;
}


# An HTTP date in seconds.
sub str2time {
    my ($day, $mon, $year, @t) = $_[0] =~
        /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
        or return 0;
    my %mon = map { (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$_]
        => $_ } 0 .. 11;

    return timegm($t[2], $t[1], $t[0], $day, $mon{$mon}, $year);
}


sub tokens_of {
    my ($o) = @_;

    return scalar(() = $o->{body} =~ /"content":"token/g);
}


# ---- keys

sub test_keys {
    my $r = $t->get($GATEWAY);

    is($r->{status}, 200, 'keys without Accept');
    is($r->{headers}{'content-type'}, 'application/ohttp-keys',
        'their type');
    is($r->{headers}{'cache-control'}, 'no-store', 'no-store');

    is(unpack('n', $r->{body}), 41, 'EHBP has the first member');

    my ($len, $id, $kem, $pk, $slen, @suites) =
        unpack('x43 n C n a32 n n*', $r->{body});
    is($len, 49, 'a length before the next');
    is($kem, 0x20, 'X25519');
    is("@suites[0 .. 5]", '1 2 1 1 1 3', 'AES-256 first');

    $r = $t->get('/.well-known/hpke-keys');
    is(substr($r->{body}, 3, 32), $pk, 'EHBP gets the same key');
    is(unpack('H*', substr($r->{body}, 35)), '000400010002',
        'with its suite alone');

    $r = $t->get($GATEWAY, headers => [ 'Accept: text/html' ]);
    is($r->{status}, 406, 'another type is not there');

    $r = $t->get($GATEWAY, method => 'HEAD');
    is($r->{status}, 200, 'HEAD');

    $r = $t->get($GATEWAY, method => 'PUT', body => 'x');
    is($r->{status}, 405, 'PUT');
    is($r->{headers}{allow}, 'GET, HEAD, POST', 'Allow');

    my $claims = $t->get('/.well-known/attestation',
        headers => [ 'Accept: application/cmw+json' ]);
    my $doc = AttestTest::json($claims) || {};
    my ($b64) = $claims->{body} =~ m{application/ohttp-keys","([^"]+)"};
    SKIP: {
        skip 'no list in the collection', 1 if !defined $b64;
        $b64 =~ tr{-_}{+/};
        require MIME::Base64;
        is(unpack('H*', MIME::Base64::decode_base64($b64)), $list,
            'the attested list is the one served');
    }
}


# ---- what works

sub test_round_trip {
    for my $form (@FORMS) {
        for my $how (qw(h1 h1-chunked h2)) {
            for my $framing (0, 2) {
                my $text = chat("$CANARY by $how $framing");
                my $o = ask($form, { path => '/echo', body => $text,
                        framing => $framing,
                        fields => [ [ 'content-type', 'application/json' ],
                                    [ 'Accept', '*/*' ] ] },
                    http2 => $how eq 'h2',
                    headers => [ $how eq 'h1-chunked'
                        ? 'Transfer-Encoding: chunked' : () ]);
                my $name = "$form, $how, framing $framing";

                sealed_ok($o, 200, "echo, $name");
                is($o->{body}, $text, "the body came back, $name");
                is($o->{field}{'content-type'}, 'application/json',
                    "type inside, $name");
            }
        }
    }

    my $o = ask('chunked', { path => $CHAT, body => chat('Hi') });
    sealed_ok($o, 200, 'a completion');
    like($o->{body}, qr/You said: \\"Hi\\"/, 'what the backend said');
    is($o->{field}{'content-length'}, length $o->{body}, 'length inside');
    ok($o->{field}{date}, 'date inside');
}


sub test_suites {
    for my $form (@FORMS) {
        for my $aead (1, 2, 3) {
            my $m = seal($form, { path => '/echo', body => "aead $aead" },
                aead => $aead);
            my $o = send_it($m);

            sealed_ok($o, 200, "$form, AEAD $aead");
            is($o->{body}, "aead $aead", "$form, AEAD $aead, body");
        }
    }
}


# Post-quantum keys, where nginx' OpenSSL has ML-KEM.
sub test_xwing {
    my $bytes = pack('H*', $list);
    my @members;

    while (length $bytes) {
        push @members, unpack('n/a', $bytes);
        $bytes = substr($bytes, 2 + length $members[-1]);
    }

    my ($which) = grep { substr($members[$_], 1, 2) eq "\x64\x7a" }
        0 .. $#members;

    if (!defined $which) {
        is(scalar @members, 2, 'there is one key, and EHBP has it too');
        refused(400, $KEY_ERROR, 'a key that is not there', sub {
            send_it(seal('whole', { path => '/v1/models' },
                header => substr($list, 4, 2) . '647a00010002'));
        });

        my $conf = config(http => 'attest_ohttp_xwing on;');
        my $bad = AttestTest->new();
        $bad->{tpm_port} = $t->{tpm_port};
        $bad->write_conf($conf);
        my ($ok, $said) = $bad->test_conf();
        ok(!$ok, 'asked for, it is an error');
        like($said, qr/"attest_ohttp_xwing on" needs ML-KEM-768, which /,
            'that says why');
        like($said, qr/which OpenSSL \d\S+ .*does not have/,
            'and names the version');
        $bad->finish();
    }

    SKIP: {
        skip 'X-Wing: this OpenSSL has no ML-KEM', 1 if !defined $which;
        skip 'X-Wing: the client has no ML-KEM', 1
            if !$client->ask(op => 'can_xwing')->{can};

        my @x25519 = grep { substr($_, 1, 2) eq "\0\x20" } @members;
        is(scalar @members, @x25519 / 2 * 3, 'as many of each kind');
        is(length $members[$which], 1 + 2 + 1216 + 2 + 12, 'its length');

        for my $form (@FORMS) {
            for my $aead (1, 2, 3) {
                my $m = seal($form, { path => '/echo', body => "pq $aead" },
                    member => $which, aead => $aead);
                is($m->{head}, 7 + 1120, 'a long head');
                my $o = send_it($m, http2 => $aead == 2);
                sealed_ok($o, 200, "X-Wing, $form, AEAD $aead");
                is($o->{body}, "pq $aead", 'body');
                refused(409, "${URN}replay", 'a replay', sub {
                    send_it($m);
                });
            }

            my $m = seal($form, { path => '/echo', body => 'x' },
                member => $which);
            for my $at (7, 1000, 1094, 1126, 1127) {
                my $body = $m->{body};
                substr($body, $at, 1) ^= "\1";
                refused(422, $KEY_ERROR, "X-Wing, $form, byte $at", sub {
                    send_it({ %$m, body => $body });
                });
            }
            for my $len (38, 39, 1126) {
                refused(400, "${URN}malformed", "X-Wing, $len bytes", sub {
                    send_it({ %$m, body => substr($m->{body}, 0, $len) });
                });
            }

            my $r = $client->ask(op => 'drip', host => '127.0.0.1',
                port => $t->port('TLS'), path => $GATEWAY,
                type => type_of($form), in => $m->{file},
                chunked => JSON::PP::false);
            my $o = $client->ask(op => 'open', id => $m->{id}, in => $r->{out});
            ok($o->{complete}, "X-Wing, $form, byte by byte");
        }
    }
}


sub test_sizes {
    for my $form (@FORMS) {
        for my $size (1, 16380, 16384, 30_000, 60_000, 100_000,
            5_000_000)
        {
            my $text = 'y' x $size;
            my $o = send_it(seal($form, { path => '/echo', body => $text },
                $form eq 'chunked'
                    ? (pieces => [ (16384) x int($size / 16384) ]) : ()));

            sealed_ok($o, 200, "$form, $size bytes");
            ok($o->{body} eq $text, "$form, $size bytes, back");
        }

        my $o = ask($form, { path => '/echo', body => 'z' x 1000 },
            path => '/small');
        sealed_ok($o, 200, "$form, exactly the limit");

        refused_inside(413, "$form, one byte more", sub {
            ask($form, { path => '/echo', body => 'z' x 1001 },
                path => '/small');
        });

        refused(413, "${URN}too-large", "$form, too large a message", sub {
            ask($form, { path => '/echo', body => 'z' x 300_000 },
                path => '/small');
        });
    }
}


# ---- refusals in clear

sub test_refusals {
    my $m = seal('whole', { path => '/v1/models' });

    for my $type ('text/plain', 'message/ohttp-res', 'message/ohttp-req2') {
        refused(415, 'about:blank', "type $type", sub {
            $t->get($GATEWAY, method => 'POST', body => $m->{body},
                headers => [ "Content-Type: $type" ]);
        });
    }

    refused(400, "${URN}malformed", 'no body', sub {
        $t->get($GATEWAY, method => 'POST', headers => [
            'Content-Type: message/ohttp-req', 'Content-Length: 0' ]);
    });

    for my $len (1, 6, 7, 38) {
        refused(400, "${URN}malformed", "$len bytes", sub {
            send_it({ %$m, body => substr($m->{body}, 0, $len) });
        });
    }

    for my $form (@FORMS) {
        my $h = substr($list, 4, 6);    # id, KEM
        my $id = sprintf '%02x', hex(substr($h, 0, 2)) ^ 0x55;

        my @headers = (
            [ 'unknown key', $id . substr($h, 2) . '00010002' ],
            [ 'unknown KEM', substr($h, 0, 2) . '004100010002' ],
            [ 'a KEM without a key', substr($h, 0, 2) . '001000010002' ],
            [ 'unknown KDF', $h . '00020002' ],
            [ 'unknown AEAD', $h . '00010004' ],
            [ 'export only', $h . '0001ffff' ]);

        for (@headers) {
            my ($name, $header) = @$_;
            refused(400, $KEY_ERROR, "$form, $name", sub {
                send_it(seal($form, { path => '/v1/models' },
                    header => $header));
            });
        }
    }

    my $o = send_it($m);
    sealed_ok($o, 200, 'and it was good');
}


sub test_decryption {
    for my $form (@FORMS) {
        my $m = seal($form, { path => '/echo', body => 'x' x 100 });
        my $len = length $m->{body};

        for my $at (7, 20, $m->{head} + 2, $len - 1) {
            my $body = $m->{body};
            substr($body, $at, 1) ^= "\1";
            refused(422, $KEY_ERROR, "$form, byte $at changed", sub {
                send_it({ %$m, body => $body });
            });
        }

        for my $cut (1, 16, $len - $m->{head} - 1, $len - $m->{head}) {
            refused(422, $KEY_ERROR, "$form, $cut bytes cut", sub {
                send_it({ %$m, body => substr($m->{body}, 0, $len - $cut) });
            });
        }

        refused(422, $KEY_ERROR, "$form, bytes behind", sub {
            send_it({ %$m, body => "$m->{body}x" });
        });

        refused(422, $KEY_ERROR, "$form, a low-order key", sub {
            send_it(seal($form, { path => '/' }, enc => '00' x 32));
        });

    }

    refused(422, $KEY_ERROR, 'a chunked one as the other type', sub {
        my $m = seal('chunked', { path => '/echo', body => 'x' x 100 });
        send_it({ %$m, form => 'whole' });
    });

    # another key would be of no use: a chunk was opened

    refused(400, "${URN}malformed", 'no final chunk', sub {
        send_it(seal('chunked', { path => '/echo', body => 'x' x 100 },
            pieces => [ 200 ], final => JSON::PP::false));
    });

    refused(400, "${URN}malformed", 'an empty chunk that is not final', sub {
        send_it(seal('chunked', { path => '/echo', body => 'x' x 100 },
            pieces => [ 10, 0, 10 ]));
    });

    for my $pieces ([ 1 ], [ 200 ], [ (1) x 100 ], [ 10, 1000 ]) {
        my $o = send_it(seal('chunked', { path => '/echo',
            body => 'x' x 100 }, pieces => $pieces));
        sealed_ok($o, 200, 'pieces ' . scalar @$pieces);
    }
}


sub test_replay {
    for my $form (@FORMS) {
        my $m = seal($form, { path => '/echo', body => 'once' });

        sealed_ok(send_it($m), 200, "$form, the first time");
        refused(409, "${URN}replay", "$form, the second time", sub {
            send_it($m);
        });

        $m = seal($form, { path => '/echo', body => 'twice' });
        my $first = send_it($m, path => '/small');
        my $second = send_it($m, path => '/small');
        sealed_ok($first, 200, "$form, off, the first time");
        sealed_ok($second, 200, "$form, off, the second time");
        isnt(substr($first->{outer}{body}, 0, 32),
            substr($second->{outer}{body}, 0, 32), "$form, another nonce");
    }

    # what did not open is not remembered
    my $m = seal('whole', { path => '/v1/models' });
    my $bad = $m->{body};
    substr($bad, -1) ^= "\1";
    is(send_it({ %$m, body => $bad })->{outer}{status}, 422, 'changed');
    sealed_ok(send_it($m), 200, 'and unchanged');
}


# By Date: remembered as long as it is taken, and taken as long as it is near.
sub test_dates {
    my $type = 'https://iana.org/assignments/http-problem-types#date';
    my $date = sub { [ 'date', strftime('%a, %d %b %Y %H:%M:%S GMT',
        gmtime(time + $_[0])) ] };
    my %q = (path => '/echo', body => 'dated');

    for my $form (@FORMS) {
        for my $off (0, -25, 25) {
            my $m = seal($form, { %q, fields => [ $date->($off) ] });
            my $o = send_it($m, path => '/dated');

            sealed_ok($o, 200, "$form, $off s");
            is($o->{body}, 'dated', "$form, $off s, body");
            refused(409, "${URN}replay", "$form, $off s, again", sub {
                send_it($m, path => '/dated');
            });
            refused(409, "${URN}replay", "$form, $off s, elsewhere", sub {
                send_it($m);
            });
        }

        my %bad = (
            'none' => [], 'too old' => [ $date->(-36) ],
            'too new' => [ $date->(120) ], 'none that is one' =>
                [ [ 'date', 'yesterday' ] ],
            'empty' => [ [ 'date', '' ] ],
            'long ago' => [ [ 'date', 'Sun, 06 Nov 1994 08:49:37 GMT' ] ],
            'cut' => [ [ 'date', substr($date->(0)[1], 0, 20) ] ],
            'of another millennium' =>
                [ [ 'date', 'Sun, 06 Nov 9994 08:49:37 GMT' ] ],
        );

        for my $name (sort keys %bad) {
            my $m = seal($form, { %q, fields => $bad{$name} });
            for my $time (1, 2) {
                refused_inside(400, "$form, Date: $name, $time", sub {
                    my $o = send_it($m, path => '/dated');
                    my $doc = AttestTest::json({ body => $o->{body} }) || {};
                    is($doc->{type}, $type, "$form, $name, type");
                    is($o->{field}{'content-type'},
                        'application/problem+json', 'media type');
                    ok(abs(str2time($o->{field}{date}) - time) < 5,
                        "$form, $name, our Date");
                    return $o;
                });
            }

            # the same key with the Date that it was told, as a client does
            my $o = ask($form, { %q, fields => [ $date->(0) ] },
                path => '/dated');
            sealed_ok($o, 200, "$form, $name, corrected");
        }
    }

    refused_inside(400, 'two Dates', sub {
        ask('whole', { %q, fields => [ $date->(0), $date->(0) ] },
            path => '/dated');
    });

    # what was refused is not remembered, and a Date is not asked for elsewhere
    my $m = seal('whole', { %q });
    is(send_it($m, path => '/dated')->{status}, 400, 'no Date');
    sealed_ok(send_it($m), 200, 'which does not matter here');
    refused(409, "${URN}replay", 'but now it does', sub { send_it($m) });
}


# ---- the request inside

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


# ---- streams

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


# ---- locations

sub test_internal {
    my $before = length $t->backend_raw();

    is($t->get($_)->{status}, 404, "$_ is not for the public")
        for '/echo', '/v1/models', '/hosts';
    is(length $t->backend_raw(), $before, 'backend not contacted');

    is($t->get('/public')->{status}, 200, 'a public one');
    refused_inside(404, 'is not for inner requests', sub {
        ask('whole', { path => '/public' });
    });
    refused_inside(404, 'nor is the gateway', sub {
        ask('chunked', { method => 'POST', path => $GATEWAY,
            body => seal('whole', { path => '/echo' })->{body},
            fields => [ [ 'content-type', 'message/ohttp-req' ] ] });
    });
    refused_inside(404, 'nor are its keys', sub {
        ask('chunked', { path => $GATEWAY });
    });
    refused_inside(404, 'nor is the status', sub {
        ask('chunked', { path => '/attest-status' });
    });

    # refused before its location was entered: the page is the operator's
    for my $form (@FORMS) {
        my $o = ask($form, { method => 'POST', path => '/v1/upload',
            body => 'x' x 101 });
        sealed_ok($o, 413, "$form, too large for its location");
        is($o->{body}, "public\n", "$form, error_page");
    }

    sealed_ok(ask('whole', { path => '/v1/nowhere' }), 500,
        'an address that is none');

    # server_name api.test is another server{} with another answer
    my $o = ask('whole', { path => '/v1/models' });
    like($o->{body}, qr/echo-1/, 'the authority does not choose the server');
}


sub test_cors {
    my $r = $t->get('/small', method => 'OPTIONS', headers => [
        'Origin: https://app.example',
        'Access-Control-Request-Method: POST' ]);

    is($r->{status}, 204, 'preflight');
    is($r->{headers}{'access-control-allow-origin'}, 'https://app.example',
        'allowed');

    my $o = ask('chunked', { path => '/v1/models',
        fields => [ [ 'origin', 'https://evil.example' ] ] },
        path => '/small', headers => [ 'Origin: https://app.example' ]);
    is($o->{outer}{headers}{'access-control-allow-origin'},
        'https://app.example', 'the outer origin counts');
    is($o->{status}, 200, 'sealed');
}


sub test_ehbp_beside {
    my $r = $t->get('/ehbp', method => 'POST', body => 'x');

    is($r->{status}, 400, 'EHBP beside it wants EHBP');
}


# When a request is over, the worker's memory knows nothing of it.
sub test_traces {
    my $secret = 'trace' . join '', map { chr(97 + rand 26) } 1 .. 24;
    my $body = substr(($secret . ' ') x 200, 0, 4000);
    my @fields = ([ 'cookie', "a=$secret" ], [ 'cookie', "b=$secret" ],
        [ 'cookie', "c=$secret" ], [ 'authorization', "Bearer $secret" ],
        [ 'x-own', $secret ]);

    for my $form (@FORMS) {
        for my $path ("/echo?$secret", "/v1/%6dodels/$secret",
            "/v1/models?field=X-Secret:$secret")
        {
            for my $gateway ($GATEWAY, '/soon') {
                my $o = ask($form, { method => 'POST', path => $path,
                    body => $body, fields => \@fields }, path => $gateway);
                isnt($o->{status}, 0, "$form, $path, answered");
            }
        }
    }

    my ($pid) = $t->workers();
    my $found;

    AttestTest::until_true(5, sub { !($found = traces($pid, $secret)) });
    is($found, 0, 'no trace is left of it');
}


# How many times a text is in the memory of a process.
sub traces {
    my ($pid, $text) = @_;
    my $n = 0;

    no warnings 'portable';

    open my $mem, '<:raw', "/proc/$pid/mem" or die "memory of $pid: $!\n";

    for (split /\n/, AttestTest::read_file("/proc/$pid/maps")) {
        my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        my $size = hex($to) - hex $from;

        next if $size > 1 << 28 || !sysseek $mem, hex $from, 0;
        next if !sysread $mem, my ($data), $size;
        while ($data =~ /\Q$text\E/g) {
            $n++;
            diag(sprintf '%s: %s', $_, substr($data,
                $-[0] > 60 ? $-[0] - 60 : 0, 120) =~ tr/ -~/./cr) if $ENV{V};
        }
    }

    return $n;
}


# Nothing that was sealed, in any format; check_logs() looks for the canary.
sub test_logs {
    my $q = "/v1/models/$CANARY?secret=$CANARY";
    my @fields = map { [ $_, "$CANARY" ] } qw(user-agent referer
        authorization x-secret content-type accept origin);
    push @fields, [ 'cookie', "secret=$CANARY" ];

    for my $form (@FORMS) {
        ask($form, { path => $q, fields => \@fields });
        ask($form, { path => "/dead?$CANARY", fields => \@fields });
        ask($form, { path => "/dead/$CANARY", fields => \@fields });
        ask($form, { path => "$CHAT?tokens=5&die_after=1&x=$CANARY",
            body => chat($CANARY, stream => JSON::PP::true),
            fields => \@fields });
        ask($form, { path => "$CHAT?die_after=0&x=$CANARY",
            body => chat($CANARY), fields => \@fields });
        ask($form, { path => "/request//$CANARY", fields => \@fields });
        ask($form, { path => "/x", authority => "$CANARY.test" });
        ask($form, { path => '/x', fields => [ [ 'x', "$CANARY\r\n" ] ] });
        ask($form, { path => "/v1/models?field=X-Secret:$CANARY" });
        ask($form, { path => "$CHAT?framing=close&x=$CANARY",
            body => chat($CANARY, stream => JSON::PP::true) });
    }

    my $o = ask('chunked', { path => '/v1/none' },
        headers => [ 'User-Agent: outer-agent' ]);
    is($o->{status}, 404, 'one more');

    AttestTest::until_true(5, sub {
        AttestTest::read_file($t->path('logs/all.log')) =~ /outer-agent/
    });

    my ($line) = reverse grep { /outer-agent/ } split /\n/,
        AttestTest::read_file($t->path('logs/all.log'));
    like($line, qr/\QPOST $GATEWAY HTTP\E\S+ POST \Q$GATEWAY - $GATEWAY\E /,
        'the log tells of the outer request');
    like($line, qr/p=ohttp-chunked k=\d+ s=404$/,
        'and what is safe of the inner one');
    unlike(AttestTest::read_file($t->path("logs/$_")), qr/\Q$CANARY\E/,
        "no canary in $_") for qw(all.log combined.log error.log);
    unlike(AttestTest::read_file($t->path('logs/all.log')),
        qr/ohttp.* u=(?!-)| u=(?!-).*p=ohttp/, 'no field of the backend');

    # the backend may know
    unlink $t->path('backend.log');
}


# ---- configuration

sub test_conf {
    my $allow = 'attest_ohttp_allow api.test;';
    my @bad = (
        [ 'attest_prompt ohttp;', qr/needs "attest_ohttp_allow"/ ],
        [ $allow, qr/needs "attest_prompt ohttp"/ ],
        [ "attest_prompt ohttp; attest_ohttp_replay enc; $allow",
            qr/invalid value "enc" in "attest_ohttp_replay"/ ],
        (map { [ "attest_prompt ohttp; attest_ohttp_replay $_; $allow",
            qr/parameter "\Q${\ (split ' ')[1]}\E" in "attest_ohttp_replay"/
            ] } 'date window=0', 'date window=', 'date x=1',
            'date window=-1', 'date window=2d', 'date window=1ms', 'date 60s',
            'key window=60s', 'off window=1s'),
        [ "attest_prompt ohttp; attest_ohttp_replay date date date; $allow",
            qr/invalid number of arguments in "attest_ohttp_replay"/ ],
        [ "attest_prompt ohttp; attest_ohttp_replay date; "
            . "attest_ohttp_replay key; $allow",
            qr/"attest_ohttp_replay" directive is duplicate/ ],
        [ "attest_prompt ohttp; $allow proxy_pass http://127.0.0.1:1;",
            qr/conflicts with another handler/ ],
        [ "attest_prompt ohttp; $allow attest_keys;",
            qr/conflicts with another handler/ ],
        [ "attest_prompt ohttp; $allow client_body_in_file_only on;",
            qr/"client_body_in_file_only" cannot be used/ ],
        [ "attest_prompt ohttp; $allow if (\$http_x) { set \$a 1; }",
            qr/"if" and "limit_except" cannot be used/ ],
        [ "attest_prompt ohttp; $allow limit_except POST { deny all; }",
            qr/"if" and "limit_except" cannot be used/ ],
        [ 'attest_ohttp_xwing auto;',
            qr/"attest_ohttp_xwing" directive is not allowed here/ ],
        [ 'attest_prompt ohttps;', qr/invalid value "ohttps"/ ],
        (map { [ "attest_ohttp_pad $_;",
            qr/invalid size "$_" in "attest_ohttp_pad"/ ] } 0, 15, 16385,
            '1m', 'x', -1),
        (map { [ "attest_prompt_coalesce $_;",
            qr/invalid time "$_" in "attest_prompt_coalesce"/ ] } 0, '6s',
            '5001ms', 'x', -1),
        [ 'attest_ohttp_pad 1k; attest_ohttp_pad off;', qr/is duplicate/ ],
        [ 'attest_prompt_coalesce off; attest_prompt_coalesce 1s;',
            qr/is duplicate/ ],
    );

    for my $target ('http://x', 'x/../y', '/v1', 'a b', 'x/%41', 'x/a?b',
        'u@x', '', 'x,y')
    {
        push @bad, [ "attest_prompt ohttp; attest_ohttp_allow '$target';",
            qr/invalid target "\Q$target\E" in "attest_ohttp_allow"/ ];
    }

    my $good = AttestTest->new();
    $good->{tpm_port} = $t->{tpm_port};

    for (@bad) {
        my ($text, $want) = @$_;
        my $conf = config();
        $conf =~ s/(?=location = \/public)/location = \/bad { $text }\n/;
        $good->write_conf($conf);
        my ($ok, $said) = $good->test_conf();
        ok(!$ok, "refused: $text");
        like($said, $want, 'and why');
    }

    for ([ 'maybe', qr/invalid value "maybe" in "attest_ohttp_xwing"/ ],
        [ 'off; attest_ohttp_xwing auto', qr/is duplicate/ ])
    {
        $good->write_conf(config(http => "attest_ohttp_xwing $_->[0];"));
        my ($ok, $said) = $good->test_conf();
        ok(!$ok, "refused: X-Wing $_->[0]");
        like($said, $_->[1], 'and why');
    }

    my $conf = config();
    $conf =~ s/(server_name localhost;)/$1 attest_prompt ohttp;/;
    $good->write_conf($conf);
    my ($ok, $said) = $good->test_conf();
    like($said, qr/must be in a location/, 'not for a server');
    $good->finish();
}


sub test_rotation {
    $t->stop();
    $t->fake_clock();
    $t->write_conf(config(http => 'attest_lifetime 1h;'));
    $t->start();

    my $old = $list = keys_now();
    my @kept = map { seal('chunked', { path => '/echo', body => $_ }) } 0, 1;

    $t->pass_time(2450);
    ok(AttestTest::until_true(20, sub { keys_now() ne $old }),
        'the key changes');
    $list = keys_now();

    sealed_ok(send_it($kept[0]), 200, 'the previous key is accepted');
    refused(409, "${URN}replay", 'under which nothing comes twice',
        sub { send_it($kept[0]) });

    is(length $list, 2 * length $old, 'the old one stands behind the new');
    sealed_ok(ask('chunked', { path => '/v1/models' }), 200,
        'the current key');

    # one that takes longer than its key is good for
    my $slow = seal('chunked', { path => '/echo', body => 'slow' },
        list => $old);
    my $hold = $t->path('client/slow');
    upload($slow, file => $hold, parts => [ 60, length $slow->{body} ]);
    ok(AttestTest::until_true(120, sub { -e $hold }), 'an upload begins');

    $t->pass_time(1200);
    unlink $hold;
    my $r = uploaded($slow);
    is($r->{http}, 400, 'its key is retired before it ends');
    like($r->{text}, qr/"type":"\Q$KEY_ERROR\E"/, 'and it is told so');

    refused(400, $KEY_ERROR, 'a retired key', sub { send_it($kept[1]) });

    $list = keys_now();
    sealed_ok(ask('chunked', { path => '/v1/models' }), 200,
        'who fetches again is served');
}
