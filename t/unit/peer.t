#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0

# A real gateway, asked and judged as nginx's thread does it: at its name, at
# another address, at a socket, through a proxy, behind somebody else's TLS.
# The questions are in test_peer.c.

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Test::More;

use lib dirname(__FILE__) . '/../lib';
use AttestTest;

my $unit = $ENV{ATTEST_UNIT} || AttestTest::build() . '/unit';
my $bin = abs_path("$unit/test_peer");

plan(skip_all => "no $unit/test_peer") if !$bin || !-x $bin;

my $missing = AttestTest::missing(qw(swtpm swtpm_setup openssl python3));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();
my $socket = $t->path('gateway.sock');

$t->swtpm();
$t->backend();
certificate();
$t->write_conf(config());
$t->start();

my ($proxy, $proxied) = proxy();
my $policy = $t->policy();
my $weak = $t->path('client/weak.json');

AttestTest::write_file($weak, encode_json({
    %{ decode_json(AttestTest::read_file($policy)) },
    require_nonce => JSON::PP::false, require_exporter => JSON::PP::false }));

chdir AttestTest::top() or die $!;
AttestTest::scenario([ $bin, 'live', $t->url(),
    '127.0.0.1:' . $t->port('TLS'), "unix:$socket",
    'https://localhost:' . $t->port('CDN'), $policy, $weak, $proxy ]);

is_deeply([ $proxied->() ], [ '127.0.0.1:' . $t->port('TLS') ],
    'the proxy was asked where it was named');

AttestTest::done();


sub config {
    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;

    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        listen unix:$socket ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /other/evidence { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost;
        }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_CDN%% ssl;
        server_name cdn;
        ssl_certificate %%DIR%%/cdn.pem;
        ssl_certificate_key %%DIR%%/cdn.key;
        ssl_protocols TLSv1.3;
        location / {
            proxy_pass https://127.0.0.1:%%PORT_TLS%%;
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_ssl_protocols TLSv1.3;
            proxy_set_header Host localhost;
        }
    }
}
END
}


sub certificate {
    my $out = AttestTest::run_out([ AttestTest::which('openssl'), 'req',
        '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-subj', '/CN=localhost', '-days', '2',
        '-keyout', $t->path('cdn.key'), '-out', $t->path('cdn.pem') ]);
    die $out if $?;
}


# CONNECT, and nothing else; gives its URL, and what ends it and tells where
# it was asked to connect to.
sub proxy {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die "cannot listen: $!\n";
    my $log = $t->path('proxy.log');

    AttestTest::write_file($log, '');
    my $pid = fork() // die "fork: $!\n";

    if (!$pid) {
        $SIG{TERM} = sub { POSIX::_exit(0) };

        while (my $c = $s->accept()) {
            tunnel($c, $log);
        }
        POSIX::_exit(0);
    }

    return ('http://127.0.0.1:' . $s->sockport, sub {
        kill 'TERM', $pid;
        waitpid $pid, 0;
        return split /\n/, AttestTest::read_file($log);
    });
}


sub tunnel {
    my ($c, $log) = @_;
    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $c, $head, 1, length $head or return;
    }

    my ($to) = $head =~ m{^CONNECT (\S+) HTTP/1\.1\r\n} or return;
    my $up = IO::Socket::INET->new(PeerAddr => $to) or return;
    my $select = IO::Select->new($c, $up);

    AttestTest::write_file($log, AttestTest::read_file($log) . "$to\n");
    syswrite $c, "HTTP/1.1 200 OK\r\n\r\n";

    while (my @ready = $select->can_read()) {
        for my $from (@ready) {
            sysread($from, my $data, 65536) or return;
            syswrite $from == $c ? $up : $c, $data;
        }
    }
}
