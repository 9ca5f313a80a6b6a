# SPDX-License-Identifier: Apache-2.0

package OhttpTest;

# What the tests of the Oblivious HTTP gateway share: a gateway with locations
# of all kinds, a client, and what they say of answers.
#
#   OhttpTest::start();        the gateway runs: $t, $client, $list (its keys)
#   sealed_ok(ask('whole', { path => '/v1/models' }), 200, 'a request');
#   OhttpTest::end();

use strict;
use warnings;

use Exporter qw(import);
use Time::Local qw(timegm);

use Test::More;

use AttestTest;
use PromptClient qw(chat echo_of);

our @EXPORT = qw($t $client $list $KEY_ERROR $URN $GATEWAY $CHAT $CANARY
    @FORMS config keys_now seal type_of send_it open_it ask sealed_ok
    refused refused_inside str2time tokens_of chat doc_of);

our $KEY_ERROR = 'https://iana.org/assignments/http-problem-types#ohttp-key';
our $URN = 'urn:ngx-attest:problem:';
our $GATEWAY = '/.well-known/ohttp-gateway';
our $CHAT = '/v1/chat/completions';
our $CANARY = $AttestTest::CANARY;
our @FORMS = qw(whole chunked);
our ($t, $client, $list);

my $n = 0;


sub start {
    PromptClient::need();

    $t = AttestTest->new(fresh_tpm => 0);

    # A backend that dies.
    $t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

    $client = PromptClient->new('ohttp_client.py');

    $t->swtpm();
    $t->backend();
    AttestTest::make_path($t->path('www/v1/static'), $t->path('client'));
    AttestTest::write_file($t->path('www/v1/static/there'), "a file\n");
    AttestTest::write_file($t->path('www/v1/static/large'), 'x' x 100_000);
    $t->write_conf(config());
    $t->start();
    $list = keys_now();
}


sub end {
    $client->end();
    AttestTest::done();
}


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


# What the backend saw, by its echo.
sub doc_of { return echo_of($_[0]->{body}) }


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


1;
