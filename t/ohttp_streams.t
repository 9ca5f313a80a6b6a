# SPDX-License-Identifier: Apache-2.0

# Oblivious HTTP while the world changes: reload, rotation of the key, death
# of the worker, and clients that leave, in the middle of answers.

use strict;
use warnings;

use Test::More;

use FindBin;
use JSON::PP qw(encode_json);
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';
my $CHAT = '/v1/chat/completions';
my $SLOW = AttestTest::valgrind() ? 20 : AttestTest::asan() ? 3 : 1;

# Form and version of HTTP outside.
my @WAYS = map { my $form = $_; map { [ $form, $_ ] } 0, 1 }
    qw(whole chunked);

my $client = PromptClient->new('ohttp_client.py');

my ($t, $n) = (undef, 0);

subtest 'reload' => \&test_reload;
subtest 'death of the worker' => \&test_death;
subtest 'rotation' => \&test_rotation;
subtest 'clients that leave' => \&test_leaving;
subtest 'nonces' => \&test_nonces;

$client->end();
done_testing();


sub test_reload {
    begin();

    for my $round (1, 2) {
        my @streams = map { stream(@$_, 'tokens=20&delay=80') } @WAYS, @WAYS;

        spoken($_, 2) for grep { $_->{form} eq 'chunked' } @streams;
        ok($t->reload(sec => 60, nowait => $round == 2), 'reload');

        # by the new workers, while the old ones still stream
        complete(stream(@$_, 'tokens=3&delay=1'), 3, 'meanwhile') for @WAYS;
        complete($_, 20, 'across a reload') for @streams;
    }

    unlike($t->error_log(), qr/exited with code [1-9]|open socket/,
        'workers ended cleanly');
    $t->finish();
}


# What is killed cannot end anything: the client must not believe that it has
# all.  What the worker held in locked memory dies with it.
sub test_death {
    begin();
    $t->allow(qr/exited on signal 9/);

    for my $again (1, 2) {
        my @streams = map { stream(@$_, 'tokens=100&delay=50') } @WAYS;
        my @quick = map { stream(@$_, 'tokens=2&delay=1') } @WAYS;

        spoken($_, 3) for grep { $_->{form} eq 'chunked' } @streams;
        complete($_, 2, 'before the death') for @quick;

        my ($old) = $t->workers();
        kill 'KILL', $old;

        for my $s (@streams) {
            my $o = answer($s);

            isnt($o->{exit}, 0, "curl is not content, $s->{name}");
            ok(!$o->{complete}, "no end of the answer, $s->{name}");
            cmp_ok(tokens($o), '<', 100, "not all of it, $s->{name}");
            cmp_ok(tokens($o), '>=', 3, "what was said, $s->{name}")
                if $s->{form} eq 'chunked';
        }

        ok(AttestTest::until_true(20, sub {
            my @now = $t->workers();
            return @now && $now[0] != $old;
        }), 'another worker');
        complete(stream(@$_, 'tokens=3&delay=1'), 3, 'with the same keys')
            for @WAYS;
    }

    $t->finish();
}


# The key of a stream that began with it may retire: it was used once.
sub test_rotation {
    begin(http => 'attest_lifetime ' . 6 * $SLOW . 's;');

    my $old = keys_now();
    my @streams = map { stream(@$_, 'tokens=40&delay=' . 250 * $SLOW) } @WAYS;

    ok(AttestTest::until_true(20 * $SLOW, sub {
        return index(keys_now(), substr($old, 4)) < 0;
    }), 'the key has gone');
    ok(!finished($_), "the stream has not, $_->{name}") for @streams;
    complete(stream(@$_, 'tokens=3&delay=1'), 3, 'with the new key')
        for @WAYS;
    complete($_, 40, 'across a rotation') for @streams;
    $t->finish();
}


sub test_leaving {
    begin();

    my ($pid) = $t->workers();
    complete(stream(@$_, 'tokens=1&delay=1'), 1, 'first') for @WAYS;
    my $before = files($pid);
    my $counted = status();

    for my $round (1 .. 3) {
        my @streams = map { stream(@$_, 'tokens=500&delay=20') } (@WAYS) x 4;

        spoken($_, 2) for grep { $_->{form} eq 'chunked' } @streams;
        cmp_ok(files($pid), '>', $before, 'streams are open');

        for my $s (@streams) {
            kill 'KILL', $s->{pid};
            my $o = answer($s);
            ok(!$o->{complete}, "it was left, $s->{name}");
        }
    }

    ok(AttestTest::until_true(20, sub { files($pid) <= $before }),
        'no connection is left, to clients or backends')
        or diag(files($pid) . " files, $before before");
    is(($t->workers())[0], $pid, 'the same worker');
    is(status()->{counters}{streams_cut}, $counted->{counters}{streams_cut},
        'a client that leaves is no cut answer');
    complete(stream(@$_, 'tokens=3&delay=1'), 3, 'afterwards') for @WAYS;
    $t->finish();
}


# A worker draws many at a time: none may come twice, from no process.
sub test_nonces {
    begin(workers => 2, gateway => 'attest_ohttp_replay off;');

    my $in = $t->path('client/again');
    $client->ask(op => 'seal', list => keys_now(), form => 'whole', out => $in,
        request => { method => 'GET', path => '/v1/models', content => '' });

    my $ask = sub {
        my $r = $t->get($GATEWAY, method => 'POST',
            body => AttestTest::read_file($in),
            headers => [ 'Content-Type: message/ohttp-req' ]);
        return $r->{status} == 200 ? substr($r->{body}, 0, 16) : $r->{text};
    };

    my @nonces = map { $ask->() } 1 .. 150;
    ok($t->reload(sec => 60), 'reload');
    push @nonces, map { $ask->() } 1 .. 50;

    my ($old) = $t->workers();
    $t->allow(qr/exited on signal 9/);
    kill 'KILL', $old;
    push @nonces, map { $ask->() } 1 .. 50;

    my %seen;
    is(scalar(grep { length($_) != 16 || $seen{$_}++ } @nonces), 0,
        'every answer has a nonce of its own');
    $t->finish();
}


# ---- surroundings

sub begin {
    my (%o) = @_;
    my $http = $o{http} // 'attest_lifetime 1h;';
    my $gateway = $o{gateway} // '';

    $t = AttestTest->new(workers => $o{workers});
    # A backend's connection that went away with its client.
    $t->allow(qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/);
    $t->swtpm();
    $t->backend();
    AttestTest::make_path($t->path('client'));
    $t->write_conf(<<"END");
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
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/;
            $gateway
        }
        location = /attest-status { attest_status; }
        location /v1/ {
            internal;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }
}
END
    $t->start();
    AttestTest::until_true(20, sub { $t->workers() }) or die "no worker\n";
}


sub keys_now {
    my $r = $t->get($GATEWAY, headers => [ 'Accept: application/ohttp-keys' ]);

    die "no keys: $r->{status}\n" if $r->{status} != 200;
    return unpack('H*', $r->{body});
}


sub status { return AttestTest::json($t->get('/attest-status')) || {} }


sub files { return scalar(() = glob "/proc/$_[0]/fd/*") }


# Seals a request with the current key, and lets curl ask for the answer.
sub stream {
    my ($form, $http2, $query) = @_;
    my $name = 'stream' . ++$n;
    my ($in, $head, $body) = map { $t->path("client/$name.$_") }
        qw(in head body);
    my $content = encode_json({ model => 'echo-1', stream => JSON::PP::true,
        messages => [ { role => 'user', content => 'x' } ] });
    my $type = $form eq 'chunked' ? 'chunked-req' : 'req';

    my $m = $client->ask(op => 'seal', list => keys_now(), form => $form,
        out => $in, request => { method => 'POST', path => "$CHAT?$query",
            content => unpack('H*', $content) });
    my $pid = $t->spawn($name, [ AttestTest::which('curl'), '-q', '-s', '-S',
        '-k', '-N', '--max-time', 60 * $SLOW, '--noproxy', '*',
        $http2 ? '--http2' : '--http1.1', '-D', $head, '-o', $body,
        '--data-binary', "\@$in", '-H', 'Expect:', '-H',
        "Content-Type: message/ohttp-$type", $t->url() . $GATEWAY ]);

    return { id => $m->{id}, form => $form, pid => $pid, spawned => $name,
        body => $body, head => $head,
        name => $form . ($http2 ? ', h2' : ', h1') };
}


# Has gone; 1 when the client has come to its end by itself.
sub finished {
    my ($s) = @_;

    return !$t->alive($s->{spawned});
}


# Waits until the client has got that many tokens, judged by their bytes.
sub spoken {
    my ($s, $tokens) = @_;

    ok(AttestTest::until_true(20 * $SLOW, sub {
        return (-s $s->{body} || 0) > 300 * ($tokens + 1);
    }), "it streams, $s->{name}");
}


# What curl got, opened: as far as it goes.
sub answer {
    my ($s) = @_;

    waitpid delete $t->{procs}{$s->{spawned}}, 0;
    my $exit = $?;

    my $o = -s $s->{body} ? $client->ask(op => 'open', id => $s->{id},
        in => $s->{body}) : { content => '' };
    $o->{exit} = $exit;
    $o->{body} = pack('H*', $o->{content} // '');
    return $o;
}


sub tokens { return scalar(() = $_[0]{body} =~ /"content":"token/g) }


sub complete {
    my ($s, $tokens, $what) = @_;
    my $o = answer($s);

    subtest "$what, $s->{name}" => sub {
        is($o->{exit}, 0, 'curl is content')
            or diag(AttestTest::read_file($t->path("logs/$s->{spawned}.out")));
        is($o->{error}, undef, 'it opens');
        ok($o->{complete}, 'to its end');
        is($o->{status}, 200, 'status');
        is(tokens($o), $tokens, 'all tokens');
    };
}
