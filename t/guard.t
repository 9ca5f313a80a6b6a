# SPDX-License-Identifier: Apache-2.0

# Ways around the two rules of attested servers, "only on a connection made to
# this server" and "only with valid evidence", and around the rule that
# evidence names the very configuration that runs.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $WHERE = '/.well-known/attestation';


sub own_certificate {
    my ($t) = @_;
    my ($cert, $key) = map { $t->path("plain.$_") } qw(crt key);

    AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec',
        '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
        '/CN=plain', '-days', '2', '-keyout', $key, '-out', $cert ]);
    $t->allow(qr/PRIVATE KEY/);         # the operator's own file
    return "ssl_certificate $cert; ssl_certificate_key $key;";
}


# Bytes to a port, over TLS with this SNI or plain; what came back.
sub raw {
    my ($t, $bytes, $sni) = @_;
    my $in = $t->path('raw');

    AttestTest::write_file($in, $bytes);
    return AttestTest::run_out([ 'openssl', 's_client', '-quiet', '-connect',
        '127.0.0.1:' . $t->port('TLS'), '-servername', $sni ],
        stdin => $in, sec => 20) if $sni;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port('TLS')) or die $!;
    print $s $bytes;
    local $/;
    return scalar <$s> // '';
}


subtest 'error_page is no way in' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    my $own = own_certificate($t);
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl default_server;
        server_name plain;
        $own
    }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name attested;
        attest_certificate on;
        error_page 400 497 =200 /c;
        error_page 414 494 =200 $WHERE;
        error_page 404 = \@named;
        location = $WHERE { attest_evidence; }
        location = /c { return 200 "attested content\\n"; }
        location \@named { return 200 "attested content\\n"; }
    }
}
END
    $t->start();

    my $host = "Host: attested\r\nConnection: close\r\n";
    my %ways = (
        'plain HTTP to the TLS port' => [ "GET / HTTP/1.1\r\n$host\r\n" ],
        'a bad length' => [ "GET / HTTP/1.1\r\n${host}Content-Length: x"
            . "\r\n\r\n", 'plain' ],
        'a large field' => [ "GET / HTTP/1.1\r\n${host}X: "
            . 'x' x 40000 . "\r\n\r\n", 'plain' ],
        'a named location' => [ "GET /no HTTP/1.1\r\n$host\r\n", 'plain' ],
    );

    for my $way (sort keys %ways) {
        my $out = raw($t, @{ $ways{$way} });

        unlike($out, qr/attested content|vnd\.ngx-attest/, "$way: nothing");
    }

    like(raw($t, "GET /c HTTP/1.1\r\n$host\r\n", 'attested'),
        qr/attested content/, 'the right way works');
    $t->finish();
};


subtest 'no answer before the rules' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%% timeout=500ms;
    attest_lifetime 3s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = $WHERE { attest_evidence; }
        location = /return { return 200 "content\\n"; }
        location = /rewrite { rewrite ^ /elsewhere redirect; }
    }
    server {
        listen 127.0.0.1:%%PORT_TWO%%;
        location = $WHERE { attest_evidence; }
        return 200 "content\\n";
    }
    server {
        listen 127.0.0.1:%%PORT_BOTH%%;
        location = $WHERE { attest_evidence; }
        location = /status { attest_status; }
        location = /return { return 200 "content\\n"; }
    }
}
END
    $t->start();

    my $get = sub { $t->get($_[0], plain => 1, port => $t->port($_[1])) };

    is($get->('/return')->{status}, 200, 'with evidence: served');
    is($get->('/any', 'TWO')->{status}, 200, 'by the server too');

    $t->stop_swtpm('KILL');
    ok(AttestTest::until_true(30, sub { $get->($WHERE)->{status} == 503 }),
        'evidence expires');

    is($get->($_)->{status}, 503, "$_: nothing") for '/return', '/rewrite';
    is($get->('/any', 'TWO')->{status}, 503, 'nothing from server{}');
    is($get->('/return', 'BOTH')->{status}, 503, 'nothing beside a status');
    is($get->('/status', 'BOTH')->{status}, 200, 'but the status');
    is($get->('/return')->{headers}{'content-type'},
        'application/problem+json', 'a problem document');
    $t->finish();
};


subtest 'evidence of another configuration is not ours' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();

    my $conf = sub {
        my ($name, $more) = @_;

        $t->gateway(names => "localhost $name", http => $more // '');
        return sha256_hex(AttestTest::read_file($t->path('nginx.conf')));
    };

    my $has = sub {
        my ($digest, $path) = @_;
        my $r = $t->get($path, headers => [ 'Accept: application/cmw+cbor' ]);

        return $r->{status} == 200 && index($r->{body}, $digest) >= 0;
    };

    my $a = $conf->('a.example');
    $t->start();
    ok($has->($a, $WHERE), 'evidence lists nginx.conf');

    # fails after the new evidence was made: the address is taken
    my $b = $conf->('b.example', 'server { listen '
        . '127.0.0.1:%%PORT_backend%%; }');
    $t->allow(qr/\[emerg\].*(?:bind\(\)|still could not bind)/);
    $t->reload(nowait => 1);
    like($t->wait_log(qr/still could not bind/), qr/bind/, 'a reload fails');

    my $wrong = 0;
    for (1 .. 40) {
        my $nonce = sprintf '%064x', $_;
        $wrong++ if $has->($b, $WHERE) || $has->($b, "$WHERE?nonce=$nonce");
        sleep 0.05;
    }
    is($wrong, 0, 'what goes on running never says it were the other');
    ok($has->($a, $WHERE), 'it says what it is');

    my $c = $conf->('c.example');
    ok($t->reload(), 'a reload that works');
    ok($has->($c, $WHERE), 'evidence of the new one');
    ok(!$has->($a, $WHERE), 'and only of it');
    $t->finish();
};


subtest 'the record lists all that nginx reads' => sub {
    my $t = AttestTest->new();

    $t->swtpm();

    my %files = (
        'plain.conf'      => "# plain\n",
        'glob-1.conf'     => "# one\n",
        'glob-2.conf'     => "include deep.conf;\n",
        'deep.conf'       => "# deep\n",
        "tab\tin.conf"    => "# tab\n",
        'brace.conf'      => "# brace\n",
        'after.conf'      => "# after http{}\n",
        'globals.conf'    => "# by nginx -g\n",
        'measured'        => "anything\0else",
    );
    AttestTest::write_file($t->path($_), $files{$_}) for keys %files;

    $t->write_conf(<<'END');
%%GLOBALS%%
env "${{";
include brace.conf;
env "x";
events {}
http {
    %%HTTP%%
    # include "not.conf";
    include plain.conf;
    include glob-*.conf;
    include "tab\tin.conf";
    attest_tpm %%TCTI%%;
    attest_measure %%DIR%%/measured;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
    }
}
include after.conf;
END
    $t->spawn('nginx', [ @{ $t->nginx_cmd() }, '-g',
        "daemon off; include $t->{dir}/globals.conf;" ],
        env => AttestTest::nginx_env());
    ok(AttestTest::wait_port($t->port()), 'starts');

    my $body = $t->get('/e', plain => 1, port => $t->port(), headers =>
        [ 'Accept: application/cmw+cbor' ])->{body};

    for my $name (sort keys %files) {
        (my $seen = $name) =~ s/\t/%09/;
        my $line = 'file ' . sha256_hex($files{$name}) . ' '
            . length($files{$name}) . " $t->{dir}/$seen\n";
        ok(index($body, $line) >= 0, "$seen is in the record");
    }

    unlike($body, qr/not\.conf/, 'a comment is not');
    like($body, qr/\nglobals [0-9a-f]{64} \d+\n/, 'the globals are');
    $t->finish();
};


subtest 'locations below an endpoint are sealed' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    $t->write_conf(<<'END');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        attest_prompt ehbp;
        location /e {
            attest_evidence;
            location /e/in/ {
                proxy_pass http://%%BACKEND%%;
                proxy_http_version 1.1;
                proxy_buffering off;
            }
        }
    }
}
END
    $t->start();

    my @plain = (plain => 1, port => $t->port());
    is($t->get('/e', @plain)->{status}, 200, 'the endpoint is in clear');
    is($t->get('/e/in/x', @plain, method => 'POST', body => '{}')->{status},
        400, 'what is below it is not');
    is(scalar $t->backend_log(), 0, 'the backend has heard of nothing');
    $t->finish();
};

done_testing();
