# SPDX-License-Identifier: Apache-2.0

# An attested server without evidence answers nothing but its status, whoever
# makes the answer; and a refusal stays one, whatever error_page says.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl))) {
    plan skip_all => $why;
}

my $SERVERS = <<'END';
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
        location = /status { attest_status; }
        if ($arg_go) { return 302 /elsewhere; }
        if ($arg_text) { return 404 "content\n"; }
        if ($arg_file) { rewrite ^ /file break; }
        location = /both { attest_status; return 200 "content\n"; }
        location = /denied { attest_status; deny all; error_page 403 = /c; }
        location = /named { attest_status; deny all; error_page 403 = @n; }
        location = /page { attest_status; deny all; }
        location = /c { return 200 "content\n"; }
        location @n { return 200 "content\n"; }
        location = /file { root %%DIR%%; }
        location = /again { rewrite ^ /status last; }
    }
    server {
        listen 127.0.0.1:%%PORT_RETURN%%;
        location = /e { attest_evidence; }
        location = /status { attest_status; }
        return 200 "content\n";
    }
END


sub conf {
    my ($t, $tpm, $http) = @_;

    AttestTest::write_file($t->path('file'), "content\n");
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm $tpm timeout=500ms;
    attest_start_without_evidence on;
$http
}
END
}


sub plain {
    my ($t, $path, $port, @more) = @_;

    return $t->get($path, plain => 1, port => $t->port($port), @more);
}


subtest 'without evidence' => sub {
    my $t = AttestTest->new();

    conf($t, 'swtpm:host=127.0.0.1,port=%%PORT_OFF%%', $SERVERS);
    $t->start();

    for my $path (qw(/e /c /file /both /denied /named /page /status?go=1
        /status?text=1 /status?file=1 /x?text=1))
    {
        my $r = plain($t, $path);

        is($r->{status}, 503, "$path: refused");
        is($r->{headers}{'content-type'}, 'application/problem+json',
            "$path: by us");
        unlike($r->{body}, qr/^content/m, "$path: nothing else");
    }

    my $r = plain($t, '/any', 'RETURN');
    is($r->{status}, 503, 'return in server{}: refused');
    like($r->{body}, qr/no-evidence/, 'by us');
    is(plain($t, '/status')->{status}, 200, 'the status is there');
    is(plain($t, '/again')->{status}, 503, 'and nothing that leads to it');
    is(plain($t, '/any', 'RETURN', method => 'HEAD')->{status}, 503,
        'nor a head');
    $t->finish();
};


subtest 'with evidence' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    conf($t, '%%TCTI%%', $SERVERS);
    $t->start();

    is(plain($t, $_)->{body}, "content\n", "$_: served")
        for qw(/c /file /both /denied /named /status?text=1 /status?file=1);
    is(plain($t, '/status?go=1')->{status}, 302, 'redirected');
    is(plain($t, '/again')->{status}, 200, 'rewritten');
    is(plain($t, '/page')->{status}, 403, 'denied');
    is(plain($t, '/any', 'RETURN')->{body}, "content\n",
        'return in server{}: served');
    $t->finish();
};


my $REFUSED = <<'END';
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%DIR%%;
        error_page 405 =200 /sealed/x;
        error_page 404 =204 /gateway;
        location = /file { }
        location = /status { attest_status; }
        location /sealed/ {
            attest_prompt ehbp;
            proxy_pass http://127.0.0.1:%%PORT_OFF%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        location = /gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost/;
        }
    }
END

subtest 'a refusal has its own status' => sub {
    my $t = AttestTest->new();

    $t->swtpm();
    conf($t, '%%TCTI%%', $REFUSED);
    $t->start();

    my $r = plain($t, '/file', undef, method => 'POST', body => '{}');
    is($r->{status}, 400, 'an unsealed prompt after error_page 405 =200');
    like($r->{body}, qr/"status":400/, 'as the document says');
    is(plain($t, '/file')->{status}, 200, 'what is allowed is served');
    $t->stop();
    $t->stop_swtpm();

    conf($t, 'swtpm:host=127.0.0.1,port=%%PORT_OFF%%', $REFUSED);
    $t->start();
    is(plain($t, $_->[0], undef, method => $_->[1], body => '{}')->{status},
        503, "$_->[1] $_->[0] without evidence")
        for [ '/file', 'POST' ], [ '/none', 'POST' ], [ '/none', 'GET' ];
    $t->finish();
};

done_testing();
