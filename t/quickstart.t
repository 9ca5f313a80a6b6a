# SPDX-License-Identifier: Apache-2.0

# scripts/quickstart as a newcomer runs it: with its port taken, twice, and
# interrupted; nothing may stay behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;

my $t = AttestTest->new();
my $script = AttestTest::top() . '/scripts/quickstart';
my $tmp = $t->path('client/tmp');
my $taken = $t->port('TAKEN');
my %env = (TMPDIR => $tmp);

make_path($tmp);

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $taken, Listen => 1, ReuseAddr => 1) or die $!;

for my $round (1, 2) {
    my $out = AttestTest::run_out([ $script, '--port', $taken,
        '--prompt', 'CANARY-7f3a says hello' ], env => \%env, sec => 300);

    is($?, 0, "round $round: succeeds") or diag($out);
    like($out, qr/port $taken is taken/, "round $round: another port");
    like($out, qr/proves nothing|tpmrm0/i, "round $round: says what TPM");
    like($out, qr/^ +TRUSTED/m, "round $round: verified");
    like($out, qr/You said: "CANARY-7f3a says hello"/, "round $round: answer");
    like($out, qr/You said: "Hello from an application!"/,
        "round $round: an application's answer");
    is(() = $out =~ /done in \d+\.\d+ s/g, 9, "round $round: nine steps");
    nothing_left("round $round");
}

# --stay, then Ctrl-C.
my $pid = $t->spawn('stay', [ $script, '--stay' ], env => \%env);

ok(AttestTest::until_true(300, sub {
    AttestTest::read_file($t->path('logs/stay.out')) =~ /Running until/;
}), 'stays') or diag(AttestTest::read_file($t->path('logs/stay.out')));

my ($url) = AttestTest::read_file($t->path('logs/stay.out'))
    =~ /^  gateway +(https\S+)/m;
my ($exit, $out) = $t->attest('show', $url);
is($exit, 0, 'still answers') or diag($out);

$t->stop_proc('stay', 'INT', 30);
nothing_left('interrupted');

# A step that fails is named, and cleaned up too.
my $no = AttestTest::free_port();
$out = AttestTest::run_out([ $script, '--backend', "http://127.0.0.1:$no" ],
    env => \%env, sec => 300);
isnt($?, 0, 'no backend: fails');
like($out, qr/no models at .*failed in step "backend"/s,
    'no backend: says so');
nothing_left('no backend');

$out = AttestTest::run_out([ $script, '--port', 'eighty' ], env => \%env);
isnt($?, 0, 'bad port: fails');
like($out, qr/--port wants a number/, 'bad port: says so');

# The terminal shows the prompt, of course.
$t->allow(qr/You said: "/);
$t->allow(qr/ngx-attest chat /);

AttestTest::done();


sub nothing_left {
    my ($name) = @_;
    my @files = glob "$tmp/*";
    my @procs = grep { AttestTest::cmdline($_) =~ /\Q$tmp\E/ }
        map { m{^/proc/(\d+)} } glob '/proc/[0-9]*';

    is("@files", '', "$name: no file left");
    is("@procs", '', "$name: no process left");
}
