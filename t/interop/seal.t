# SPDX-License-Identifier: Apache-2.0

# Our sealing client against servers that nobody here wrote, unmodified: EHBP's
# own in Go, and gateways of Oblivious HTTP on the Go module
# github.com/openpcc/ohttp and the Rust crate "ohttp" (those of the benchmark).
# They have no evidence: their keys are pinned.  The one in Rust knows no
# streams.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use PromptClient qw(chat);
use SealTest ();
use Test::More;
use Time::HiRes qw(time);

my $why = AttestTest::missing('curl')
    // AttestTest::missing_toolchains(qw(cargo go));

plan skip_all => $why if $why;

my $CANARY = $AttestTest::CANARY;
my $CHAT = '/v1/chat/completions';
my $t = AttestTest->new();
my %server = (ehbp => AttestTest::build_go('ehbp-go', 'ehbp-server'),
    go => peer_go(), rust => peer_rust());
my @forms = ([ 'ehbp', 'ehbp', 'ehbp end=optional' ],
    [ 'go', 'go-chunked', 'ohttp path=/' ],
    [ 'go', 'go-whole', 'ohttp form=whole path=/' ],
    [ 'rust', 'rust-chunked', 'ohttp path=/' ],
    [ 'rust', 'rust-whole', 'ohttp form=whole path=/' ]);

$t->backend();
start_server($_) for sort keys %server;
$t->write_conf(conf());
$t->start();

for (@forms) {
    my ($server, $name) = @$_;

    test_echo($name);
    test_chat($name);
    test_stream($name) if $name =~ /^(?:ehbp|go-chunked)$/;
    test_wrong_key($name);
}

AttestTest::done();


sub start_server {
    my ($name) = @_;
    my $port = $t->port($name);
    my $out = $t->path("logs/$name.out");

    $t->spawn($name, [ $server{$name}, $port, $t->port('backend') ]);
    AttestTest::wait_port($port) or die "$name does not start\n";
    AttestTest::until_true(10, sub {
        AttestTest::read_file($out) =~ /^[0-9a-f]+$/m });

    my ($hex) = AttestTest::read_file($out) =~ /^([0-9a-f]+)$/m;
    AttestTest::write_file($t->path("$name.bin"), pack 'H*', $hex);

    # another key, of the same form
    my $bytes = pack 'H*', $hex;
    substr $bytes, length($bytes) - 20, 1, "\x5a";
    AttestTest::write_file($t->path("$name.wrong"), $bytes);
}


sub conf {
    my $locations = '';

    for (@forms) {
        my ($server, $name, $how) = @$_;
        my $port = $t->port($server);

        $locations .= <<"END";
        location /$name/ {
            attest_seal $how keys=%%DIR%%/$server.bin;
            proxy_pass http://127.0.0.1:$port/;
        }
        location /wrong-$name/ {
            attest_seal $how keys=%%DIR%%/$server.wrong;
            proxy_pass http://127.0.0.1:$port/;
        }
END
    }

    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        proxy_http_version 1.1;
        proxy_set_header Host localhost;
        proxy_set_header Connection "";
        $locations
    }
}
END
}


sub ask {
    my ($path, $body) = @_;

    return $t->get($path, plain => 1, port => $t->port('PLAIN'),
        method => 'POST', body => $body);
}


sub test_echo {
    my ($name) = @_;

    for my $n (1, 1000, 16384, 100_000) {
        my $text = substr("$CANARY $name " x 10000, 0, $n);
        my $r = ask("/$name/echo", $text);

        is($r->{status}, 200, "$name: $n bytes");
        ok($r->{body} eq $text, 'come back');
    }
}


sub test_chat {
    my ($name) = @_;
    my $r = ask("/$name$CHAT", chat("$CANARY hello"));

    is($r->{status}, 200, "$name: a completion");
    like(AttestTest::json($r)->{choices}[0]{message}{content},
        qr/You said: .*$CANARY hello/s, 'its text');
    $r = ask("/$name$CHAT?status=503", chat('x'));
    is($r->{status}, 503, 'an error of the backend');
    is($r->{headers}{'attest-seal'}, undef, 'is sealed like all');
}


sub test_stream {
    my ($name) = @_;
    my ($first, $start) = (undef, time);

    open my $fh, '-|', 'curl', '-qsN', '--noproxy', '*', '-H',
        'Content-Type: application/json', '-d',
        chat("$CANARY slow", stream => JSON::PP::true()),
        'http://127.0.0.1:' . $t->port('PLAIN')
        . "/$name$CHAT?tokens=10&delay=150" or die "curl: $!\n";

    my $text = '';
    while (<$fh>) {
        $first //= time - $start if /content":"\S/;
        $text .= $_;
    }
    close $fh;

    is($?, 0, "$name: a stream");
    is(scalar(() = $text =~ /"content":"token/g), 10, 'its tokens');
    cmp_ok($first, '<', 1.2, 'as they come');
}


sub test_wrong_key {
    my ($name) = @_;
    my $r = ask("/wrong-$name/echo", "$CANARY for nobody");

    cmp_ok($r->{status}, '>=', 400, "$name: another key is an error");
    unlike($r->{body}, qr/$CANARY/, 'without the prompt');
}


sub peer_go {
    my $dir = AttestTest::build() . '/interop/go';

    AttestTest::build_locked($dir, AttestTest::tool('go'), '-C',
        AttestTest::top() . '/t/bench/peer-go', 'build', '-mod=readonly',
        '-o', "$dir/ohttp-peer", '.');
    return "$dir/ohttp-peer";
}


sub peer_rust {
    my $dir = AttestTest::top() . '/build/interop/rust-peer';

    AttestTest::build_locked($dir, AttestTest::tool('cargo'), 'build',
        '--locked', '-q', '--manifest-path',
        AttestTest::top() . '/t/bench/peer-rust/Cargo.toml',
        '--target-dir', $dir);
    return "$dir/debug/ohttp-peer";
}
