# SPDX-License-Identifier: Apache-2.0

# Requests that are sealed for the keys that a verified peer has proven: of one
# gateway and of two, over kept connections and new ones, when the gateway is
# another one by now, refuses its keys, or shows another time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use PromptClient qw(chat);
use SealTest ();
use Test::More;
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $CHAT = '/v1/chat/completions';
my $CANARY = $AttestTest::CANARY;
my $OHTTP_KEY = 'https://iana.org/assignments/http-problem-types#ohttp-key';
my $KEY_ERROR = 'urn:ietf:params:ehbp:error:key-config';

my $RELAY = AttestTest::free_port();

my ($gw, $cl) = VerifyTest::pair(
    gateway => { server => gateway_conf(), http => 'keepalive_requests 10000;'
        . ' log_format e "$uri $http_ehbp_encapsulated_key $status";'
        . ' access_log %%DIR%%/logs/e.log e;' . relay_conf() },
    http => 'upstream gw { server %%GW%%; attest_verify %%POLICY%%;'
        . ' keepalive 4; }'
        . ' upstream localhost { server %%GW%%; attest_verify %%POLICY%%; }'
        . ' proxy_ssl_protocols TLSv1.3;'
        . ' log_format s "$status $attest_seal_protocol $attest_seal_answer '
        . '$attest_upstream_verdict"; access_log %%DIR%%/logs/s.log s;',
    server => client_conf());

test_forms();
test_refused_keys();
test_relay();
test_restart();

$_->stop() for $cl, $gw;
AttestTest::done();


sub gateway_conf {
    return SealTest::gateway_conf() . <<"END";
        location /first/ {
            attest_prompt ehbp;
            default_type application/problem+json;
            if (\$connection_requests != 1) {
                return 422 '{"type":"$KEY_ERROR","status":422}';
            }
            proxy_pass http://%%BACKEND%%/;
        }
        location /never/ {
            attest_prompt off;
            default_type application/problem+json;
            return 422 '{"type":"$KEY_ERROR","status":422}';
        }
END
}


# Carries what it cannot open, or says that the gateway cannot.
sub relay_conf {
    return <<"END";
    server {
        listen 127.0.0.1:$RELAY;
        location = /carry {
            proxy_pass https://127.0.0.1:%%PORT_TLS%%/.well-known/ohttp-gateway;
            proxy_ssl_protocols TLSv1.3;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
        location = /refuse {
            default_type application/problem+json;
            return 400 '{"type":"$OHTTP_KEY"}';
        }
    }
END
}


sub client_conf {
    my $text = '';

    for ([ 'ehbp', 'ehbp' ], [ 'ohttp', 'ohttp' ], [ 'auto', 'auto' ]) {
        $text .= <<"END";
        location /$_->[0]/ {
            attest_seal $_->[1];
            proxy_set_header Host inside.test;
            proxy_set_header Connection "";
            proxy_pass https://gw/;
        }
END
    }

    return $text . <<"END";
        location /ok { proxy_pass https://gw; }
        location /relayed/ {
            attest_seal ohttp gateway=localhost path=/carry;
            proxy_pass http://127.0.0.1:$RELAY/;
        }
        location /relayed-never/ {
            attest_seal ohttp gateway=localhost path=/refuse;
            proxy_pass http://127.0.0.1:$RELAY/;
        }
END
}


sub ask {
    my ($path, $body, %o) = @_;

    return $cl->get($path, plain => 1, port => $cl->port(''),
        method => 'POST', body => $body, %o);
}


sub appraisals {
    return VerifyTest::peer($cl, 'gw')->{counters}{appraisals};
}


sub last_line { return (split /\n/, AttestTest::read_file($_[0]))[-1] }


sub test_forms {
    my %protocol = (ehbp => 'ehbp', ohttp => 'ohttp-chunked',
        auto => 'ohttp-chunked');

    for my $form (qw(ehbp ohttp auto)) {
        for my $n (1 .. 3) {
            my $r = ask("/$form/echo", "$CANARY $form $n");

            is($r->{status}, 200, "$form: request $n");
            is($r->{body}, "$CANARY $form $n", 'comes back');
        }

        is(last_line($cl->path('logs/s.log')),
            "200 $protocol{$form} opened trusted", 'opened, from a peer that '
            . 'is trusted');

        my $r = ask("/$form$CHAT?tokens=20",
            chat("$CANARY stream", stream => 1));
        ok(length SealTest::text_of($r) > 20, "$form: a stream");
    }

    is(appraisals(), 1,
        'all of it after one appraisal');
    is(ask('/ok', 'x')->{status}, 200, 'others go there in clear');
}


# Its answer says that nothing was processed: once more, after an appraisal.
sub test_refused_keys {
    my $before = appraisals();

    is(ask('/ehbp/echo', 'to keep a connection')->{status}, 200, 'kept');
    my $r = ask('/ehbp/first/echo', "$CANARY again");

    is($r->{status}, 200, 'keys that were refused');
    is($r->{body}, "$CANARY again", 'are tried anew');

    my @tried = grep { m{^/first/} } split /\n/,
        AttestTest::read_file($gw->path('logs/e.log'));
    is(scalar @tried, 2, 'once');
    isnt((split ' ', $tried[0])[1], (split ' ', $tried[1])[1],
        'in another envelope');
    is(appraisals(), $before + 1,
        'after the gateway was asked again');

    $r = ask('/ehbp/never/x', "$CANARY never");
    is($r->{status}, 422, 'and no fifth time');
    is($r->{headers}{'attest-seal'}, 'unauthenticated', 'it is an error');
    is(scalar(grep { m{^/never/} } split /\n/,
        AttestTest::read_file($gw->path('logs/e.log'))), 4, 'that was met '
        . 'four times');
    like($cl->error_log(), qr/has other prompt keys now/, 'and said');
}


# Keys and verdict are of a group that no connection of the request is to.
sub test_relay {
    for my $n (1, 2) {
        my $r = ask('/relayed/echo', "$CANARY relayed $n");

        is($r->{status}, 200, 'through a relay');
        is($r->{body}, "$CANARY relayed $n", 'and back');
    }

    is(VerifyTest::peer($cl, 'localhost')->{counters}{appraisals}, 1,
        'the gateway was asked once');

    my $r = ask('/relayed-never/echo', "$CANARY refused");

    is($r->{status}, 400, 'a relay that says that the keys are others');
    is($r->{headers}{'attest-seal'}, 'unauthenticated', 'is nobody');
    is(scalar(grep { m{^/refuse } } split /\n/,
        AttestTest::read_file($gw->path('logs/e.log'))), 4, 'and was asked '
        . 'four times');
    is(VerifyTest::peer($cl, 'localhost')->{counters}{appraisals}, 4,
        'with the gateway in between');
}


# With all keys new.
sub test_restart {
    $gw->stop();
    $gw->start();

    for my $form (qw(ehbp ohttp relayed)) {
        my $r = ask("/$form/echo", "$CANARY restarted");

        is($r->{status}, 200, "$form: the gateway was restarted");
        is($r->{body}, "$CANARY restarted", 'and nothing is lost');
    }
}

