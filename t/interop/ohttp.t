# SPDX-License-Identifier: Apache-2.0

# Stock clients, unmodified, against the real gateway: the reference
# implementation, the Rust crates "ohttp" and "bhttp", and the Go module
# github.com/openpcc/ohttp.  Built into build/interop by their lock files.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use File::Path qw(make_path);
use JSON::PP qw(encode_json);
use Test::More;

my $why = AttestTest::missing('curl')
    // AttestTest::missing_toolchains(qw(cargo go));

plan skip_all => $why if $why;

my $CHAT = '/v1/chat/completions';
my %client = (rust => build_rust(),
    go => AttestTest::build_go('ohttp-go', 'ohttp-client'));
my $t = AttestTest->new();

$t->swtpm();
$t->backend();
$t->gateway(server => <<'END');
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/ api.test/echo;
        }
        location = /padded {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/ api.test/echo;
            attest_prompt_coalesce 20ms;
            attest_ohttp_pad 512;
        }
        location /v1/ {
            internal;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
        }
END
$t->start();

my $url = 'https://127.0.0.1:' . $t->port('TLS')
    . '/.well-known/ohttp-gateway';

for my $lang (qw(rust go)) {
    test_form($lang, $_) for qw(whole chunked);
    test_pieces($lang);
}

# Padded pieces, too: lengths that are longer than they need be.
$url = 'https://127.0.0.1:' . $t->port('TLS') . '/padded';

for my $lang (qw(rust go)) {
    test_form($lang, $_) for qw(whole chunked);
    test_pieces($lang);
}

AttestTest::done();


sub test_form {
    my ($lang, $form) = @_;
    my $name = "$lang, $form";

    my ($exit, $out) = run($lang, $form, 'POST', $CHAT,
        chat('CANARY-7f3a hello'));
    is($exit, 0, "$name, a completion");
    like($out, qr/\Astatus 200\n\{.*You said: .*CANARY-7f3a hello/s,
        "$name, the answer");

    ($exit, $out) = run($lang, $form, 'GET', '/v1/models');
    is($exit, 0, "$name, GET");
    like($out, qr/\Astatus 200\n.*echo-1/s, "$name, models");

    ($exit, $out) = run($lang, $form, 'GET', '/v1/models?status=503');
    like($out, qr/\Astatus 503\n/, "$name, the backend's status");

    ($exit, $out) = run($lang, $form, 'GET', '/other');
    like($out, qr/\Astatus 403\n/, "$name, a path that is not allowed");

    ($exit, $out) = run($lang, $form, 'POST', $CHAT, chat('x' x 100_000));
    is($exit, 0, "$name, 100,000 bytes");
    cmp_ok(index($out, 'x' x 100_000), '>', 0, "$name, and back");

    ($exit, $out) = run($lang, $form, 'POST', "$CHAT?tokens=10&delay=20",
        chat('x', stream => JSON::PP::true));
    is($exit, 0, "$name, a stream");
    is(scalar(() = $out =~ /"content":"token/g), 10, "$name, its tokens");

    ($exit, $out) = run($lang, $form, 'POST', "$CHAT?tokens=10&die_after=3",
        chat('x', stream => JSON::PP::true));
    isnt($exit, 0, "$name, a backend that died");
}


sub test_pieces {
    my ($lang) = @_;

    my ($exit, $out, $err) = run($lang, 'chunked', 'POST',
        "$CHAT?tokens=5&delay=200", chat('x', stream => JSON::PP::true));
    my @times = $err =~ /^piece (\d+)$/mg;

    is($exit, 0, "$lang, a slow stream");
    cmp_ok(scalar @times, '>=', 5, "$lang, pieces");
    cmp_ok($times[-1] - $times[0], '>', 700,
        "$lang, as they come, not at the end");
}


sub run {
    my ($lang, $form, $method, $path, @content) = @_;
    my $dir = $t->path('client');

    make_path($dir);
    my $err = AttestTest::run_out([ $client{$lang}, $form, $url, 'api.test',
        $method, $path, @content ], stdout => "$dir/out");
    return ($? >> 8, AttestTest::read_file("$dir/out"), $err);
}


sub chat {
    my ($text, %o) = @_;

    return encode_json({ model => 'echo-1', %o,
        messages => [ { role => 'user', content => $text } ] });
}


sub build_rust {
    my $dir = AttestTest::top() . '/build/interop/rust';

    AttestTest::build_locked($dir, AttestTest::tool('cargo'), 'build',
        '--locked', '-q', '--manifest-path',
        "$FindBin::Bin/ohttp-rust/Cargo.toml", '--target-dir', $dir);
    return "$dir/debug/ohttp-client";
}
