
# The stock clients "ehbp" and "openai" from npm, unmodified, against the real
# gateway.  They are installed into build/interop by the lock file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use File::Copy qw(copy);
use File::Path qw(make_path);
use JSON::PP qw(decode_json);
use Test::More;

my $why = AttestTest::missing('node', 'npm');

plan skip_all => $why if $why;

my $clients = install_clients();
my $t = AttestTest->new();
my $other;

$t->swtpm();
$t->backend();
$t->gateway(location => 'client_max_body_size 16m;'
    . ' attest_prompt_max_size 8m;',
    # more suites in the key configuration, which these clients must skip
    server => 'location = /.well-known/ohttp-gateway {'
    . ' attest_prompt ohttp; attest_ohttp_allow api.test; }');
$t->start();

for my $case (qw(oneshot streaming parallel large errors bodyless)) {
    run_case($case);
}

# What went over to the backend is the plain request, without our fields.
like($t->backend_raw(), qr/CANARY-7f3a said hello/, 'opened for the backend');
unlike($t->backend_raw(), qr/ehbp-/i, 'EHBP stays in front of the backend');

run_case('died');
run_case('mismatch', OTHER_URL => other_gateway()->url());

# Keys rotate with the renewal of evidence, at two thirds of its life.
$t->stop();
$t->gateway(http => 'attest_lifetime 15s;');
$t->start();
run_case('rotation');

AttestTest::done();


# Once for each lock file, whoever comes first.
sub install_clients {
    my $dir = AttestTest::top() . '/build/interop';
    my @files = qw(package.json package-lock.json);
    my $stamp = sha256_hex(map {
        AttestTest::read_file("$FindBin::Bin/$_") } @files);

    make_path($dir);
    open my $lock, '>', "$dir/.lock" or die "$dir: $!\n";
    flock($lock, LOCK_EX) or die "$dir: $!\n";
    copy("$FindBin::Bin/client.mjs", $dir) or die "client.mjs: $!\n";

    return $dir if AttestTest::read_file("$dir/.stamp") eq $stamp;

    copy("$FindBin::Bin/$_", $dir) or die "$_: $!\n" for @files;
    my $out = AttestTest::run_out([ AttestTest::which('npm'), 'ci',
        '--prefix', $dir, '--ignore-scripts', '--no-audit', '--no-fund' ],
        sec => 300);
    die "npm ci failed:\n$out" if $?;

    AttestTest::write_file("$dir/.stamp", $stamp);
    return $dir;
}


# Trust comes from evidence here, which ngx-attest checks; so the certificate
# of the test is not looked at.
sub run_case {
    my ($case, %env) = @_;
    my $out = AttestTest::run_out([ AttestTest::which('node'),
        "$clients/client.mjs", $t->url(), $case ], sec => 120,
        env => { NODE_TLS_REJECT_UNAUTHORIZED => 0, NODE_NO_WARNINGS => 1,
            NODE_OPTIONS => node_options(), %env });
    my $status = $?;
    my @lines = grep { /^\{"/ } split /\n/, $out;

    for (@lines) {
        my $r = decode_json($_);
        next if !defined $r->{name};
        ok($r->{ok}, "$case: $r->{name}") or diag("got: $r->{got}");
    }

    ok(!$status && @lines, "$case: client ended well") or diag($out);
}


# Debian 12's node is 18, the client wants 20: all it lacks is behind an
# option there.  We listen on IPv4 only.
sub node_options {
    my $version = AttestTest::run_out([ AttestTest::which('node'),
        '--version' ]);
    my ($major) = $version =~ /^v(\d+)/ or die "node: $version\n";

    return '--dns-result-order=ipv4first'
        . ($major < 20 ? ' --experimental-global-webcrypto' : '');
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
