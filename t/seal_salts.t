# SPDX-License-Identifier: Apache-2.0

# What is put into requests before they are sealed: salts for the caches of
# models, and credentials of files; and the one retry that pinned keys allow,
# with the gateway's time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use MIME::Base64 qw(decode_base64);
use SealTest;
use Test::More;

my $CLOCK = 3600;

SealTest::start(clock => 1, server => sub { salt_conf() });

test_request();
test_caller();
test_fixed();
test_untouched();
test_refused();
test_api_key();
test_elsewhere();
test_date();
test_conf();

SealTest::end();


sub salt_conf {
    AttestTest::write_file($t->path('salt.key'), "a-fixed-salt\n");
    AttestTest::write_file($t->path('api.key'), "sk-$CANARY\n");

    my $port = $g->port('TLS');

    return <<"END" . join '', map { SealTest::seal_conf(@$_) }
        location \@other {
            attest_seal ohttp keys=%%DIR%%/keys.bin;
            rewrite ^/fallback(.*)\$ \$1 break;
            proxy_pass https://127.0.0.1:$port;
        }
        location = /auth {
            auth_request /ehbp/echo;
            proxy_pass http://127.0.0.1:1;
        }
END
        [ 's-request', 'ehbp', 'attest_seal_cache_salt request;' ],
        [ 's-caller', 'ohttp', 'attest_seal_cache_salt caller;' ],
        [ 's-fixed', 'ehbp', 'attest_seal_cache_salt %%DIR%%/salt.key;' ],
        [ 'api', 'ohttp', 'attest_seal_api_key %%DIR%%/api.key;' ],
        [ 'api-field', 'ehbp',
            'attest_seal_api_key %%DIR%%/api.key header=X-Api-Key;' ],
        [ 'fallback', 'ehbp', 'error_page 502 = @other;',
            'http://127.0.0.1:' . AttestTest::free_port() ],
        [ 'set-body', 'ohttp', 'proxy_set_body "said $arg_x";' ],
        [ 'dated', 'ohttp path=/dated' ],
        [ 'own-date', 'ohttp path=/dated',
            'proxy_set_header Host inside.test; '
            . 'proxy_set_header Date "Mon, 01 Jan 2024 00:00:00 GMT";' ];
}


# What the backend has got.
sub got {
    my ($path, $body, @headers) = @_;
    my $r = ask("$path/request", body => $body, headers => \@headers);

    is($r->{status}, 200, "$path: sent");
    my $doc = AttestTest::json($r);
    $doc->{body} = decode_base64($doc->{body});
    return $doc;
}


sub salt_of {
    my ($doc) = @_;

    return JSON::PP::decode_json($doc->{body})->{cache_salt};
}


sub field_of {
    my ($doc, $name) = @_;

    return join ',', map { $_->[1] } grep { lc $_->[0] eq $name }
        @{ $doc->{headers} };
}


sub test_request {
    my $doc = got('/s-request', "{ \"b\":1.50,\n\"a\" : [1 ,2]}");
    my $salt = salt_of($doc);

    like($salt, qr/^[0-9a-f]{64}$/, 'a salt');
    is($doc->{body}, "{\"cache_salt\":\"$salt\", \"b\":1.50,\n"
        . "\"a\" : [1 ,2]}", 'and nothing else');
    isnt(salt_of(got('/s-request', '{}')), $salt, 'another one each time');
    is(salt_of(got('/s-request', '{"cache_salt":"mine"}')) eq 'mine', '',
        'whatever the client says');
}


sub test_caller {
    my @a = ('Authorization: Bearer a');
    my $one = salt_of(got('/s-caller', '{}', @a));

    is(salt_of(got('/s-caller', '{"x":1}', @a)), $one,
        'the same for one caller');
    isnt(salt_of(got('/s-caller', '{}', 'Authorization: Bearer b')), $one,
        'another one for another');
    isnt(salt_of(got('/s-caller', '{}', 'X-Api-Key: a')), $one,
        'by whatever field');
    isnt(salt_of(got('/s-caller', '{}')), salt_of(got('/s-caller', '{}')),
        'nobody shares with nobody');
    unlike($one, qr/Bearer/, 'and it does not say who it is');
}


sub test_fixed {
    is(salt_of(got('/s-fixed', '{"a":1}')), 'a-fixed-salt', 'of a file');
}


sub test_untouched {
    is(got('/s-request', '{}', 'Content-Type: text/plain')->{body}, '{}',
        'what is not JSON by its type');
    is(got('/s-request', '[{}]')->{body}, '[{}]', 'nor an object');
    like(got('/s-request', '{}',
        'Content-Type: application/x+json; charset=utf-8')->{body},
        qr/cache_salt/, 'JSON of other kinds');
}


sub test_refused {
    for my $bad ('{', '{"a":1,}', '{"cache_salt":1,"cache\u005fsalt":2}') {
        my $r = ask('/s-request/echo', body => $bad);

        is($r->{status}, 400, "$bad is refused");
        is(AttestTest::json($r)->{error}{code}, "${URN}no-salt", 'so');
    }
}


sub test_api_key {
    my $doc = got('/api', 'x', 'Authorization: Bearer theirs');

    is(field_of($doc, 'authorization'), "Bearer sk-$CANARY",
        'a credential of a file instead of the client\'s');
    $doc = got('/api-field', 'x', 'Authorization: Bearer theirs');
    is(field_of($doc, 'x-api-key'), "sk-$CANARY", 'or in another field');
    is(field_of($doc, 'authorization'), 'Bearer theirs', 'beside that');
    is(field_of(AttestTest::json(ask('/api-field/request')), 'x-api-key'),
        "sk-$CANARY", 'of requests without a body, too');

    my $dump = AttestTest::run_out($t->nginx_cmd('-T'),
        env => AttestTest::nginx_env());
    like($dump, qr/attest_seal_api_key/, 'a dump of the configuration');
    unlike($dump, qr/$CANARY/, 'does not have it');
}


# What nginx' own ways make of a sealed request.
sub test_elsewhere {
    my $r = ask('/fallback/echo', body => "$CANARY fallback");

    is($r->{status}, 200, 'an error page that seals');
    is($r->{body}, "$CANARY fallback", 'has the body');
    is(got('/set-body', 'x', 'X-None: 1')->{body}, 'said ',
        'another body instead');
    is(ask('/auth')->{status}, 500, 'no subrequests');
    like($t->error_log(), qr/a subrequest leads to a location/, 'it is said');
}


# The client's clock shows another time: the gateway says which it is.
sub test_date {
    is(ask('/dated/echo', body => 'now')->{status}, 200, 'the same time');

    $t->set_clock($CLOCK);
    sleep 2;
    my $r = ask('/dated/echo', body => "$CANARY later");

    is($r->{status}, 200, 'another time');
    is($r->{body}, "$CANARY later", 'is put right');
    like($t->error_log(), qr/clock shows another time/, 'and said');

    $r = ask('/own-date/echo', body => 'mine');
    is($r->{status}, 400, 'a Date of the client\'s own');
    like($r->{body}, qr/#date/, 'is refused to him');
    $t->set_clock(0);
}


sub test_conf {
    for ([ 'attest_seal ohttp form=large', 'form=large' ],
        [ 'attest_seal ehbp form=whole', 'form=whole' ],
        [ 'attest_seal ohttp path=x', 'path=x' ],
        [ 'attest_seal ohttp authority=a/b', 'authority=a/b' ])
    {
        my ($text, $bad) = @$_;

        $t->write_conf(SealTest::client_conf(server => "location /x/ { "
            . "$text; proxy_pass http://127.0.0.1:1; }"));
        my ($ok, $out) = $t->test_conf();

        ok(!$ok, "$text is refused");
        like($out, qr/invalid parameter "\Q$bad\E" in "attest_seal"/, 'so');
    }

    # what would keep an answer, or hand a prompt to others

    for ([ 'proxy_cache z;', qr/"proxy_cache" cannot/ ],
        [ 'mirror /m;', qr/"mirror" would hand prompts on/ ],
        [ 'post_action /p;', qr/"post_action" would hand prompts on/ ])
    {
        my ($text, $says) = @$_;

        $t->write_conf(SealTest::client_conf(
            http => 'proxy_cache_path %%DIR%%/cache keys_zone=z:1m;',
            server => 'location /x/ { attest_seal ehbp keys=%%DIR%%/keys.bin;'
                . " $text proxy_pass http://127.0.0.1:1; }"));
        my ($ok, $out) = $t->test_conf();

        ok(!$ok, "$text is refused");
        like($out, qr{$says.* with "attest_seal" in location "/x/"}, 'so');
    }
}
