# SPDX-License-Identifier: Apache-2.0

# The stock clients, unmodified, against the real gateway: "ehbp" and "openai"
# from npm, "tinfoil-ehbp" from PyPI.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Interop;
use Test::More;

my $why = AttestTest::missing('node', 'npm') || Interop::no_venv();

plan skip_all => $why if $why;

my $clients = Interop::npm();
my $python = Interop::venv();
my $t = AttestTest->new();
my $other;

$t->swtpm();
$t->backend();
$t->gateway(location => 'client_max_body_size 16m;'
    . ' attest_prompt_max_size 8m;',
    # more suites for Oblivious HTTP, which EHBP's clients do not take
    server => 'location = /.well-known/ohttp-gateway {'
    . ' attest_prompt ohttp; attest_ohttp_allow api.test; }');
$t->start();

for my $case (qw(oneshot streaming parallel large errors bodyless)) {
    run_case($case);
}

run_python($_) for qw(oneshot streaming large errors bodyless died);

# What went over to the backend is the plain request, without our fields.
like($t->backend_raw(), qr/CANARY-7f3a said hello/, 'opened for the backend');
unlike($t->backend_raw(), qr/ehbp-/i, 'EHBP stays in front of the backend');

run_case('died');
run_case('mismatch', OTHER_URL => other_gateway()->url());
run_python('mismatch', OTHER_URL => $other->url());

# Keys rotate with the renewal of evidence, at two thirds of its life.
$t->stop();
$t->gateway(http => 'attest_lifetime 15s;');
$t->start();
run_case('rotation');

AttestTest::done();


# Trust comes from evidence here, which ngx-attest checks; so the certificate
# of the test is not looked at.
sub run_case {
    my ($case, %env) = @_;

    client_says("npm, $case", [ AttestTest::which('node'),
        "$clients/client.mjs", $t->url(), $case ],
        NODE_TLS_REJECT_UNAUTHORIZED => 0, Interop::node_env(), %env);
}


sub run_python {
    my ($case, %env) = @_;

    client_says("PyPI, $case", [ $python, "$FindBin::Bin/client.py",
        $t->url(), $case ], %env);
}


sub client_says {
    my ($name, $cmd, %env) = @_;
    my ($status, $out, @checks) = Interop::checks($cmd, %env);

    for my $r (@checks) {
        ok($r->{ok}, "$name: $r->{name}") or diag("got: $r->{got}");
    }

    ok(!$status && @checks, "$name: client ended well") or diag($out);
}


# Another instance with keys of its own; lives until the end.
sub other_gateway {
    $other = AttestTest->new();

    $other->swtpm();
    $other->backend();
    $other->gateway();
    $other->start();
    return $other;
}
