# SPDX-License-Identifier: Apache-2.0

# Where an opened prompt may go: which locations requests from inside
# Oblivious HTTP enter, what other modules would hand a prompt on, and whose
# limit of size holds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use JSON::PP qw(encode_json);
use PromptClient;
use Test::More;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';
my $SECRET = 'secret-behind-the-gateway';
my $PROMPT = 'prompt-of-a-client';

my $t = AttestTest->new();
my %client = map { $_ => PromptClient->new("${_}_client.py") } qw(ehbp ohttp);
my $n = 0;
my ($list, $keys);

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('client'), map { $t->path("www/$_") }
    qw(files v1/nested static));
AttestTest::write_file($t->path("www/$_"), "$SECRET\n")
    for qw(files/secret v1/nested/x static/x);

$t->write_conf(config());
start();
test_entry();
test_behind();
test_both();
test_subrequests();

test_mirror();
test_body_size();
test_refused();

$_->end() for values %client;
AttestTest::done();


# ---- surroundings

sub config {
    my (%o) = @_;
    my ($http, $server, $more) = map { $o{$_} // '' } qw(http server more);
    my $allow = $o{allow} // 'api.test';
    my $proxy = 'proxy_pass http://%%BACKEND%%; proxy_http_version 1.1;'
        . ' proxy_buffering off;';
    my $locations = $o{locations} // <<"END";
        location / { internal; $proxy }
        location /files/ { internal; }
        location = /auth { internal; proxy_pass http://%%BACKEND%%/health; }
        location = /mirrored { internal; proxy_pass http://%%BACKEND%%; }
        location ~ ^/re/ { internal; attest_ohttp_inner on; return 200 "re"; }
        location ~ ^/other/ { internal; return 200 "$SECRET"; }
        location /v1/ {
            internal;
            attest_ohttp_inner on;
            $proxy
            location /v1/nested/ { internal; root %%DIR%%/www; }
        }
        location /named/ { internal; return 200 "named"; }
        location /not/ {
            internal; attest_ohttp_inner off;
            return 200 "$SECRET";
        }
        location /clear/ { return 200 "$SECRET"; }
        location = /last { internal; attest_ohttp_inner on;
            rewrite ^ /files/secret last; }
        location = /error { internal; attest_ohttp_inner on;
            proxy_intercept_errors on;
            error_page 503 = /files/secret;
            proxy_pass http://%%BACKEND%%/v1/models;
            proxy_http_version 1.1;
        }
        location = /asked { internal; attest_ohttp_inner on;
            auth_request /auth;
            proxy_pass http://%%BACKEND%%/echo; proxy_http_version 1.1;
            proxy_buffering off; }
        location = /echo { attest_prompt ehbp; $proxy }
        location = /added { attest_prompt ehbp;
            add_after_body /request; addition_types *;
            proxy_pass http://%%BACKEND%%/echo; proxy_http_version 1.1;
            proxy_buffering off; }
        location = /added-inside { internal; attest_ohttp_inner on;
            add_after_body /request; addition_types *;
            proxy_pass http://%%BACKEND%%/echo; proxy_http_version 1.1;
            proxy_buffering off; }
        location = /asked-ehbp { attest_prompt ehbp; auth_request /auth;
            proxy_pass http://%%BACKEND%%/echo; proxy_http_version 1.1;
            proxy_buffering off; }
        rewrite ^/moved/(.*) /files/\$1;
END

    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $http
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name localhost;
        attest_certificate on;
        root %%DIR%%/www;
        $server
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow $allow;
            $more
        }
        location = /.well-known/hpke-keys { attest_keys; }
        $locations
    }
}
END
}


sub start {
    $t->start();
    $list = unpack('H*', $t->get($GATEWAY,
        headers => [ 'Accept: application/ohttp-keys' ])->{body});
    $keys = unpack('H*', $t->get('/.well-known/hpke-keys')->{body});
}


sub restart {
    $t->stop();
    $t->write_conf(config(@_));
    start();
}


# Inside Oblivious HTTP; what came back from inside.
sub inside {
    my ($path, $body) = @_;
    my ($in, $out) = map { $t->path("client/$_" . $n++) } qw(in out);
    my $m = $client{ohttp}->ask(op => 'seal', list => $list,
        form => 'chunked', out => $in, request => {
            method => defined $body ? 'POST' : 'GET', path => $path,
            content => unpack('H*', $body // '') });
    my $r = $t->get($GATEWAY, method => 'POST',
        body => AttestTest::read_file($in),
        headers => [ 'Content-Type: message/ohttp-chunked-req' ]);

    AttestTest::write_file($out, $r->{body});
    my $o = $client{ohttp}->ask(op => 'open', id => $m->{id}, in => $out);
    $o->{body} = pack('H*', $o->{content} // '');
    return $o;
}


# By EHBP; the response, and what was in its seal.
sub sealed {
    my ($path, $body) = @_;
    my ($in, $out) = map { $t->path("client/$_" . $n++) } qw(in out);
    my $m = $client{ehbp}->ask(op => 'seal', keys => $keys, out => $in,
        ref $body ? (size => $$body) : (frames => [ unpack('H*', $body) ]));
    my $r = $t->get($path, method => 'POST',
        body => AttestTest::read_file($in),
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ]);
    my $nonce = $r->{headers}{'ehbp-response-nonce'} or return $r;

    AttestTest::write_file($out, $r->{body});
    my $o = $client{ehbp}->ask(op => 'open', id => $m->{id},
        nonce => $nonce, in => $out, plain => "$out.plain");
    return { %$r, %$o, plain => AttestTest::read_file("$out.plain") };
}


# ---- which locations

sub test_entry {
    my %open = ('/v1/models' => 'a prefix that says so',
        '/re/x' => 'a regular expression that says so',
        '/health' => 'what attest_ohttp_allow names');

    is(inside($_)->{status}, 200, "entered: $open{$_}") for sort keys %open;

    my %closed = (
        '/files/secret' => 'files behind X-Accel-Redirect',
        '/auth'         => 'a backend of auth_request',
        '/other/x'      => 'a regular expression',
        '/v1/nested/x'  => 'what is nested in one that says so',
        '/not/x'        => 'one that says no',
        '/clear/x'      => 'one that is public',
        '/moved/secret' => 'where a rewrite of the server leads',
        '/named/x'      => 'one that no target names');

    for my $path (sort keys %closed) {
        my $o = inside($path);
        is($o->{status}, 404, "not entered: $closed{$path}");
        unlike($o->{body}, qr/$SECRET/, 'nothing of it is in the answer');
    }
}


# What the operator's own locations lead to is not for them to say.
sub test_behind {
    my $o = inside('/v1/models?field=X-Accel-Redirect:/files/secret');

    is($o->{body}, "$SECRET\n", 'X-Accel-Redirect of a backend');
    is(inside('/last')->{body}, "$SECRET\n", 'rewrite ... last');
    is(inside('/error?status=503')->{body}, "$SECRET\n", 'error_page');
}


# One path for both formats.
sub test_both {
    is(sealed('/echo', $PROMPT)->{plain}, $PROMPT, 'EHBP');
    is(inside('/echo', $PROMPT)->{body}, $PROMPT, 'Oblivious HTTP');
    is($t->get('/echo', method => 'POST', body => $PROMPT)->{status}, 400,
        'and nothing in clear');
}


# Subrequests are nobody's prompt.
sub test_subrequests {
    for ([ \&sealed, '/added', 'plain' ], [ \&inside, '/added-inside',
        'body' ])
    {
        my ($ask, $path, $where) = @$_;
        my $text = $ask->($path, $PROMPT)->{$where} // '';

        like($text, qr/^\Q$PROMPT\E\{"method": ?"GET"/,
            "$path: the answer, and what was added");
        is(scalar(() = $text =~ /\Q$PROMPT\E/g), 1,
            "$path: the subrequest had no prompt");
        unlike($text, qr/content-length/i, "$path: nor its length");
    }

    # nginx holds a subrequest to the limit of its location
    my $r = sealed('/asked-ehbp', \3_000_000);
    is(length($r->{plain} // ''), 3_000_000, 'a large one and auth_request');
    is(length inside('/asked', 'x' x 3_000_000)->{body}, 3_000_000,
        'also from inside Oblivious HTTP');
}


# ---- mirror

sub test_mirror {
    my $mirror = 'mirror /mirrored; proxy_pass http://%%BACKEND%%/echo;'
        . ' proxy_http_version 1.1; proxy_buffering off;';
    my $to = 'location = /mirrored { internal;'
        . ' proxy_pass http://%%BACKEND%%/request?mirror; }';

    restart(locations => "attest_prompt_mirror on; $to
        location = /e { attest_prompt ehbp; $mirror }
        location = /o { internal; attest_ohttp_inner on; $mirror }");

    is(sealed('/e', $PROMPT)->{plain}, $PROMPT, 'EHBP beside a mirror');
    is(inside('/o', $PROMPT)->{body}, $PROMPT, 'and Oblivious HTTP');
    ok(AttestTest::until_true(20, sub {
        2 == grep { $_->{target} =~ /mirror/ } $t->backend_log();
    }), 'the mirror has both');
    is(scalar(() = $t->backend_raw() =~ m{ /request\?mirror .*?
        \r\n\r\n\Q$PROMPT\E}gsx), 2, 'with the prompt');

    is(length sealed('/e', \3_000_000)->{plain}, 3_000_000, 'a large one');
    ok(AttestTest::until_true(20, sub {
        3 == grep { $_->{target} =~ /mirror/ && $_->{status} == 200 }
            $t->backend_log();
    }), 'is mirrored, too');
}


# ---- client_max_body_size

sub test_body_size {
    my $proxy = 'proxy_pass http://%%BACKEND%%/echo; proxy_http_version 1.1;'
        . ' proxy_buffering off;';
    my $size = \1_500_000;
    my $text = 'x' x $$size;

    restart(locations => <<"END");
        location = /default { attest_prompt ehbp; $proxy }
        location = /given {
            attest_prompt ehbp; client_max_body_size 1m; $proxy
        }
        location /above/ {
            client_max_body_size 1m;
            location = /above/given { attest_prompt ehbp; $proxy }
        }
        location = /inner { internal; attest_ohttp_inner on; $proxy }
        location = /inner-given {
            internal; attest_ohttp_inner on; client_max_body_size 1m; $proxy
        }
END
    is(sealed('/default', $size)->{status}, 200, 'the default is raised');
    is(sealed('/given', $size)->{status}, 413, 'what is given is not');
    is(sealed('/above/given', $size)->{status}, 413, 'nor if further up');
    is(inside('/inner', $text)->{status}, 200, 'inside: raised');
    is(inside('/inner-given', $text)->{status}, 413, 'inside: not raised');

    for my $level (qw(server http)) {
        restart($level => 'client_max_body_size 1024k;',
            locations => "location = /e { attest_prompt ehbp; $proxy }");
        is(sealed('/e', $size)->{status}, 413, "given in $level\{}");
    }

    restart(http => 'client_max_body_size 1m;',
        server => 'client_max_body_size 2m;',
        locations => "location = /e { attest_prompt ehbp; $proxy }");
    is(sealed('/e', $size)->{status}, 200, 'the nearest holds');
    is(sealed('/e', \2_200_000)->{status}, 413, 'and nothing else');
}


# ---- nginx -t

sub test_refused {
    my $e = 'attest_prompt ehbp;';
    my $mirror = qr/"attest_prompt_mirror on" is needed/;
    my $none = qr/takes what "attest_ohttp_allow" allows, .* in \S+:\d+$/m;

    for ([ $none, 'location ~ ^/v1/ { internal; }', allow => 'a.test/v1/' ],
        [ $none, 'location /v1/ { internal; }' ],
        [ $none, 'location /v1/ { internal; attest_ohttp_inner off; }',
            allow => 'a.test/v1/' ],
        [ $none, 'location /v1/ { }', allow => 'a.test/v1/' ],
        [ qr/needs "internal" or "attest_prompt ehbp"/,
            'location / { attest_ohttp_inner on; }' ],
        [ qr/cannot be used in a location with "attest_prompt ohttp"/,
            "location / { $e }", more => 'attest_ohttp_inner on;' ],
        [ $mirror, "location / { $e mirror /m; }" ],
        [ $mirror, "location / { $e }", http => 'mirror /m;',
            more => 'mirror off;' ],
        [ $mirror, 'location / { internal; mirror /m; }' ],
        [ $mirror, 'location /x { internal; attest_ohttp_inner on;'
            . ' mirror /m; mirror_request_body off; }' ],
        [ $mirror, "mirror /m; $e location / { attest_prompt off; mirror off;"
            . ' }', more => 'mirror off;' ],
        [ $mirror, "location / { $e post_action /m; }" ],
        [ $mirror, 'location / { internal; post_action /m; }' ],
        [ qr/"mirror off" is needed with "attest_prompt ohttp"/,
            "location / { $e attest_prompt_mirror on; }",
            more => 'mirror /m; attest_prompt_mirror on;' ],
        [ qr/"mirror off" is needed .*in location "\Q$GATEWAY\E"/,
            "location / { $e mirror off; }", http => 'mirror /m;' ])
    {
        my ($want, $text, %o) = @$_;
        $t->write_conf(config(%o, locations => $text));
        my ($ok, $said) = $t->test_conf();
        ok(!$ok, "refused: $text");
        like($said, $want, 'and why');
    }

    for ([ 'location /v1/ { internal; }', allow => 'a.test/v1' ],
        [ 'location = /x { internal; }', allow => 'a.test b.test/x' ],
        [ "location / { $e mirror /m; } attest_prompt_mirror on;" ],
        [ "location / { $e mirror off; post_action ''; }", http =>
            'mirror /m;', more => 'mirror off;' ],
        [ "location / { $e attest_prompt_mode off; mirror /m; }
            location /x { $e }", allow => 'a.test/x' ])
    {
        my ($text, %o) = @$_;
        $t->write_conf(config(%o, locations => $text));
        my ($ok, $said) = $t->test_conf();
        ok($ok, "taken: $text") or diag($said);
    }
}
