# SPDX-License-Identifier: Apache-2.0

# The replay cache: who may fill it, what happens when it is full, copies that
# come at the same time, and locations that remember in different ways.

use strict;
use warnings;

use Test::More;

use POSIX qw(strftime);

use FindBin;
use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Sealed;

PromptClient::need();

my @FORMS = qw(ehbp whole chunked);

my $t = AttestTest->new(fresh_tpm => 0, workers => 2);
my $s = Sealed->new($t);

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('www'));
AttestTest::write_file($t->path('www/denied.html'), "the page\n");
# alice, secret
AttestTest::write_file($t->path('users'), "alice:{PLAIN}secret\n");

test_capacity();
test_access();
test_copies();
test_locations();
test_counters();
test_full();

$s->end();
AttestTest::done();


sub conf {
    my (%o) = @_;
    my $http = $o{http} // '';

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $http
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        root %%DIR%%/www;
        proxy_http_version 1.1;
        proxy_buffering off;
        keepalive_requests 100000;
        location = $Sealed::KEYS { attest_keys; }
        location = $Sealed::GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/in/;
        }
        location = /dated {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/in/;
            attest_ohttp_replay date window=30s;
        }
        location = /off {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/in/;
            attest_ohttp_replay off;
        }
        location = /closed {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/in/;
            deny all;
        }
        location /out/ {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/deny/ {
            attest_prompt ehbp;
            deny all;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/page/ {
            attest_prompt ehbp;
            deny all;
            error_page 403 /denied.html;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/other/ {
            attest_prompt ehbp;
            deny all;
            error_page 403 = /denied.html;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/auth/ {
            attest_prompt ehbp;
            auth_basic users;
            auth_basic_user_file %%DIR%%/users;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/asked/ {
            attest_prompt ehbp;
            auth_request /ask;
            proxy_pass http://%%BACKEND%%/;
        }
        location /out/any/ {
            attest_prompt ehbp;
            satisfy any;
            deny all;
            auth_basic users;
            auth_basic_user_file %%DIR%%/users;
            proxy_pass http://%%BACKEND%%/;
        }
        location = /ask {
            internal;
            attest_prompt off;
            if (\$http_authorization = "") { return 401; }
            return 204;
        }
        location /in/ {
            internal;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/deny/ {
            internal;
            attest_ohttp_inner on;
            deny all;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/page/ {
            internal;
            attest_ohttp_inner on;
            deny all;
            error_page 403 /denied.html;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/auth/ {
            internal;
            attest_ohttp_inner on;
            auth_basic users;
            auth_basic_user_file %%DIR%%/users;
            proxy_pass http://%%BACKEND%%/;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_STATUS%%;
        location = /status { attest_status; }
    }
}
END
}


sub begin {
    my (%o) = @_;

    $t->stop() if $t->master();
    conf(%o);
    $t->start();
    $t->mark_log();
    ok($s->keys(), 'keys');
}


sub status {
    my ($args) = @_;
    my $r = $t->get('/status' . ($args // ''), plain => 1,
        port => $t->port('STATUS'));

    return defined $args ? $r->{body} : AttestTest::json($r) || {};
}


sub used { return status()->{replay}{used} }


sub dated {
    return [ [ 'date', strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime) ] ];
}


# As many as fit, of the form EHBP, until one is answered otherwise.
sub flood {
    my ($count, %o) = @_;

    return $s->client('ehbp')->ask(op => 'flood', host => '127.0.0.1',
        port => $t->port('TLS') + 0, path => $o{path} || '/out/echo',
        keys => $s->{keys}{1}, count => $count, stop => $o{stop} || 422);
}


# ---- tests

sub test_capacity {
    begin();
    my $status = status()->{replay};

    cmp_ok($status->{capacity}, '>=', 100_000,
        'for 100,000 prompts in an hour, by default');
    is($status->{used}, 0, 'nothing is remembered yet');

    for my $case ([ '1000', '1h', 1000 ], [ '5000r/h', '2h', 10_000 ],
        [ '3600', '60s', 60 ])
    {
        my ($rate, $life, $want) = @$case;
        begin(http => "attest_replay $rate; attest_lifetime $life;");
        my $got = status()->{replay}{capacity};

        cmp_ok($got, '>=', $want, "$rate for $life");
        cmp_ok($got, '<=', 1.05 * $want + 100, '  not much more');
    }

    like(status('?format=prometheus'), qr/^ngx_attest_replay_capacity \d+$/m,
        'for Prometheus too');

    for my $case ([ '1k', 'invalid size "1k"' ], [ '0', 'invalid value "0"' ],
        [ 'r/h', 'invalid value "r/h"' ], [ '-5', 'invalid value "-5"' ],
        [ '900000000', 'of 900000000 prompts per hour, with '
            . '"attest_lifetime" of 3600 s, takes more than 1024m' ])
    {
        conf(http => "attest_replay $case->[0];");
        my ($ok, $out) = $t->test_conf();
        ok(!$ok, "refused: $case->[0]");
        like($out, qr/\Q$case->[1]\E/, '  says why');
        like($out, qr/"attest_replay"/, '  and where');
    }
}


# Who may not come in leaves no trace, and takes nobody's turn.
sub test_access {
    begin();
    my %auth = (headers => [ 'Authorization: Basic YWxpY2U6c2VjcmV0' ]);
    my $inside = [ [ 'authorization', 'Basic YWxpY2U6c2VjcmV0' ] ];

    for my $kind (qw(deny page other auth asked any)) {
        my $m = $s->seal('ehbp', $kind, path => "/out/$kind/echo");
        my $raw = length $t->backend_raw();
        my $used = used();

        for (1 .. 3) {
            my $got = $s->send($m);
            ok($got->{sealed}, "EHBP, $kind: an answer under the seal");
            isnt($got->{text}, $kind, '  but not the backend\'s');
        }

        is(length $t->backend_raw(), $raw, '  which was not asked');
        is(used(), $used, '  nothing is remembered');
        next if $kind !~ /auth|asked|any/;

        is($s->send($m, %auth)->{text}, $kind, '  who may is served');
        is($s->send($m, %auth)->{type}, 'replay', '  once');
        is(used(), $used + 1, '  and remembered');
    }

    for my $form (qw(whole chunked)) {
        my $used = used();

        for my $kind (qw(deny page auth)) {
            my $m = $s->seal($form, $kind, path => "/in/$kind/echo");

            for (1 .. 3) {
                my $got = $s->send($m);
                ok($got->{sealed}, "$form, $kind: under the seal");
                isnt($got->{text}, $kind, '  not the backend\'s');
            }
        }

        my $m = $s->seal($form, 'x', path => '/in/echo');
        is($s->send($m, gateway => '/closed')->{status}, 403, 'outside');
        is(used(), $used, "$form: nothing is remembered");

        is($s->send($m)->{text}, 'x', '  where it may come in');
        is($s->send($m)->{type}, 'replay', '  once');

        $m = $s->seal($form, 'y', path => '/in/auth/echo',
            fields => $inside);
        is($s->send($m)->{text}, 'y', '  with a credential inside');

        my $got = $s->send($m);
        is($got->{type}, 'replay', '  once');
        ok(!$got->{sealed}, '  refused in clear');
        is($got->{status}, 409, '  as a conflict');
        is(used(), $used + 2, '  remembered');
    }
}


# Copies at the same time, in two workers: the backend hears of one.
sub test_copies {
    for my $form (@FORMS) {
        my $path = $form eq 'ehbp' ? '/out/echo' : '/in/echo';
        my $before = () = $t->backend_raw() =~ /race-$form/g;
        my $m = $s->seal($form, "race-$form", path => $path);
        my @got = $s->send_copies($m, 8);

        is(scalar(grep { ($_->{text} // '') eq "race-$form" } @got), 1,
            "$form: one of eight copies wins");
        is(scalar(grep { ($_->{type} // '') eq 'replay' } @got), 7,
            '  the others are replays');
        my $after = () = $t->backend_raw() =~ /race-$form/g;
        is($after - $before, 1, '  the backend heard of one');
    }
}


# What one location has taken no other takes, whatever it does itself.
sub test_locations {
    my %o = (path => '/in/echo', fields => dated());

    for my $form (qw(whole chunked)) {
        my $m = $s->seal($form, 'x', %o);

        is($s->send($m)->{text}, 'x', "$form: by key");
        is($s->send($m, gateway => '/off')->{type}, 'replay',
            '  not where replays are taken');
        is($s->send($m, gateway => '/dated')->{type}, 'replay',
            '  nor by date');

        $m = $s->seal($form, 'y', %o);
        is($s->send($m, gateway => '/dated')->{text}, 'y', '  by date');
        is($s->send($m, gateway => '/off')->{type}, 'replay',
            '  not where replays are taken');

        $m = $s->seal($form, 'z', %o);
        is($s->send($m, gateway => '/off')->{text}, 'z', '  off') for 1, 2;
        is($s->send($m)->{text}, 'z', '  which remembers nothing');
        is($s->send($m, gateway => '/off')->{type}, 'replay',
            '  but others do');
    }
}


# Each request is counted once: as opened, or as refused and why.
sub test_counters {
    begin();
    my $count = sub {
        my $c = status()->{counters};
        return join ' ', map { "$_=$c->{$_}" } grep { $c->{$_} }
            sort grep { /^(?:refused|prompts)_/ } keys %$c;
    };
    my %inner = (path => '/elsewhere');

    is($s->send($s->seal('whole', 'x', %inner))->{status}, 403, 'target');
    is($count->(), 'refused_inner=1', 'refused, not opened');

    is($s->send($s->seal('whole', 'x', path => '/in/echo'),
        gateway => '/dated')->{status}, 400, 'no Date');
    is($count->(), 'refused_inner=2', 'refused, not opened');

    my $m = $s->seal('whole', 'x', path => '/in/echo');
    is($s->send($m)->{text}, 'x', 'served');
    is($count->(), 'prompts_opened=1 refused_inner=2', 'opened');

    is($s->send($m)->{type}, 'replay', 'a replay');
    is($count->(), 'prompts_opened=1 refused_inner=2 refused_replay=1',
        'is not');
    like(status('?format=prometheus'),
        qr/^ngx_attest_refused_total\{reason="inner"\} 2$/m, 'Prometheus');
}


# A full cache replaces the keys early: service goes on, nothing of before is
# taken again, and the log says it once.
sub test_full {
    begin(http => 'attest_replay 500; attest_lifetime 1h;');
    my $capacity = status()->{replay}{capacity};
    my $generation = status()->{generation};
    my %m = map { $_ => $s->seal($_, 'first', path =>
        $_ eq 'ehbp' ? '/out/echo' : '/in/echo') } @FORMS;

    is($s->send($m{$_})->{text}, 'first', "$_: room") for @FORMS;

    my $r = flood(int($capacity * 0.7));
    is(join(' ', keys %{ $r->{statuses} }), '200', '70 per cent');
    unlike($t->wait_log(qr/the replay cache/, 0), qr/./, 'nothing to say');

    flood(int($capacity * 0.15));
    like($t->wait_log(qr/the replay cache is 80% full, \d+ of $capacity /),
        qr/./, 'a warning in time');

    # some of them may be answered by the next key already
    my $served = 0;
    for (1 .. 40) {
        $r = flood(int($capacity * 0.05) + 1);
        is($r->{statuses}{503}, undef, 'nobody is turned away');
        $served += $r->{statuses}{200} || 0;
        last if $r->{statuses}{422};
    }

    like($t->wait_log(qr/the replay cache is full, \d+ prompts: the prompt /),
        qr/./, 'and when it is full');
    ok(AttestTest::until_true(30, sub {
        return status()->{generation} > $generation }), 'new keys');
    cmp_ok(used(), '<', $capacity / 2, 'there is room again');

    for my $form (@FORMS) {
        like($s->send($m{$form})->{type}, qr/^(?:key-config|ohttp-key)$/,
            "$form: not a second time");
    }

    ok($s->keys(), 'who fetches the keys again');
    is($s->send($s->seal($_, 'next', path => $_ eq 'ehbp' ? '/out/echo'
        : '/in/echo'))->{text}, 'next', "is served: $_") for @FORMS;

    my $said = () = $t->error_log() =~ /the replay cache is (?:80|full)/g;
    is($said, 2, 'said once');
    is($t->get('/.well-known/hpke-keys')->{status}, 200, 'no harm done');
}
