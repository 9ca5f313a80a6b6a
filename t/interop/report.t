# SPDX-License-Identifier: Apache-2.0

# attest_report in a headless browser: the page is drawn under its own
# Content-Security-Policy, in light and in dark, on a wide and on a narrow
# screen.  ATTEST_SCREENSHOTS=dir keeps the pictures.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use File::Copy qw(copy);
use Test::More;
use VerifyTest;

# Not by Debian's wrapper, which would end without it.
my ($browser) = grep { -x } map { ("/usr/lib/chromium/$_",
    eval { AttestTest::which($_) } // '') }
    qw(chromium-headless-shell chromium);
my $why = AttestTest::missing(qw(nginx swtpm python3));

if (!$browser) {
    die "missing in CI: chromium-headless-shell\n" if $ENV{CI};
    $why = 'missing: chromium-headless-shell';
}

plan skip_all => $why if $why;

my $t = AttestTest->new();

$t->swtpm();
$t->backend();
$t->gateway(servers => <<'END');
    server {
        listen 127.0.0.1:%%PORT_PAGE%%;
        location / { attest_report; }
    }
END
$t->start();

my $page = 'http://127.0.0.1:' . $t->port('PAGE') . '/';

test_drawn('gateway', $page);
test_peers();

AttestTest::done();


# Of a client: one group is verified, the other is not.
sub test_peers {
    my $gw = VerifyTest::gateway();
    my $cl = VerifyTest::client($gw, server => <<'END',
        location = / { attest_report; }
        location = /ok { proxy_pass https://good; }
        location = /bad { proxy_pass https://bad; }
END
        http => 'upstream good { server %%GW%%; attest_verify %%POLICY%%; }'
        . 'upstream bad { server %%BAD_plain%%; attest_verify %%POLICY%%; }');

    $cl->start();
    VerifyTest::post($cl, "/$_") for qw(ok bad);
    test_drawn('client', 'http://127.0.0.1:' . $cl->port('') . '/');
    VerifyTest::over($gw, $cl);
}


sub test_drawn {
    my ($name, $url) = @_;
    my %views = (
        light  => [ '--window-size=1200,2400' ],
        dark   => [ '--window-size=1200,2400',
            '--blink-settings=preferredColorScheme=0' ],
        narrow => [ '--window-size=420,4200' ],
    );
    for my $view (sort keys %views) {
        my $png = $t->path("client/$name-$view.png");
        my $said = browser("--screenshot=$png", @{ $views{$view} }, $url);

        cmp_ok(-s $png || 0, '>', 20000, "$name, $view: is drawn")
            or diag($said);
        unlike($said, qr/Content Security Policy|Refused to/,
            "$name, $view: nothing is refused by its own policy");
        copy($png, "$ENV{ATTEST_SCREENSHOTS}/$name-$view.png")
            if $ENV{ATTEST_SCREENSHOTS};
    }

    isnt(AttestTest::read_file($t->path("client/$name-dark.png")),
        AttestTest::read_file($t->path("client/$name-light.png")),
        "$name: dark is not light");
}


sub browser {
    my (@args) = @_;
    my $home = $t->path('client/browser');

    AttestTest::make_path($home);
    return AttestTest::run_out([ $browser, qw(--headless --no-sandbox
        --disable-gpu --no-proxy-server --disable-dev-shm-usage --no-first-run
        --hide-scrollbars --enable-logging=stderr --force-color-profile=srgb
        --virtual-time-budget=5000), "--user-data-dir=$home", @args ],
        env => { HOME => $home }, sec => 120);
}
