# SPDX-License-Identifier: Apache-2.0

# Prompts that were opened and are refused then, as replays or by the access
# phase: nobody gets them, neither a log nor a subrequest.

use strict;
use warnings;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Sealed;

PromptClient::need();

my @FORMS = qw(ehbp whole chunked);

my $t = AttestTest->new(fresh_tpm => 0);
my $s = Sealed->new($t);

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('www'));
AttestTest::write_file($t->path('www/denied.html'),
    "page <!--#include virtual=\"/part\" -->\n");
AttestTest::write_file($t->path('www/mirrored.html'), "page\n");

begin();
test_logs();
test_pages();

$s->end();
AttestTest::done();


sub begin {
    my $error = join "\n", map { <<"END" } qw(denied mirrored);
        location /out/$_/ {
            attest_prompt ehbp;
            attest_prompt_mirror on;
            deny all;
            error_page 403 /$_.html;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/$_/ {
            internal;
            attest_ohttp_inner on;
            deny all;
            error_page 403 /$_.html;
            proxy_pass http://%%BACKEND%%/;
        }
END

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    log_format bodies '\$status [\$request_body] \$content_length';
    access_log %%DIR%%/logs/bodies.log bodies;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        root %%DIR%%/www;
        proxy_http_version 1.1;
        proxy_buffering off;
        location = $Sealed::KEYS { attest_keys; }
        location = $Sealed::GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/in/;
        }
        location /out/ {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%/;
        }
        location /in/ {
            internal;
            proxy_pass http://%%BACKEND%%/;
        }
        $error
        location = /denied.html { internal; ssi on; }
        location = /mirrored.html {
            internal;
            attest_prompt_mirror on;
            mirror /part;
        }
        location = /part {
            internal;
            proxy_pass http://%%BACKEND%%/request;
        }
    }
}
END
    $t->start();
    ok($s->keys(), 'keys');
}


sub place { return $_[0] eq 'ehbp' ? '/out' : '/in' }


sub test_logs {
    my $log = $t->path('logs/bodies.log');

    for my $form (@FORMS) {
        my $m = $s->seal($form, "secret-$form", path => place($form)
            . '/echo');

        is($s->send($m)->{text}, "secret-$form", "$form: once");
        is($s->send($m)->{type}, 'replay', "$form: a replay");
    }

    ok(AttestTest::until_true(20, sub {
        return (() = AttestTest::read_file($log) =~ /^409 /mg) == @FORMS;
    }), 'all are logged');
    unlike(AttestTest::read_file($log), qr/secret/, 'without a prompt');
}


sub test_pages {
    for my $form (@FORMS) {
        for my $page (qw(denied mirrored)) {
            my $had = length $t->backend_raw();
            my $m = $s->seal($form, "secret-$page-$form",
                path => place($form) . "/$page/echo");

            for my $try (1, 2) {
                my $got = $s->send($m);
                my $name = "$form, $page, $try";

                ok($got->{sealed}, "$name: the page, sealed");
                like($got->{text}, qr/^page/, '  as it is');

                ok(AttestTest::until_true(20, sub {
                    return (() = substr($t->backend_raw(), $had)
                        =~ m{^\S+ /request }mg) == $try;
                }), '  its subrequest is made');
                unlike(substr($t->backend_raw(), $had), qr/secret-/,
                    '  without the prompt');
            }
        }
    }
}
