# SPDX-License-Identifier: Apache-2.0

# Verified upstreams: who is sent a request, and every way around that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Test::More;
use Time::HiRes qw(sleep time);
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $GROUP = 'upstream gw { server %%GW%%; attest_verify %%POLICY%%; '
    . 'keepalive 4; }';
my $TYPE = 'urn:ngx-attest:problem:upstream-unverified';


# A policy that no evidence of this gateway satisfies.
sub other_policy {
    my ($gw) = @_;
    my $policy = AttestTest::read_file($gw->policy());

    $policy =~ s/("config":\s*\["[0-9a-f]{60})[0-9a-f]{4}/${1}0000/
        or die "no config in $policy\n";
    return $policy;
}


sub refused {
    my ($r, $what) = @_;

    is($r->{status}, 502, "$what: 502");
    is($r->{headers}{'content-type'}, 'application/problem+json',
        "$what: a problem document");
    is((AttestTest::json($r) || {})->{type}, $TYPE, "$what: its type");
}


subtest 'requests reach a peer that is trusted' => sub {
    my ($gw, $cl) = VerifyTest::pair(http => $GROUP . <<'HTTP',
    log_format v '$uri $attest_upstream_verdict '
        '$attest_upstream_root_of_trust $attest_upstream_generation '
        '$attest_upstream_key_id';
    access_log %%DIR%%/logs/v.log v;
    upstream late { server %%GW%%; attest_verify %%POLICY%%; }
HTTP
        server => <<'END');
        location / { proxy_pass https://gw; }
        location /var/ { set $u gw; proxy_pass https://$u/ok; }
        location /plain { set $u gw; proxy_pass http://$u/ok; }
        location /v2/ { proxy_request_buffering off;
            proxy_pass https://late/v1/; }
        location /reuse-off { proxy_ssl_session_reuse off;
            proxy_pass https://gw/ok; }
        location /auth { auth_request /sub;
            proxy_pass http://127.0.0.1:%%PORT%%/local; }
        location = /sub { internal; proxy_pass https://gw/ok;
            proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location /local { return 200 x; }
END

    my $r = VerifyTest::post($cl, '/ok');
    is($r->{status}, 200, 'proxy_pass');
    is($r->{body}, ".\n", 'no session was resumed');

    for my $path (qw(/ok /var/x /reuse-off /local)) {
        is(VerifyTest::post($cl, $path)->{status}, 200, $path);
    }

    is($cl->get('/auth', plain => 1, port => $cl->port(''))->{status}, 200,
        'a subrequest');
    is(VerifyTest::post($cl, '/plain')->{status}, 500,
        'not without TLS, in a variable');
    like($cl->error_log(), qr/"gw" is verified and not used here/,
        'which is said');

    my $big = VerifyTest::post($cl, '/v1/chat/completions',
        body => '{"messages":[{"role":"user","content":"'
            . 'y' x 300000 . '"}]}');
    is($big->{status}, 200, 'a large body');

    $big = VerifyTest::post($cl, '/v2/chat/completions',
        body => '{"messages":[{"role":"user","content":"'
            . 'y' x 300000 . '"}]}');
    is($big->{status}, 200, 'a large body that is not buffered waits');
    is(VerifyTest::peer($cl, 'late')->{counters}{waited}, 1, 'once');

    my $peer = VerifyTest::peer($cl, 'gw');
    is($peer->{verdict}, 'trusted', 'status: verdict');
    ok($peer->{valid} && $peer->{exporter}, 'status: valid, bound');
    is($peer->{root_of_trust}, 'software', 'status: root of trust');
    is($peer->{host}, 'localhost', 'status: by which name');
    is($peer->{counters}{appraisals}, 1, 'one appraisal was enough');
    is($peer->{counters}{waited}, 1, 'one connection waited');
    is($peer->{counters}{refused}, 0, 'none was refused');
    is(VerifyTest::said($cl, qr/"gw" is trusted: /), 1, 'said once');

    my $log = AttestTest::read_file($cl->path('logs/v.log'));
    like($log, qr{^/ok trusted software 1 \d+$}m, 'variables');
    like($log, qr{^/local - - - -$}m, 'variables: not verified');

    my $text = $cl->get('/status?format=prometheus', plain => 1,
        port => $cl->port(''))->{body};
    like($text, qr/^ngx_attest_upstream_valid\{upstream="gw",peer="127\S+
        ",host="localhost"\}\ 1$/mx, 'metrics');

    VerifyTest::over($gw, $cl);
};


# Without the key's name in the policy, only an activation ties it to a TPM of
# that maker: the thread makes a credential, and the gateway opens it.
subtest 'a policy that asks for the maker of the TPM' => sub {
    my $gw = VerifyTest::gateway();
    my $policy = JSON::PP::decode_json(AttestTest::read_file($gw->policy()));
    my ($maker) = AttestTest::read_file($gw->path('tpm/ca/issuercert.pem'))
        =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/s;
    my $cl = VerifyTest::client($gw, new => { allow => [] }, http => <<'HTTP',
    upstream made { server %%GW%%; attest_verify %%DIR%%/made.json; }
    upstream other { server %%GW%%; attest_verify %%DIR%%/other.json; }
HTTP
        server => 'location /made { proxy_pass https://made/ok; } '
            . 'location /other { proxy_pass https://other/ok; }');

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=another maker', '-days', '2', '-keyout',
        $cl->path('other.key'), '-out', $cl->path('other.pem') ]);

    delete $policy->{ak};
    $policy->{require_ek} = JSON::PP::true;
    $policy->{ek_roots} = [ $maker ];
    AttestTest::write_file($cl->path('made.json'),
        JSON::PP::encode_json($policy));
    $policy->{ek_roots} = [ AttestTest::read_file($cl->path('other.pem')) ];
    AttestTest::write_file($cl->path('other.json'),
        JSON::PP::encode_json($policy));
    $cl->start();

    is(VerifyTest::post($cl, '/made')->{status}, 200, 'it is that maker');
    refused(VerifyTest::post($cl, '/other'), 'another maker');

    like(VerifyTest::peer($cl, 'other')->{failed_checks}, qr/\bek-chain\b/,
        'status: which check failed');
    is(VerifyTest::peer($cl, 'made')->{failed_checks}, '',
        'status: none of the one that is trusted');

    VerifyTest::over($gw, $cl);
};


subtest 'connections are kept alive' => sub {
    my ($gw, $cl) = VerifyTest::pair(gateway => { http => <<'END' },
    log_format c 'c=$connection';
    access_log %%DIR%%/logs/c.log c;
END
        http => $GROUP,
        server => 'location / { proxy_pass https://gw; }');

    is(VerifyTest::post($cl, '/ok')->{status}, 200, "request $_") for 1 .. 5;
    $cl->stop();
    $gw->stop();

    my %by;
    $by{$_}++ for split /\n/, AttestTest::read_file($gw->path('logs/c.log'));
    ok((grep { $_ >= 5 } values %by), 'one connection for all of them')
        or diag(explain \%by);
    VerifyTest::over($gw, $cl);
};


subtest 'a peer that fails gets nothing' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, new => { allow => [] },
        http => <<'HTTP', server => <<'END');
    upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%;
        keepalive 4; }
    upstream both { server %%BAD_none%% max_fails=0;
        server %%GW%% max_fails=0; attest_verify %%POLICY%%; }
    upstream open { server %%BAD_none%%; keepalive 4; }
HTTP
        location /bad { proxy_pass https://bad; }
        location /verify { proxy_ssl_verify off;
            proxy_ssl_session_reuse on; proxy_pass https://bad; }
        location /both { proxy_pass https://both/ok; }
        location /open { proxy_pass https://open; }
        location /off { proxy_next_upstream off; proxy_pass https://both/ok; }
        location /page { error_page 502 = /own; proxy_pass https://bad; }
        location /own { return 503 own; }
        location /local { return 200 x; }
        location /auth { auth_request /sub;
            proxy_pass http://127.0.0.1:%%PORT%%/local; }
        location = /sub { internal; proxy_pass https://bad; }
        location /unbuffered { proxy_request_buffering off;
            proxy_pass https://bad; }
END

    $cl->start();

    is(VerifyTest::post($cl, '/open/1')->{status}, 200,
        'an unverified group has a session and a connection') for 1 .. 2;
    like(VerifyTest::got($cl, 'none'), qr{POST /open/1}, 'and is recorded');

    refused(VerifyTest::post($cl, '/bad'), 'bad');
    refused(VerifyTest::post($cl, '/verify'), 'proxy_ssl_verify off');
    refused(VerifyTest::post($cl, '/unbuffered'), 'unbuffered');
    refused(VerifyTest::post($cl, '/bad', body => 'y' x 200000), 'large');

    for (1 .. 6) {
        is(VerifyTest::post($cl, '/both')->{status}, 200,
            'the next one is asked');
    }

    is($cl->get('/auth', plain => 1, port => $cl->port(''))->{status}, 500,
        'a subrequest');
    is(VerifyTest::post($cl, '/page')->{body}, 'own', 'error_page');

    my %by;
    $by{VerifyTest::post($cl, '/off')->{status}}++ for 1 .. 4;
    ok($by{502} && $by{200}, 'proxy_next_upstream off');

    my $got = VerifyTest::got($cl, 'none');
    $got =~ s{POST /open.*?CANARY-of-the-test\n}{}gs;
    is($got, '', 'the bad peer got no byte of any request');

    my $peer = VerifyTest::peer($cl, 'bad', 'none');
    isnt($peer->{verdict}, 'trusted', 'status: verdict');
    ok(!$peer->{valid}, 'status: not valid');
    cmp_ok($peer->{counters}{refused}, '>=', 4, 'status: refused');
    cmp_ok($peer->{counters}{failed}, '>=', 1, 'status: failed');
    is(VerifyTest::said($cl, qr/of upstream "bad" is not (?:used|trusted)/),
        1, 'said once');
    VerifyTest::over($gw, $cl);
};


subtest 'a gateway that is not what the policy wants' => sub {
    my $gw = VerifyTest::gateway();
    my $good = AttestTest::read_file($gw->policy());
    my $cl = VerifyTest::client($gw, policy => other_policy($gw),
        http => $GROUP,
        server => 'location / { proxy_pass https://gw; }');

    $cl->start();
    refused(VerifyTest::post($cl, '/ok'), 'another configuration');
    is(VerifyTest::peer($cl, 'gw')->{verdict}, 'not trusted', 'verdict');
    like($cl->error_log(), qr/is not trusted: .*; failed: .*config/,
        'the check that failed is said');

    # a policy is read when the configuration is
    AttestTest::write_file($cl->path('policy.json'), $good);
    sleep 1.5;
    refused(VerifyTest::post($cl, '/ok'), 'a policy replaced on disk');

    $cl->reload();
    ok(AttestTest::until_true(10, sub {
        (VerifyTest::peer($cl, 'gw') || {})->{valid} }),
        'a reload judges anew, without a request');
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'after a reload');
    is(VerifyTest::peer($cl, 'gw')->{counters}{waited}, 0,
        'nobody had to wait');

    AttestTest::write_file($cl->path('policy.json'), other_policy($gw));
    $cl->reload();
    refused(VerifyTest::post($cl, '/ok'), 'after another');

    AttestTest::write_file($cl->path('policy.json'), $good);
    $cl->reload();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'and another');

    my $made = VerifyTest::peer($cl, 'gw')->{counters}{appraisals};
    $cl->reload();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'the same policy');
    is(VerifyTest::peer($cl, 'gw')->{counters}{appraisals}, $made,
        'a reload keeps what is known');
    VerifyTest::over($gw, $cl);
};


subtest 'answers for evidence that are none' => sub {
    my $gw = VerifyTest::gateway();
    my @modes = qw(garbage huge slow cut redirect relay);
    my $http = join "\n", map { "upstream $_ { server %%BAD_$_%%; "
        . 'attest_verify %%POLICY%% timeout=2s; }' } @modes;
    my $cl = VerifyTest::client($gw, http => $http, server => join "\n",
        map { "location /$_ { proxy_pass https://$_; }" } @modes);

    $cl->start();

    for my $mode (@modes) {
        my $began = time();

        refused(VerifyTest::post($cl, "/$mode"), $mode);
        cmp_ok(time() - $began, '<', 30, "$mode: in time");
        is(VerifyTest::got($cl, $mode), '', "$mode: nothing was sent");
        ok(!VerifyTest::peer($cl, $mode, $mode)->{valid},
            "$mode: no key is valid");
    }

    VerifyTest::over($gw, $cl);
};


subtest 'grpc_pass and uwsgi_pass' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, http => $GROUP . <<'HTTP',
    upstream uwsgi { server %%GW%%; attest_verify %%POLICY%%; }
    upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%; }
    grpc_ssl_server_name on;
    grpc_ssl_name localhost;
    grpc_set_header Host localhost;
    uwsgi_ssl_server_name on;
    uwsgi_ssl_name localhost;
    log_format v '$uri $attest_upstream_verdict';
    access_log %%DIR%%/logs/v.log v;
HTTP
        server => <<'END');
        location /ok { grpc_pass grpcs://gw; }
        location /uwsgi { uwsgi_pass suwsgi://uwsgi; }
        location /bad/grpc { grpc_pass grpcs://bad; }
        location /bad/uwsgi { uwsgi_pass suwsgi://bad; }
        location /var/grpc { set $u bad; grpc_pass grpcs://$u; }
        location /plain/grpc { set $u gw; grpc_pass grpc://$u; }
        location /plain/uwsgi { set $u gw; uwsgi_pass uwsgi://$u; }
END

    $cl->start();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'grpc_pass') for 1 .. 2;
    is(VerifyTest::post($cl, '/uwsgi')->{status}, 400, 'uwsgi_pass');

    refused(VerifyTest::post($cl, $_), $_)
        for qw(/bad/grpc /bad/uwsgi /var/grpc);
    is(VerifyTest::post($cl, $_)->{status}, 500, $_)
        for qw(/plain/grpc /plain/uwsgi);

    is(VerifyTest::got($cl, 'none'), '', 'nothing was sent');
    is($cl->stop(), 0, 'stops');
    $gw->stop();

    # a gateway understands no uwsgi, but was sent it
    like(AttestTest::read_file($cl->path('logs/v.log')),
        qr{^/uwsgi trusted$}m, 'uwsgi_pass is verified');
    like(AttestTest::read_file($gw->path('logs/access.log')),
        qr/ 400 /, 'and it arrives');
    VerifyTest::over($gw, $cl);
};


subtest 'evidence expires' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, http => $GROUP,
        server => 'location / { proxy_pass https://gw; }');

    $cl->fake_clock();
    $cl->start();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'before');

    $cl->pass_time(7200);
    refused(VerifyTest::post($cl, '/ok'), 'a kept connection');
    refused(VerifyTest::post($cl, '/ok'), 'a new one');

    # the wall clock alone goes back: what has expired has expired
    $cl->set_clock(0, 7200);
    sleep 1;
    ok(AttestTest::until_true(20, sub {
        VerifyTest::post($cl, '/ok')->{status} == 200 }), 'judged again');
    cmp_ok(VerifyTest::peer($cl, 'gw')->{counters}{appraisals}, '>=', 3,
        'by a new appraisal');
    VerifyTest::over($gw, $cl);
};


subtest 'those who wait' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, workers => 2, http => <<'END',
    upstream slow { server %%BAD_slow%%; attest_verify %%POLICY%%
        timeout=3s; }
    upstream gw { server %%GW%%; attest_verify %%POLICY%%; }
END
        server => 'location /slow { proxy_pass https://slow; } '
            . 'location / { proxy_pass https://gw; }');

    $cl->start();

    my $load = VerifyTest::parallel($cl, '/ok', 30, 2)->();
    ok($load->{counts}{200}, 'many at once') or diag(explain $load);
    is(scalar keys %{ $load->{counts} }, 1, 'none fails');
    is(VerifyTest::peer($cl, 'gw')->{counters}{appraisals}, 1,
        'one appraisal for all workers');

    is(VerifyTest::post($cl, '/slow', sec => 1)->{status}, 0,
        'a client leaves');

    my $slow = VerifyTest::parallel($cl, '/slow', 10, 0.5);
    sleep 1;
    $cl->reload(nowait => 1);
    $load = $slow->();
    is_deeply([ keys %{ $load->{counts} } ], [ 502 ],
        'a reload while some wait: all are answered')
        or diag(explain $load);
    is(VerifyTest::got($cl, 'slow'), '', 'nothing was sent');
    VerifyTest::over($gw, $cl);
};


subtest 'a worker that dies over an appraisal' => sub {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, http => <<'HTTP',
    upstream slow { server %%BAD_slow%%; attest_verify %%POLICY%%
        timeout=3s; }
HTTP
        server => 'location / { proxy_pass https://slow; }');

    $cl->allow(qr/exited on signal 9/);
    $cl->start();

    my $load = VerifyTest::parallel($cl, '/', 1, 0.1);
    my ($old) = $cl->workers();

    ok(AttestTest::until_true(20, sub {
        (VerifyTest::peer($cl, 'slow', 'slow') || {})->{counters}{waited} }),
        'somebody waits');
    kill 'KILL', $old;
    $load->();
    ok(AttestTest::until_true(20, sub {
        grep { $_ != $old } $cl->workers() }), 'there is another worker');

    # else it would wait for the dead one: two seconds more than here
    refused(VerifyTest::post($cl, '/'), 'after it');
    ok(AttestTest::until_true(2, sub {
        VerifyTest::peer($cl, 'slow', 'slow')->{verdict} }),
        'the next one has appraised it at once');
    VerifyTest::over($gw, $cl);
};


subtest 'names and sockets' => sub {
    my $gw = VerifyTest::gateway(
        server => 'listen unix:%%DIR%%/gw.sock ssl http2;');
    my $sock = $gw->path('gw.sock');
    my $cl = VerifyTest::client($gw, http => <<"HTTP", server => <<'END');
    upstream unix { server unix:$sock; attest_verify %%POLICY%%; }
    upstream bad { server %%BAD_none%%; attest_verify %%POLICY%%
        timeout=1s; }
HTTP
        location /unix { proxy_pass https://unix/ok; }
        location /name { proxy_ssl_name $arg_n; proxy_pass https://bad; }
END

    $cl->start();
    is(VerifyTest::post($cl, '/unix')->{status}, 200, 'a unix socket');

    # of an unknown key each name is another peer, as far as there is room
    my @bad = grep { VerifyTest::post($cl, "/name?n=host$_")->{status} != 502 }
        1 .. 12;
    is("@bad", '', 'many names');
    refused(VerifyTest::post($cl, '/name?n=a~b'), 'no name');
    like($cl->error_log(), qr/has no name to be asked by/, 'which is said');

    my @peers = grep { $_->{upstream} eq 'bad' }
        @{ VerifyTest::status($cl)->{upstreams} };
    cmp_ok(scalar @peers, '<=', 9, 'their number is bounded');
    ok((grep { $_->{host} eq 'host12' } @peers), 'the last ones are there');
    is(VerifyTest::got($cl, 'none'), '', 'nothing was sent');
    VerifyTest::over($gw, $cl);
};


subtest 'policies that somebody must have signed' => sub {
    plan skip_all => 'no minisign' if AttestTest::missing('minisign');

    my $gw = VerifyTest::gateway();
    my $conf = 'upstream gw { server %%GW%%; attest_verify %%POLICY%% '
        . 'key=%%DIR%%/signer.pub; }';
    my $cl = VerifyTest::client($gw, http => $conf,
        server => 'location / { proxy_pass https://gw; }');
    my @key = ('-p', $cl->path('signer.pub'), '-s', $cl->path('signer.key'));
    my $sign = sub {
        AttestTest::run_out([ AttestTest::which('minisign'), '-S', '-s',
            $cl->path('signer.key'), '-m', $cl->path('policy.json') ]);
    };

    AttestTest::run_out([ AttestTest::which('minisign'), '-G', '-W', @key ]);

    my ($ok, $out) = $cl->test_conf();
    ok(!$ok, 'not signed');
    like($out, qr/"attest_verify": .*policy\.json\.minisig/, 'which is said');

    $sign->();
    ($ok, $out) = $cl->test_conf();
    ok($ok, 'signed') or diag($out);
    $cl->start();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'a request');

    AttestTest::write_file($cl->path('policy.json'),
        AttestTest::read_file($cl->path('policy.json')) . ' ');
    ($ok, $out) = $cl->test_conf();
    ok(!$ok, 'changed since');
    like($out, qr/is not signed by the key of/, 'which is said');
    $cl->allow(qr/is not signed by the key of/);
    kill 'HUP', $cl->master();
    ok(AttestTest::until_true(10, sub {
        VerifyTest::said($cl, qr/is not signed by the key of/) }),
        'a reload is refused');
    is(VerifyTest::post($cl, '/ok')->{status}, 200,
        'the former policy goes on');
    VerifyTest::over($gw, $cl);
};


subtest 'what is in a certificate alone' => sub {
    my $gw = VerifyTest::gateway();
    my $policy = AttestTest::read_file($gw->policy());

    $policy =~ s/"version":/"require_nonce": false, "require_exporter": false,
        "version":/x;

    my $cl = VerifyTest::client($gw, policy => $policy, http => <<'HTTP',
    upstream gw { server %%GW%%; attest_verify %%POLICY%%
        source=certificate; }
    upstream bad { server %%BAD_relay%%; attest_verify %%POLICY%%
        source=certificate; }
HTTP
        server => <<'END');
        location / { proxy_pass https://gw; }
        location /bad { proxy_pass https://bad; }
END

    $cl->start();
    is(VerifyTest::post($cl, '/ok')->{status}, 200, 'a certificate');
    is(VerifyTest::peer($cl, 'gw')->{exporter}, JSON::PP::false(),
        'it is not bound to a connection');
    refused(VerifyTest::post($cl, '/bad'), 'an ordinary one');
    is(VerifyTest::got($cl, 'relay'), '', 'nothing was sent');
    is($cl->stop(), 0, 'stops');
    $gw->stop();

    unlike(AttestTest::read_file($gw->path('logs/access.log')),
        qr{POST /ok.*well-known}s, 'nothing was fetched');
    VerifyTest::over($gw, $cl);
};


AttestTest::done();
