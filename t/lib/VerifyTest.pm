# SPDX-License-Identifier: Apache-2.0

package VerifyTest;

# What upstream_verify*.t share: an attested gateway, peers that are none, and
# an nginx in front whose groups are verified.
#
#   my ($gw, $cl) = VerifyTest::pair(http => ..., location => ...);
#   VerifyTest::post($cl, '/ok')->{status}

use strict;
use warnings;

use AttestTest;
use File::Path qw(make_path);
use JSON::PP ();
use Test::More ();

our $PROXY = <<'END';
    proxy_http_version 1.1;
    proxy_set_header Host localhost;
    proxy_set_header Connection "";
    proxy_ssl_server_name on;
    proxy_ssl_name localhost;
END


# A gateway with a software TPM: /ok answers, /v1/ is passed to a backend.
sub gateway {
    my (%o) = @_;
    my $gw = AttestTest->new(canary => 0);

    $gw->swtpm();
    $gw->backend();
    $gw->gateway(
        listen   => '127.0.0.1:%%PORT_TLS%% ssl http2',
        location => 'attest_prompt_mode optional;',
        server   => 'location /ok { attest_prompt off; default_type '
            . 'text/plain; return 200 "$ssl_session_reused\n"; } '
            . ($o{server} || ''),
        http     => $o{http} || '',
        workers  => $o{workers} || 1);
    $gw->start();
    return $gw;
}


# nginx in front of it.  In the configuration %%GW%% is its address,
# %%POLICY%% a policy that trusts it, %%BAD_x%% the port of a peer.
sub client {
    my ($gw, %o) = @_;
    my $cl = AttestTest->new(canary => 0, %{ $o{new} || {} });

    make_path($cl->path('client'));
    AttestTest::write_file($cl->path('policy.json'),
        $o{policy} // AttestTest::read_file($gw->policy()));
    $cl->{gw} = $gw;
    $cl->{workers} = $o{workers} || 1;
    conf($cl, %o);
    return $cl;
}


sub conf {
    my ($cl, %o) = @_;
    my $gw = '127.0.0.1:' . $cl->{gw}->port('TLS');
    my $text = <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
$PROXY
    @{[ $o{http} || '' ]}
    server {
        listen 127.0.0.1:%%PORT%%;
        @{[ $o{server} || '' ]}
        location = /status { attest_status; }
    }
}
END

    $text =~ s/%%GW%%/$gw/g;
    $text =~ s/%%POLICY%%/$cl->{dir}\/policy.json/g;
    $text =~ s/%%BAD_(\w+)%%/'127.0.0.1:' . bad($cl, $1)/ge;
    $cl->write_conf($text);
}


sub pair {
    my (%o) = @_;
    my $gw = gateway(%{ $o{gateway} || {} });
    my $cl = client($gw, %o);

    $cl->start();
    return ($gw, $cl);
}


# The port of a peer of lib/peer_server.py, started when it is first named.
sub bad {
    my ($cl, $mode, $port, @more) = @_;
    my $name = "bad_$mode";

    return $cl->{bad}{$mode} if $cl->{bad}{$mode};

    $port = $cl->{bad}{$mode} = $port || AttestTest::free_port();

    my $key = $cl->path("$name.key");

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=localhost', '-days', '2', '-keyout', $key,
        '-out', $cl->path("$name.pem") ]);
    $cl->spawn($name, [ AttestTest::which('python3'),
        AttestTest::top() . '/t/lib/peer_server.py', '--port', $port,
        '--cert', $cl->path("$name.pem"), '--key', $key, '--record',
        $cl->path("$name.got"), '--mode', $mode, '--real',
        $cl->{gw}->port('TLS'), @more ]);
    AttestTest::wait_port($port) or die "$name does not start\n";
    return $port;
}


# What such a peer was sent.
sub got {
    my ($cl, $mode) = @_;

    return AttestTest::read_file($cl->path("bad_$mode.got"));
}


sub post {
    my ($cl, $path, %o) = @_;

    return $cl->get($path, plain => 1, port => $cl->port(''),
        method => 'POST', body => 'CANARY-of-the-test', %o);
}


sub status {
    my ($cl) = @_;

    return AttestTest::json($cl->get('/status', plain => 1,
        port => $cl->port('')));
}


# The status of one peer of a group.
sub peer {
    my ($cl, $group, $mode) = @_;
    my $port = $mode ? $cl->{bad}{$mode} : $cl->{gw}->port('TLS');
    my ($peer) = grep { $_->{upstream} eq $group
        && $_->{peer} eq "127.0.0.1:$port" } @{ status($cl)->{upstreams} };

    return $peer;
}


# lib/parallel_client.py in the background; a function that waits for it.
sub parallel {
    my ($cl, $path, $streams, $sec) = @_;
    my $n = ++$cl->{loads};

    $cl->spawn("load$n", [ AttestTest::which('python3'),
        AttestTest::top() . '/t/lib/parallel_client.py', $cl->port(''),
        $path, $streams, $sec ]);

    return sub {
        my $pid = delete $cl->{procs}{"load$n"};

        waitpid $pid, 0;
        return JSON::PP::decode_json(
            AttestTest::read_file($cl->path("logs/load$n.out")));
    };
}


# Both end, as they should, and give their ports and folders back.
sub over {
    my ($gw, $cl) = @_;

    Test::More::is($cl->stop(), 0, 'the client stops') if $cl->master();
    $gw->stop() if $gw->master();
    $_->finish() for $cl, $gw;
}


# How often the log says something.
sub said {
    my ($t, $re) = @_;

    return scalar(() = $t->error_log() =~ /$re/g);
}


1;
