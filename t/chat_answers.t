# SPDX-License-Identifier: Apache-2.0

# What "ngx-attest chat" makes of all that a backend may answer: it shows the
# text, or says why there is none, and only a whole answer is success.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Test::More;

my $t = AttestTest->new();
my $policy;

# The backend answers a POST to /NAME with the file NAME.
$t->swtpm();
AttestTest::make_path($t->path('www'));
$t->write_conf(<<'END');
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    server {
        listen 127.0.0.1:%%PORT_BACKEND%%;
        root %%DIR%%/www;
        location / { error_page 405 =200 $uri; }
    }
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        attest_certificate on;
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://127.0.0.1:%%PORT_BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
    }
}
END
$t->start();
$policy = $t->policy();

my $hello = delta('content', '"Hello"');
my $done = "data: [DONE]\n\n";

for (
    [ 'a stream', $hello . $done, 0, qr/^Hello$/ ],
    [ 'one without [DONE]', $hello, 0, qr/^Hello$/ ],
    [ 'a document', '{"choices":[{"message":{"content":"Hello"}}]}', 0,
        qr/^Hello$/ ],
    [ 'parts', delta('content', '[{"type":"thinking","thinking":[]},'
        . '{"type":"text","text":"Hello"}]'), 0, qr/^Hello$/ ],
    [ 'thoughts and text', delta('reasoning_content', '"Hm"') . $hello, 0,
        qr/^Hello$/ ],
    [ 'no error', $hello . 'data: {"error":null}' . "\n\n", 0, qr/^Hello$/ ],
    [ 'its limit', $hello . finish('length'), 0, qr/limit of its length/ ],
    [ 'an end like another', $hello . finish('stop'), 0, qr/\AHello\n\z/ ],

    [ 'only [DONE]', $done, 2, qr/nothing that can be shown/ ],
    [ 'nothing', '', 2, qr/nothing that can be shown/ ],
    [ 'a comment', ": ping\n\n$done", 2, qr/nothing that can be shown/ ],
    [ 'an empty text', delta('content', '""') . $done, 2, qr/nothing that/ ],
    [ 'a page', "<html>500</html>\n", 2, qr/nothing that can be shown/ ],
    [ 'only thoughts', delta('reasoning_content', '"Hm"') . $done, 2,
        qr/only thoughts/ ],
    [ 'only thoughts, another name', delta('reasoning', '"Hm"') . $done, 2,
        qr/only thoughts/ ],
    [ 'only thoughts, a document', '{"choices":[{"message":{"content":null,'
        . '"reasoning_content":"Hm"}}]}', 2, qr/only thoughts/ ],
    [ 'only thoughts, in parts', delta('content',
        '[{"type":"thinking","thinking":[]}]'), 2, qr/only thoughts/ ],
    [ 'only tools', delta('tool_calls', '[{"index":0}]') . $done, 2,
        qr/asks for tools/ ],
    [ 'an old tool', delta('function_call', '{"name":"f"}') . $done, 2,
        qr/asks for tools/ ],
    [ 'only tools, a document', '{"choices":[{"message":{"content":null,'
        . '"tool_calls":[{"id":"1"}]}}]}', 2, qr/asks for tools/ ],

    [ 'a field "error"', qq(error: {"code":500,"message":"no slot"}\n\n), 2,
        qr/says: no slot/ ],
    [ 'the same behind text', $hello . 'error:{"error":{"message":"no slot"}}'
        . "\n\n$done", 2, qr/^Hello$/m ],
    [ 'the same in words', "error: out of memory\n\n", 2,
        qr/says: out of memory/ ],
    [ 'an object "error"', 'data: {"object":"error","message":"too long"}'
        . "\n\n$done", 2, qr/says: too long/ ],
    [ 'the same, a document', '{"object":"error","message":"too long"}', 2,
        qr/says: too long/ ],
    [ 'a member "error"', 'data: {"error":{"message":"busy"}}' . "\n\n$done",
        2, qr/says: busy/ ],
    [ 'the same behind text', $hello . 'data: {"error":"busy"}' . "\n\n", 2,
        qr/says: busy/ ],
    [ 'the same, a document', '{"error":"busy"}', 2, qr/says: busy/ ],
    [ 'an error without words', 'data: {"error":{"code":1}}' . "\n\n", 2,
        qr/says: an error/ ],
    [ 'an event "error"', "event: error\ndata: "
        . '{"type":"error","error":{"message":"Overloaded"}}' . "\n\n", 2,
        qr/says: Overloaded/ ],
    [ 'the same in words', "event:error\ndata: gone\n\n", 2, qr/says: gone/ ],
    [ 'the same behind its data', "data: {}\nevent: error\n\n", 2,
        qr/says: an error/ ],
    [ 'the same alone', $hello . "event: error\n", 2, qr/says: an error/ ],
    [ 'an error of a choice', 'data: {"choices":[{"error":{"message":"gone"}'
        . ',"delta":{"content":"Hello"}}]}' . "\n\n$done", 2,
        qr/says: gone/ ],
    [ 'a type "error"', 'data: {"type":"error","message":"gone"}' . "\n\n",
        2, qr/says: gone/ ],
    [ 'a refusal', delta('refusal', '"I will not"') . $done, 2,
        qr/says: I will not/ ],
    [ 'a filter', $hello . finish('content_filter'), 2, qr/content_filter/ ],
    [ 'an end by an error', $hello . finish('error'), 2, qr/answer: error/ ],
    [ 'no JSON', $hello . "data: {oops\n\n", 2, qr/not what a chat/ ])
{
    my ($name, $answer, $want, $re) = @$_;

    AttestTest::write_file($t->path('www/answer'), $answer);
    my ($exit, $said) = $t->attest('chat', $t->url(), '--policy', $policy,
        '--path', '/answer', 'x');
    is($exit, $want, "$name: exit status") or diag($said);
    like($said, $re, "$name: what it says");
}

AttestTest::done();


sub delta {
    my ($name, $value) = @_;

    return qq(data: {"choices":[{"index":0,"delta":{"$name":$value}}]}\n\n);
}


sub finish {
    return qq(data: {"choices":[{"index":0,"delta":{},)
        . qq("finish_reason":"$_[0]"}]}\n\n$done);
}
