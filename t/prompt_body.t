# SPDX-License-Identifier: Apache-2.0

# Where a backend would get something else than the prompt that was opened:
# refused when the configuration says so, or when a request comes there.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;

PromptClient::need();

my $t = AttestTest->new();
my $client = PromptClient->new('ehbp_client.py');
my $proxy = 'proxy_pass http://127.0.0.1:1; proxy_http_version 1.1; '
    . 'proxy_buffering off;';
my $variable = 'proxy_pass http://$to; proxy_http_version 1.1;';

$t->allow(qr/\[emerg\]/);
$t->swtpm();

test_set_body();
test_params();
test_version();
test_inner();
test_redirected();

$client->end();
AttestTest::done();


sub conf {
    my ($location, $more) = @_;
    $more //= '';

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    map \$uri \$mapped { default \$request_body; }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        set \$to 127.0.0.1:1;
        location /tested { attest_prompt ehbp; $location }
        location = /.well-known/hpke-keys { attest_keys; }
        $more
    }
}
END
    return $t->test_conf();
}


sub good {
    my ($name, @conf) = @_;
    my ($ok, $out) = conf(@conf);

    ok($ok, "accepted: $name") or diag($out);
}


sub bad {
    my ($name, $re, @conf) = @_;
    my ($ok, $out) = conf(@conf);

    ok(!$ok, "refused: $name");
    like($out, qr/\[emerg\].*$re.*location "/, "refused: $name, and why");
}


sub test_set_body {
    for my $pass ($proxy, $variable) {
        for my $value ('$request_body', '"${request_body}"', '$Request_Body',
            q('{"tenant":"a","request":$request_body}'), '$request_body_file',
            '$mapped', '"$uri $mapped"')
        {
            my $name = $value =~ s/^'|'$|"(?=\$)|"$//gr;

            bad("proxy_set_body $value",
                qr/"proxy_set_body" with "\Q$name\E" cannot be used/,
                "$pass proxy_set_body $value;");
        }
    }

    bad('proxy_set_body of the server', qr/"proxy_set_body" with/,
        $proxy, 'proxy_set_body $request_body;');
    bad('behind "if"', qr/"proxy_set_body" with/,
        'proxy_http_version 1.1; proxy_buffering off; '
            . 'proxy_set_body $request_body; '
            . 'if ($arg_x) { proxy_pass http://127.0.0.1:1; }');
    good('a body without variables', "$proxy proxy_set_body fixed;");
    good('a location that opens none',
        "attest_prompt_mode off; $proxy proxy_set_body \$request_body;");
    good('another module', 'grpc_pass grpc://127.0.0.1:1; '
        . 'proxy_set_body $request_body;');
}


sub test_params {
    for my $kind (qw(fastcgi scgi uwsgi)) {
        for my $to ('127.0.0.1:1', '$to') {
            my $pass = "${kind}_pass $to;";

            bad("${kind}_param, $to",
                qr/"${kind}_param" with "a \$request_body" cannot be used/,
                "$pass ${kind}_param URI \$uri; "
                    . "${kind}_param BODY \"a \$request_body\";");
            bad("${kind}_param with the file, $to",
                qr/"${kind}_param" with "\$request_body_file" cannot/,
                "$pass ${kind}_param FILE \$request_body_file;");
            good("${kind}_param of other things, $to",
                "$pass ${kind}_param A \$request_body_size\$uri;",
                'set $request_body_size 1;');
        }
    }
}


# Whatever the form of the target.
sub test_version {
    for my $to ('http://127.0.0.1:1', 'http://$to', 'http://$host$uri',
        'https://$to/x')
    {
        for my $version ('', 'proxy_http_version 1.0;') {
            bad("proxy_pass $to $version",
                qr/"proxy_http_version 1.1" is needed with "attest_prompt" in/,
                "proxy_pass $to; proxy_buffering off; $version");
        }

        good("proxy_pass $to", "proxy_pass $to; proxy_buffering off; "
            . 'proxy_http_version 1.1;');
    }

    good("${_}_pass with a variable", "${_}_pass \$to;")
        for qw(fastcgi scgi uwsgi grpc);
}


sub test_inner {
    my $gateway = 'location = /gate { attest_prompt ohttp; '
        . 'attest_ohttp_allow api.test; }';

    bad('an inner location', qr/"proxy_set_body" with "\$request_body"/,
        $proxy, "$gateway location /in { internal; attest_ohttp_inner on; "
            . "$proxy proxy_set_body \$request_body; }");
    good('the same elsewhere', $proxy, "$gateway location /in { internal; "
        . "$proxy proxy_set_body \$request_body; }");
}


# A redirect leads where nobody could know that prompts come.
sub test_redirected {
    $t->backend();
    good('a named location', 'try_files /none @behind;',
        'location @behind { proxy_pass http://%%BACKEND%%; '
            . 'proxy_set_body $request_body; } '
            . 'location /good { attest_prompt ehbp; try_files /none @good; } '
            . 'location @good { rewrite ^ /echo break; '
            . 'proxy_pass http://%%BACKEND%%; proxy_http_version 1.1; }');
    $t->start();

    my $keys = unpack 'H*', $t->get('/.well-known/hpke-keys')->{body};
    my %got = map { $_ => ask($_, $keys) } qw(/good /tested);

    is($got{'/good'}{status}, 200, 'a redirect');
    is($got{'/good'}{plain}, 'prompt', 'the prompt goes with it');
    is($got{'/tested'}{status}, 500, 'not where it would be lost');
    ok($got{'/tested'}{marker}, 'which is said sealed');
    like($t->error_log(), qr/"proxy_set_body" with "\$request_body" cannot/,
        'and in the log');
    is(scalar($t->backend_log(1)), 1, 'the backend was not asked');
}


sub ask {
    my ($path, $keys) = @_;
    my $file = $t->path("client/$path");

    AttestTest::make_path($t->path('client'));
    my $m = $client->ask(op => 'seal', keys => $keys, out => $file,
        frames => [ unpack('H*', 'prompt') ]);
    my $r = $t->get($path, method => 'POST',
        body => AttestTest::read_file($file),
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ]);
    my $nonce = $r->{headers}{'ehbp-response-nonce'} or return $r;

    AttestTest::write_file("$file.in", $r->{body});
    my $o = $client->ask(op => 'open', id => $m->{id}, nonce => $nonce,
        in => "$file.in", plain => "$file.plain");
    return { %$r, %$o, plain => AttestTest::read_file("$file.plain") };
}
