# SPDX-License-Identifier: Apache-2.0

package EhbpTest;

# What the tests of encrypted prompts (EHBP) share: a gateway with locations
# of all kinds, a client, and what they say of answers.
#
#   EhbpTest::start();         the gateway runs: $t, $client, $keys
#   sealed_ok(send_to($CHAT, seal(chat('Hello'))), 200, 'a prompt');
#   EhbpTest::end();

use strict;
use warnings;

use Exporter qw(import);

use Test::More;

use AttestTest;
use PromptClient qw(chat);

our @EXPORT = qw($t $client $keys $KEY_ERROR $URN $CHAT $CANARY config
    keys_now seal seal_of send_to open_answer opened sealed_ok refused chat
    echo_of status_of);

our $KEY_ERROR = 'urn:ietf:params:ehbp:error:key-config';
our $URN = 'urn:ngx-attest:problem:';
our $CHAT = '/v1/chat/completions';
our $CANARY = $AttestTest::CANARY;
our ($t, $client, $keys);

my $n = 0;


sub start {
    PromptClient::need();

    # Debug level: what nginx says there must not hold a prompt either.
    $t = AttestTest->new(log_level => 'debug', fresh_tpm => 0);

    # A backend that dies, and files that hold no plaintext but are looked at.
    $t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

    $client = PromptClient->new('ehbp_client.py');

    $t->swtpm();
    $t->backend();
    AttestTest::make_path($t->path('www/file'), $t->path('client'));
    AttestTest::write_file($t->path('www/file/there'), "a file\n");
    AttestTest::write_file($t->path('www/page.html'), "the page\n");
    $t->write_conf(config());
    $t->start();
    $keys = keys_now();
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


# What the backend saw, by its echo.
sub echo_of { return PromptClient::echo_of($_[0]->{plain}) }


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


1;
