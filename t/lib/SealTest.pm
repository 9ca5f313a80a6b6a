# SPDX-License-Identifier: Apache-2.0

package SealTest;

# What the tests of "attest_seal" share: a gateway of both formats with a
# backend ($g), and a client's nginx before it ($t), which has the gateway's
# keys pinned in a file and is asked in clear.
#
#   SealTest::start(config());
#   my $r = ask('/ehbp/echo', body => 'text');
#   SealTest::end();

use strict;
use warnings;

use Exporter qw(import);

use Test::More;

use AttestTest;
use PromptClient qw(chat);

our @EXPORT = qw($g $t $CHAT $CANARY $URN ask chat client_conf seal_conf
    text_of);

our $CHAT = '/v1/chat/completions';
our $CANARY = $AttestTest::CANARY;
our $URN = 'urn:ngx-attest:problem:';
our ($g, $t);


# Options: gateway, more text of the gateway's server; prompt, of its sealed
# locations; server, of the client's, or who makes it; log_level; clock, one
# that can be set.
sub start {
    my (%o) = @_;

    $g = AttestTest->new(fresh_tpm => 0);
    $g->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];
    $g->swtpm();
    $g->backend();
    $g->gateway(listen => '127.0.0.1:%%PORT_TLS%% ssl http2',
        location => $o{prompt} // '',
        server => gateway_conf() . ($o{gateway} // ''),
        http => 'keepalive_requests 100000;');
    $g->start();

    $t = AttestTest->new(log_level => $o{log_level} || 'info');
    keys_of($g);
    $t->fake_clock() if $o{clock};
    $t->write_conf(client_conf(%o));
    $t->start();
}


sub gateway_conf {
    return <<'END';
        proxy_http_version 1.1;
        proxy_buffering off;
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow inside.test/v1/ inside.test/echo;
            attest_ohttp_allow inside.test/request localhost/echo;
        }
        location = /dated {
            attest_prompt ohttp;
            attest_ohttp_allow inside.test/v1/ inside.test/echo;
            attest_ohttp_replay date window=30s;
        }
        location /v1/ {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
        }
        location /echo {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
        }
        location /request {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            attest_prompt_mode optional;
            proxy_pass http://%%BACKEND%%;
        }
        location = /v1/trailer-known {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            add_trailer X-Trailer "behind $upstream_status";
            proxy_pass http://%%BACKEND%%/echo;
        }
        location = /v1/trailer {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            add_trailer X-Trailer "behind $upstream_status";
            proxy_pass http://%%BACKEND%%/v1/chat/completions;
        }
        location = /clear {
            attest_prompt off;
            proxy_pass http://%%BACKEND%%/echo;
        }
END
}


# What the gateway's keys are, in the client's files.
sub keys_of {
    my ($from) = @_;
    my $r = $from->get('/.well-known/ohttp-gateway');

    AttestTest::write_file($t->path('keys.bin'), $r->{body});
}


sub client_conf {
    my (%o) = @_;
    my ($http, $server) = ($o{http} // '',
        ref $o{server} ? $o{server}->() : $o{server} // '');

    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    log_format seal '\$status \$attest_seal_protocol \$attest_seal_answer '
        '[\$request_body]';
    access_log %%DIR%%/logs/seal.log seal;
    client_max_body_size 16m;
    $http
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        server_name localhost;
        proxy_http_version 1.1;
        proxy_set_header Host inside.test;
        proxy_set_header Connection "";
        proxy_ssl_protocols TLSv1.3;
        @{[ seal_conf('ehbp', 'ehbp') ]}
        @{[ seal_conf('ohttp', 'ohttp') ]}
        @{[ seal_conf('auto', 'auto') ]}
        @{[ seal_conf('whole', 'ohttp form=whole') ]}
        $server
    }
}
END
}


# A location of the client's: below /NAME/, what the gateway has at its root.
sub seal_conf {
    my ($name, $how, $more, $to) = @_;
    my $port = $g->port('TLS');

    $more //= '';
    $to //= "https://127.0.0.1:$port";

    return <<"END";
        location /$name/ {
            attest_seal $how keys=%%DIR%%/keys.bin;
            proxy_pass $to/;
            $more
        }
END
}


sub ask {
    my ($path, %o) = @_;

    $o{method} //= 'POST' if defined $o{body};

    return $t->get($path, plain => 1, port => $t->port('PLAIN'), %o);
}


# The tokens of a stream of chat events.
sub text_of {
    my ($r) = @_;
    my $text = '';

    for ($r->{body} =~ /^data: (\{.*\})$/mg) {
        my $doc = JSON::PP->new->utf8->decode($_);

        $text .= $doc->{choices}[0]{delta}{content} // '';
    }

    return $text;
}


sub end {
    $t->stop();
    $g->stop();
    AttestTest::done();
}


1;
