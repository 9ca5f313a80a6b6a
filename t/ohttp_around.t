# SPDX-License-Identifier: Apache-2.0

# Oblivious HTTP: beside other locations and EHBP, what memory and logs keep,
# configurations, and keys that change.

use strict;
use warnings;

use Test::More;

use FindBin;
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;
use OhttpTest;

OhttpTest::start();

test_internal();
test_cors();
test_ehbp_beside();
test_traces();
test_logs();
test_conf();
test_rotation();

OhttpTest::end();


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

    AttestTest::until_true(5, sub {
        return !($found = AttestTest::traces($pid, $secret)) });
    is($found, 0, 'no trace is left of it');
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
