# SPDX-License-Identifier: Apache-2.0

# Every file in conf-examples runs: with this test's ports, paths, TPM and
# backend instead of a real machine's, and nothing else changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Examples;
use PromptClient;
use File::Basename;
use File::Path qw(make_path);
use JSON::PP qw(decode_json encode_json);
use Test::More;

# What stands for a machine's hardware: the roots below which it signs, or a
# reference to why it cannot be played here.
my %hardware = (
    'confidential-gpu' => \&fake_guest,
    azure              => \&fake_azure,
    nitro              => \&fake_enclave,
    'remote-backend'   => \&remote_gateway,
    relay              => \&relayed_gateway,
    mutual             => \&policy_for_peers,
);

# t/local_proxy.t runs the client's side
my @examples = grep { !/local-proxy/ }
    glob AttestTest::top() . '/conf-examples/*.conf';

cmp_ok(scalar @examples, '>=', 3, 'there are examples');

for my $file (@examples) {
    my $name = basename($file, '.conf');
    my $t = AttestTest->new();

    $t->swtpm();
    $t->backend();
    Examples::files($t);
    my $roots = $hardware{$name} ? $hardware{$name}->($t) : undef;

    SKIP: {
    skip "$name: $$roots", 1 if ref $roots eq 'SCALAR';
    $t->write_conf(Examples::adapt($t, AttestTest::read_file($file)));

    my ($ok, $out) = $t->test_conf();
    ok($ok, "$name: nginx -t") or diag($out);
    next if !$ok;

    ok($t->start(), "$name: starts");

    if ($name eq 'relay') {
        my $r = $t->get('/v1/chat/completions', plain => 1,
            method => 'POST',
            body => PromptClient::chat('CANARY-7f3a'));
        is($r->{status}, 200, "$name: a plain prompt");
        like($r->{body}, qr/CANARY-7f3a/, "$name: its answer");
        is($t->stop(), 0, "$name: stops");
        next;
    }

    is($t->get('/.well-known/attestation')->{status}, 200,
        "$name: evidence");

    my $clear = $t->get('/v1/chat/completions', body => '{"messages":[]}');

    if ($name eq 'ohttp') {
        is($clear->{status}, 404, "$name: a prompt in clear is refused");
        my $o = oblivious($t);
        ok($o->{complete}, "$name: an encrypted prompt") or diag(explain $o);
        is($o->{status}, 200, "$name: its status inside");
        like(pack('H*', $o->{content} // ''), qr/CANARY-7f3a/,
            "$name: its answer");

    } else {
        is($clear->{status}, 400, "$name: a prompt in clear is refused")
            if $name ne 'public-ca';
        is($t->get('/.well-known/hpke-keys')->{status}, 200, "$name: keys");
        is($t->get('/v1/models')->{status}, 200, "$name: models");

        my ($exit, $text) = chat($t, $name, $roots);
        is($exit, 0, "$name: an encrypted prompt") or diag($text);
        like($text, qr/CANARY-7f3a/, "$name: its answer");
    }

    is($t->stop(), 0, "$name: stops");
    }
    $t->{remote}->finish() if $t->{remote};
    $t->stop_fake_tsm() if $t->{procs}{fake_tsm};
    $t->finish();
}

done_testing();


sub fake_guest {
    my ($t) = @_;
    my $why = AttestTest::no_fake_tsm();

    return \$why if $why;
    $t->{adapt} = { '    attest_tsm;' => '    attest_tsm path='
        . $t->fake_tsm() . ';' };
    $t->fake_nvml('gpus 2');
    $t->{nginx_env} = { %{ AttestTest::nginx_env() }, %{ $t->nvml_env() } };
    return [ $t->path('tsm-roots.pem'), $t->double_roots('gpu') ];
}


sub fake_azure {
    my ($t) = @_;
    my $dir = $t->path('azure');
    my $unit = ($ENV{ATTEST_UNIT} || AttestTest::build() . '/unit')
        . '/test_provider_azure';

    make_path($dir);
    $t->azure_ak("$dir/ak.pem");
    AttestTest::run_out([ $unit, 'prepare', $dir ]);
    $t->tpm_nv('0x01400001', "$dir/hcl.bin");
    $t->{adapt} = { 'attest_azure;' => 'attest_azure imds='
        . $t->start_fake_imds($dir) . ';' };
    return ["$dir/root.pem"];
}


sub fake_enclave {
    my ($t) = @_;

    $t->fake_nsm();
    return [ $t->double_roots('nitro') ];
}


# The other machine; no hardware is played, so there are no roots.
# A gateway of Oblivious HTTP, and a relay in front of it.
sub relayed_gateway {
    my ($t) = @_;
    my $remote = $t->{remote} = AttestTest->new();
    my ($tls, $relay) = map { $remote->port($_) } qw(TLS RELAY);

    $remote->swtpm();
    $remote->backend();
    $remote->gateway(names => 'localhost llm.example.com', server => <<'END',
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow llm.example.com/v1/;
        }
        location /v1/ {
            internal;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
END
        servers => <<"END");
    server {
        listen 127.0.0.1:$relay ssl;
        server_name relay.example.net;
        ssl_certificate $t->{dir}/ca.pem;
        ssl_certificate_key $t->{dir}/tpm/ca.key;
        location = /relay {
            proxy_pass https://127.0.0.1:$tls/.well-known/ohttp-gateway;
            proxy_ssl_protocols TLSv1.3;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }
END
    $remote->start();

    my $policy = $t->path('policy.json');
    AttestTest::write_file($policy,
        AttestTest::read_file($remote->policy()));
    $t->{adapt} = {
        'server         llm.example.com:443;' => "server 127.0.0.1:$tls;",
        'relay.example.net:443;' => "127.0.0.1:$relay;",
        'proxy_ssl_name                 relay.example.net;' =>
            'proxy_ssl_name localhost;',
        '/etc/nginx/policy.json;' => "$policy;",
        '127.0.0.1:8080' => '127.0.0.1:' . $t->port('TLS'),
    };
    return;
}


sub remote_gateway {
    my ($t) = @_;
    my $remote = $t->{remote} = AttestTest->new();

    $remote->swtpm();
    $remote->backend();
    $remote->gateway(location => 'attest_prompt_mode optional;');
    $remote->start();

    my $policy = $t->path('backend.json');
    AttestTest::write_file($policy,
        AttestTest::read_file($remote->policy()));
    $t->{adapt} = {
        'backend.example.com:443;' =>
            '127.0.0.1:' . $remote->port('TLS') . ';',
        '/etc/nginx/backend.json interval' => "$policy interval",
    };
    return;
}


# What a gateway on this TPM is, so that it is its own peer.
sub policy_for_peers {
    my ($t) = @_;

    $t->gateway(tpm_args => 'pcrs=sha256:0-9,14 eventlog='
        . $t->path('eventlog.bin'));
    $t->start();
    my $p = decode_json(AttestTest::read_file($t->policy()));
    $t->stop();

    $p->{$_} = JSON::PP::false
        for qw(require_nonce require_exporter require_ek);
    delete $p->{config};
    AttestTest::write_file($t->path('peers.json'), encode_json($p));
    return;
}


sub chat {
    my ($t, $name, $roots) = @_;

    # an SNP guest without a TPM: what is launched is the whole image
    my %more = $name eq 'confidential-gpu'
        ? (snp => { measurement_covers => 'kernel' }) : ();
    my $policy = $roots ? $t->policy_below($roots, %more) : $t->policy();

    return $t->attest('chat', $t->url(), '--policy', $policy,
        'CANARY-7f3a says hello');
}


# One chat request inside Oblivious HTTP.
sub oblivious {
    my ($t) = @_;
    my $where = '/.well-known/ohttp-gateway';
    my $client = PromptClient->new('ohttp_client.py');

    my $keys = $t->get($where,
        headers => [ 'Accept: application/ohttp-keys' ])->{body};
    my ($sealed, $answer) = map { $t->path("client/ohttp.$_") } qw(in out);

    my $m = $client->ask(op => 'seal', list => unpack('H*', $keys),
        form => 'chunked', out => $sealed, request => {
            method => 'POST', scheme => 'https', authority => 'localhost',
            path => '/v1/chat/completions',
            fields => [ [ 'content-type', 'application/json' ] ],
            content => unpack('H*', '{"messages":[{"role":"user",'
                . '"content":"CANARY-7f3a says hello"}]}'),
        });
    my $r = $t->get($where, method => 'POST',
        body => AttestTest::read_file($sealed),
        headers => [ 'Content-Type: message/ohttp-chunked-req' ]);
    AttestTest::write_file($answer, $r->{body});

    my $o = $client->ask(op => 'open', id => $m->{id}, in => $answer);

    $client->end();
    return $o;
}
