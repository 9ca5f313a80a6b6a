# SPDX-License-Identifier: Apache-2.0

# conf-examples/browser.conf with a page of another origin in a headless
# browser: stock npm clients, as they are, over the browser's own CORS.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Digest::SHA qw(sha256_base64);
use Examples;
use File::Copy qw(copy);
use Interop;
use JSON::PP qw(decode_json);
use Test::More;
use URI::Escape qw(uri_unescape);

# Not by Debian's wrapper, which would end without it.
my ($browser) = grep { -x } map { ("/usr/lib/chromium/$_",
    eval { AttestTest::which($_) } // '') }
    qw(chromium-headless-shell chromium);
my $why = AttestTest::missing('node', 'npm', 'python3');

if (!$browser) {
    die "missing in CI: chromium-headless-shell\n" if $ENV{CI};
    $why = 'missing: chromium-headless-shell';
}

plan skip_all => $why if $why;

my $clients = Interop::npm();
my $t = AttestTest->new();
my $page = 'http://localhost:' . $t->port('OFF_page');

$t->swtpm();
$t->backend();
Examples::files($t);
start_gateway();
start_page();

my @checks = visit();

ok($_->{ok}, $_->{name}) or diag("got: $_->{got}") for @checks;
cmp_ok(scalar @checks, '>=', 8, 'the page has said all') or diag(said());

# Another page is told nothing.
my $r = $t->get('/v1/models', headers => [ 'Origin: http://evil.test' ]);
is($r->{headers}{'access-control-allow-origin'}, undef, 'another origin');

AttestTest::done();


# The example, but for the place of the page.
sub start_gateway {
    my $top = AttestTest::top();
    my $conf = Examples::adapt($t,
        AttestTest::read_file("$top/conf-examples/browser.conf"));

    $conf =~ s{https://chat\.example\.com}{$page} or die 'no origin';
    $t->write_conf($conf);
    $t->start();
}


sub start_page {
    my $dir = $t->path('client/page');

    AttestTest::make_path($dir);
    copy("$FindBin::Bin/browser.html", $dir) or die "browser.html: $!\n";
    symlink "$clients/node_modules", "$dir/node_modules" or die $!;

    $t->spawn('page', [ AttestTest::which('python3'), '-u', '-m',
        'http.server', '--bind', '127.0.0.1', '--directory', $dir,
        $t->port('OFF_page') ]);
    AttestTest::wait_port($t->port('OFF_page')) or die "no page\n";
}


# The browser knows the certificate's key, as it knows those of a CA.
sub visit {
    my $dir = $t->path('client/browser');

    $t->spawn('browser', [ $browser, qw(--headless --no-sandbox --disable-gpu
        --no-proxy-server --disable-dev-shm-usage --no-first-run
        --remote-debugging-port=0), "--user-data-dir=$dir",
        '--host-resolver-rules=MAP localhost 127.0.0.1',
        '--ignore-certificate-errors-spki-list=' . spki(),
        "$page/browser.html?gateway=" . $t->url() ],
        env => { HOME => $dir });

    my ($report) = AttestTest::until_true(120, sub {
        my ($found) = AttestTest::read_file($t->path('logs/page.out'))
            =~ m{GET /report\?(\S+)};
        return $found;
    });

    $t->stop_proc('browser');
    return @{ decode_json(uri_unescape($report // '[]')) };
}


sub spki {
    my @openssl = AttestTest::which('openssl');
    my ($pub, $der) = map { $t->path("client/ca.$_") } qw(pub der);

    AttestTest::run_out([ @openssl, 'x509', '-in', $t->path('ca.pem'),
        '-noout', '-pubkey' ], stdout => $pub);
    AttestTest::run_out([ @openssl, 'pkey', '-pubin', '-in', $pub,
        '-outform', 'DER' ], stdout => $der);

    return sha256_base64(AttestTest::read_file($der)) . '=';
}


sub said {
    return map { AttestTest::read_file($t->path("logs/$_.out")) }
        qw(browser page);
}
