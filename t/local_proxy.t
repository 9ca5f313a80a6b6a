# SPDX-License-Identifier: Apache-2.0

# "ngx-attest proxy": an application talks plain HTTP to this machine, and
# what it says goes sealed to a verified gateway or nowhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Digest::SHA ();
use File::Path qw(make_path);
use IO::Socket::INET;
use JSON::PP ();
use ProxyTest;
use Test::More;
use Time::HiRes qw(time);

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3));
plan(skip_all => $missing) if $missing;

ProxyTest::start();

test_arguments();
test_config();
test_serves('auto', 3);
test_serves('ohttp', 3, '--seal', 'ohttp');
test_serves('ehbp', 2, '--seal', 'ehbp');
test_serves('off', 0, '--seal', 'off');
test_key();
test_salt();
test_socket();
test_pages();
test_crash();
test_killed();
test_changes();
test_wrong_policy();
test_port_taken();

AttestTest::done();


# ---- what it does

# $sealed of three requests: all, or those that have a body.
sub test_serves {
    my ($what, $sealed, @args) = @_;
    my ($name, $url) = proxy(@args);
    my $before = opened();

    like(said($name), qr/^PASS /m, "$what: the checks are shown");
    like(said($name), qr/^TRUSTED/m, "$what: and the verdict");
    like(said($name), qr{Serving \Q$url\E/v1}, "$what: serves")
        or diag(said($name));

    my ($status, $body) = curl("$url/healthz");
    is($status, 200, "$what: healthy") or diag($body);

    ($status, $body) = chat($url, 'CANARY-7f3a one');
    is($status, 200, "$what: chat") or diag($body, said($name));
    like($body, qr/You said: \\?"CANARY-7f3a one/, "$what: its answer");

    ($status, $body) = chat($url, 'CANARY-7f3a two', stream => \1);
    is($status, 200, "$what: stream");
    like($body, qr/^data: \[DONE\]/m, "$what: the stream is whole");
    cmp_ok(scalar(() = $body =~ /^data: /mg), '>=', 5,
        "$what: token by token");

    ($status, $body) = curl("$url/v1/models");
    is($status, 200, "$what: models");
    like($body, qr/"data"/, "$what: the list");

    is(opened() - $before, $sealed, "$what: what was sealed");
    stopped($name);
    unlike(said($name), qr/CANARY/, "$what: nothing of a prompt is shown");
}


# Sealed requests that the gateway has opened so far.
sub opened {
    my $r = AttestTest::json($t->get('/attest-status'));

    return $r->{counters}{prompts_opened};
}


# What a gateway wants instead of what callers bring.
sub test_key {
    my $key = $t->path('client/api.key');

    AttestTest::write_file($key, "sk-test_1234.5/6=\n");
    chmod 0600, $key;
    chown +(getpwnam 'nobody')[2], -1, $key if $> == 0;

    my ($name, $url) = proxy('--api-key-file', $key);
    my ($status) = chat($url, 'with a key',
        fields => [ 'Authorization: Bearer of-the-caller' ]);

    is($status, 200, 'key: chat');
    like($t->backend_raw(), qr/^Authorization: Bearer sk-test_1234\.5\/6=\r$/mi,
        'key: the gateway gets it');
    unlike($t->backend_raw(), qr/of-the-caller/, 'key: and not the callers\'');

    my ($folder) = glob "$tmp/*";
    is((stat $folder)[2] & 07777, 0700, 'key: the folder is private');
    is((stat)[2] & 077, 0, "key: $_ is private") for glob "$folder/*";

    for my $pid (nginx_of($name)) {
        my $env = AttestTest::read_file("/proc/$pid/environ");

        unlike($env, qr/SECRET_OF_THE_USER|TMPDIR|HOME=/,
            'key: nothing of the environment reaches nginx');
    }

    stopped($name, 'TERM');

    chmod 0644, $key;
    my ($exit, $out) = refused('--api-key-file', $key);
    is($exit, 2, 'key: that others can read: refused');
    like($out, qr/chmod 600/, 'key: and why');
}


# A prompt's cache in the model's server is its own.
sub test_salt {
    my ($name, $url) = proxy('--cache-salt', 'request');
    my @salts;

    for my $n (1, 2) {
        my ($status) = chat($url, "salted $n");

        is($status, 200, "salt: chat $n");
        push @salts, $1 if $t->backend_raw()
            =~ /"cache_salt":"([^"]{16,})"[^}]*"[^}]*salted $n/s;
    }

    is(scalar @salts, 2, 'salt: each has one');
    isnt($salts[0], $salts[1], 'salt: of its own');
    stopped($name);

    my $file = $t->path('client/salt');

    AttestTest::write_file($file, "short\n");
    chmod 0600, $file;
    chown +(getpwnam 'nobody')[2], -1, $file if $> == 0;
    my ($exit, $out) = refused('--cache-salt', $file);
    is($exit, 2, 'salt: one that is too short: refused');
    like($out, qr/16 characters at least/, 'salt: and why');
}


# In a folder that nobody else enters.
sub test_socket {
    my $dir = $t->path('client/private');

    make_path($dir, { mode => 0700 });
    chown +(getpwnam 'nobody')[2], -1, $dir if $> == 0;
    my ($name) = proxy('--listen', "unix:$dir/s");
    my ($status, $body) = curl('--unix-socket', "$dir/s",
        'http://localhost/healthz');

    like(said($name), qr/Serving on unix:\Q$dir\E\/s/, 'socket: serves');
    is($status, 200, 'socket: healthy') or diag($body);
    stopped($name);
    ok(!-e "$dir/s", 'socket: is gone, too');
}


# It is a server on the user's machine, where pages of others run too.
sub test_pages {
    my ($name, $url, $port) = proxy();
    my ($status, $body) = curl("$url/");

    is($status, 200, 'report');
    like($body, qr/^<!DOCTYPE html>/, 'report: a page');
    like($body, qr/Verified, by a policy for trying things out/,
        'report: verified');
    like($body, qr/policy\.json.*nonce.*passed/s, 'report: by what');

    ($status, $body) = curl("$url/?format=json");
    my $report = eval { JSON::PP::decode_json($body) } // {};
    my ($peer) = @{ $report->{upstreams}{peers} // [] };

    is($report->{gateway}, undef, 'report: no gateway itself');
    ok($peer->{verified}, 'report: JSON: verified');
    is($peer->{verdict}, 'trusted', 'report: JSON: verdict');
    is($peer->{host}, 'localhost', 'report: JSON: whom');
    is($peer->{policy}{file}, 'policy.json', 'report: JSON: policy');
    is($peer->{policy}{sha256}, Digest::SHA::sha256_hex(
        AttestTest::read_file($policy)), 'report: JSON: its hash');
    cmp_ok(scalar @{ $peer->{checks} // [] }, '>', 20,
        'report: JSON: every check');
    is(scalar(grep { $_->{state} !~ /^(?:pass|note)$/ }
        @{ $peer->{checks} // [] }), 0, 'report: JSON: none fails');
    cmp_ok(abs($peer->{checked_at} - time()), '<', 60,
        'report: JSON: when');

    ($status) = curl('-H', 'Origin: https://evil.example', '-d', '{}',
        "$url/v1/chat/completions");
    is($status, 403, 'a page of others');
    ($status) = curl('-H', 'Sec-Fetch-Site: cross-site', "$url/v1/models");
    is($status, 403, 'a picture in a page of others');
    ($status) = curl('-H', "Origin: http://localhost:$port",
        "$url/v1/models");
    is($status, 200, 'a page of its own');
    ($status) = curl('-H', 'Host: evil.example', "$url/v1/models");
    is($status, 421, 'another name for this address');
    ($status, $body) = curl("$url/other");
    is($status, 404, 'another path');
    like($body, qr/"error"/, 'another path: as clients know it');

    stopped($name);
}


# nginx dies, or we do: nothing stays.
sub test_crash {
    my ($name) = proxy();
    my ($nginx) = nginx_of($name);

    kill 'KILL', $nginx;
    ok(AttestTest::until_true(20, sub { !$t->alive($name) }),
        'nginx is killed: so it ends');
    is($? >> 8, 2, 'nginx is killed: with an error');
    delete $t->{procs}{$name};
    like(said($name), qr/nginx was ended by signal 9/,
        'nginx is killed: and says why');
    nothing_left('nginx is killed');
}


sub test_killed {
    my ($name, $url) = proxy();

    $t->stop_proc($name, 'KILL');
    nothing_left('killed itself');

    my ($status) = curl("$url/healthz");
    cmp_ok($status, '==', 0, 'killed itself: nobody listens');
}


# The gateway changes while it runs.
sub test_changes {
    my ($name, $url) = proxy();

    $t->stop();
    my ($status, $body) = chat($url, 'CANARY-7f3a nobody');
    is($status, 502, 'gateway gone: refused');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /the gateway takes no connections/ }),
        'gateway gone: it says so') or diag(said($name));

    $t->start();                    # with another key
    ok(AttestTest::until_true(30, sub {
        ($status, $body) = chat($url, 'CANARY-7f3a again');
        $status == 200 }), 'gateway is back: served again') or diag($body);

    # and then it is another one
    $t->stop();
    my $text = $t->{text};
    $t->write_conf($text =~ s/proxy_read_timeout 5m/proxy_read_timeout 6m/r);
    $t->start();
    ($status, $body) = chat($url, 'CANARY-7f3a never');
    is($status, 502, 'another configuration: refused');
    ok(AttestTest::until_true(10, sub {
        said($name) =~ /not trusted.*config-reference/ }),
        'another configuration: it says so') or diag(said($name));
    unlike($t->backend_raw(), qr/never/,
        'another configuration: and it has got nothing');
    ($status) = curl("$url/healthz");
    is($status, 503, 'another configuration: not healthy');
    unlike(said($name), qr/CANARY/, 'nothing of a prompt is shown');
    stopped($name);

    $t->stop();
    $t->write_conf($text);
    $t->start();
}


sub test_wrong_policy {
    my $wrong = $t->path('client/wrong.json');
    my $json = JSON::PP::decode_json(AttestTest::read_file($policy));

    $json->{config} = [ '00' x 32 ];
    AttestTest::write_file($wrong, JSON::PP::encode_json($json));
    my ($exit, $out) = refused('--policy', $wrong);

    is($exit, 1, 'wrong policy: not trusted');
    like($out, qr/^FAIL +config-reference/m, 'wrong policy: why');
    like($out, qr/nothing is served/, 'wrong policy: nothing is served');
    nothing_left('wrong policy');

    AttestTest::write_file($wrong, '{');
    ($exit, $out) = refused('--policy', $wrong);
    is($exit, 2, 'no policy');
    nothing_left('no policy');
}


sub test_port_taken {
    my $port = AttestTest::free_port();
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1, ReuseAddr => 1) or die $!;
    my ($exit, $out) = refused('--listen', "127.0.0.1:$port");

    is($exit, 2, 'port taken: refused');
    like($out, qr/cannot listen on 127\.0\.0\.1:$port.*--listen/,
        'port taken: what to do');
    nothing_left('port taken');
}


# ---- what it is told

# Nothing that is given can become configuration.
sub test_arguments {
    my @bad = (
        [ 'https://localhost/";x', qr/URL/ ],
        [ "https://local\nhost", qr/character/ ],
        [ 'https://local$host', qr/URL/ ],
        [ 'https://a;b', qr/URL/ ],
        [ 'https://a{b', qr/URL/ ],
        [ 'http://localhost', qr/https/ ],
        [ 'https://localhost:0', qr/port/ ],
        [ 'https://localhost:99999', qr/port/ ],
        [ undef, qr/--listen/, '--listen', '8080' ],
        [ undef, qr/--listen/, '--listen', 'example.com:80' ],
        [ undef, qr/--listen/, '--listen', "127.0.0.1:80;x" ],
        [ undef, qr/--listen/, '--listen', '127.0.0.1:0' ],
        [ undef, qr/path/, '--listen', 'unix:/tmp/a"b' ],
        [ undef, qr/chmod 700/, '--listen', 'unix:/tmp/a' ],
        [ undef, qr/--seal/, '--seal', 'auto;' ],
        [ undef, qr/--relay/, '--seal', 'ehbp', '--relay',
            'https://relay.example' ],
        [ undef, qr/relay/, '--relay', 'https://relay.example/a"b' ],
        [ undef, qr/relay/, '--relay', 'https://relay.example/$x' ],
        [ undef, qr/relay/, '--relay', 'http://relay.example/' ],
        [ undef, qr/--connect/, '--connect', 'local;host:1' ],
        [ undef, qr/--module/, '--module', '/nowhere.so' ],
        [ undef, qr/--nginx/, '--nginx', '/nowhere' ],
        [ undef, qr/--cache-salt/, '--cache-salt', '/nowhere' ],
        [ undef, qr/--api-key-file/, '--api-key-file', '/nowhere' ],
    );

    for my $case (@bad) {
        my ($url, $re, @args) = @$case;
        my ($exit, $out) = $t->attest('proxy', $url // 'https://localhost',
            '--print-config', @args);

        is($exit, 2, "refused: @{[ $url // () ]} @args" =~ s/\n/\\n/r);
        like($out, $re, '.. and why');
        unlike($out, qr/upstream gateway/, '.. and nothing is printed');
    }

    my ($exit, $out) = $t->attest('proxy', 'https://localhost');
    is($exit, 2, 'no policy: refused');
    like($out, qr/--policy FILE/, 'no policy: what is missing');
}


# A file of that name can be a module; what it is called is not configuration.
sub test_config {
    my $odd = $t->path("client/odd; } x {.so");

    make_path($t->path('client'));
    AttestTest::write_file($odd, '');
    my ($exit, $out) = $t->attest('proxy', 'https://[::1]:8443/evidence',
        '--print-config', '--module', $odd, '--listen', '[::1]:8081');

    is($exit, 0, 'a strange name: quoted');
    like($out, qr/^load_module "\Q$odd\E";$/m, 'a strange name: in quotes');
    like($out, qr/^ +server "\[::1\]:8443";$/m, 'IPv6: server');
    like($out, qr/^ +listen "\[::1\]:8081";$/m, 'IPv6: listens');
    like($out, qr/"evidence=\/evidence"/, 'path of the evidence');

    AttestTest::write_file("$odd\$x", '');
    ($exit, $out) = $t->attest('proxy', 'https://a', '--print-config',
        '--module', "$odd\$x");
    is($exit, 2, 'a name with a variable: refused');

    example();
}


# conf-examples/local-proxy.conf is what it writes, with comments.
sub example {
    my $file = AttestTest::top() . '/conf-examples/local-proxy.conf';
    my ($exit, $out) = $t->attest('proxy',
        'https://gateway.example.com:8443', '--print-config');
    my ($mine, $example) = map {
        s/^\s*#.*\n//mgr =~ s/^(?:load_module|user) .*\n//mgr
            =~ s/[ \n]+/ /gr =~ s/["']//gr =~ s/^ | $//gr
    } $out, AttestTest::read_file($file);

    is($example, $mine, 'the example is what the command writes');
}
