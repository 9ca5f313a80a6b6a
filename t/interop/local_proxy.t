# SPDX-License-Identifier: Apache-2.0

# "ngx-attest proxy" with applications that know nothing of it: the programs of
# docs/client.md as they stand there, on OpenAI's stock clients for Python and
# JavaScript, and curl; long prompts, many streams at once, an abort, and a
# file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Docs;
use File::Copy qw(copy);
use Interop;
use Test::More;

my $why = AttestTest::missing(qw(nginx swtpm node npm curl))
    || Interop::no_venv();

plan skip_all => $why if $why;

my $t = AttestTest->new();
my $dir = $t->path('client');
my $port = AttestTest::free_port();
my $url = "http://127.0.0.1:$port/v1";

$t->swtpm();
$t->backend('--delay', 20);
$t->gateway(server => 'client_max_body_size 32m; attest_prompt_max_size 16m;'
    . <<'END');
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost:%%PORT_TLS%%;
        }
END
$t->start();
AttestTest::make_path($dir);
start_proxy();

my %programs = map { ($_->{language}, $_) } grep { $_->{language}
    =~ /^(?:js|python)$/ } Docs::snippets('docs/client.md');
my ($curl) = map { $_->{text} } grep { $_->{text} =~ /^curl -N/m }
    Docs::snippets('docs/client.md');

my $before = opened();

test_python();
test_js();
test_curl();
is(opened() - $before, 5, 'all of it was sealed');

test_more();

$t->stop_proc('proxy', 'INT', 20);
$t->allow(qr/CANARY-7f3a/);         # what the programs print
AttestTest::done();


sub start_proxy {
    $t->spawn('proxy', [ AttestTest::cli(), 'proxy', $t->url(), '--policy',
        $t->policy(), '--listen', "127.0.0.1:$port",
        AttestTest::nginx_preloaded("$dir.nginx") ],
        env => { TMPDIR => $dir });
    AttestTest::until_true(60, sub {
        return AttestTest::read_file($t->path('logs/proxy.out'))
            =~ /until Ctrl-C/;
    }) or die "no proxy\n" . AttestTest::read_file($t->path('logs/proxy.out'));
}


sub opened {
    return AttestTest::json($t->get('/attest-status'))->{counters}
        {prompts_opened};
}


# The program of the page, with this test's port.
sub program {
    my ($language, $name) = @_;
    my $text = $programs{$language}{text} or die "no $language\n";

    $text =~ s{http://127\.0\.0\.1:8080/v1}{$url} or die "no address\n";
    AttestTest::write_file("$dir/$name", $text);
    return "$dir/$name";
}


# One answer, then the same as a stream.
sub said_twice {
    my ($what, $out) = @_;

    is($?, 0, "$what: ends well") or diag($out);
    is(scalar(() = $out =~ /You said: "Hello"/g), 2,
        "$what: one answer, and one as a stream") or diag($out);
}


sub test_python {
    my $out = AttestTest::run_out([ Interop::venv(),
        program('python', 'program.py') ], sec => 120,
        env => { no_proxy => '127.0.0.1' });

    said_twice('python', $out);
}


sub test_js {
    my $clients = Interop::npm();
    my $program = program('js', 'program.mjs');

    symlink "$clients/node_modules", "$dir/node_modules";
    my $out = AttestTest::run_out([ AttestTest::which('node'), $program ],
        env => { Interop::node_env() }, sec => 120);

    said_twice('js', $out);
}


sub test_curl {
    (my $text = $curl) =~ s{http://127\.0\.0\.1:8080}{http://127.0.0.1:$port};
    AttestTest::write_file("$dir/program.sh", $text);
    my $out = AttestTest::run_out([ 'sh', "$dir/program.sh" ],
        env => { no_proxy => '127.0.0.1' });

    is($?, 0, 'curl: ends well');
    like($out, qr/^data: \[DONE\]/m, 'curl: a whole stream');
}


sub test_more {
    my ($status, $out, @checks) = Interop::checks([ Interop::venv(),
        "$FindBin::Bin/local_proxy.py", $url ], no_proxy => '127.0.0.1');

    is($status, 0, 'more: ends well') or diag($out);
    ok($_->{ok}, $_->{name}) or diag("got: $_->{got}") for @checks;
    is(scalar @checks, 6, 'more: all of it');

    ok(AttestTest::until_true(10, sub {
        grep { $_->{end} eq 'aborted' } $t->backend_log(1) }),
        'abort: the backend stops, too');
}
