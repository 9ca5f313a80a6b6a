# SPDX-License-Identifier: Apache-2.0

# Requests that are sealed for post-quantum keys, X-Wing, where nginx' OpenSSL
# has ML-KEM: they come first where a gateway offers them, and not where not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use SealTest;
use Test::More;
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $X25519 = '0020';
my $XWING = '647a';

SealTest::start(server => sub { between_conf() });

if (!grep { kem_of($_) eq $XWING } members()) {
    test_key($X25519);
    note('no X-Wing: ' . AttestTest::run_out([ 'openssl', 'version' ]));
    SKIP: { skip 'X-Wing: this OpenSSL has no ML-KEM', 1 }
    SealTest::end();
    exit;
}

test_key($XWING);
test_bodies();
test_stream();
test_whom_else();
test_verified();
SealTest::end();


sub between_conf {
    my $port = $t->port('BETWEEN');

    AttestTest::write_file($t->path('plan.json'), '{}');
    $t->spawn('between', [ AttestTest::which('python3'),
        "$FindBin::Bin/lib/seal_between.py", $port, $g->port('TLS'),
        $t->path('plan.json'), $t->path('between.log') ]);
    AttestTest::wait_port($port);

    return join '', map { SealTest::seal_conf("b-$_->[0]", $_->[1], '',
        "http://127.0.0.1:$port") } [ 'ohttp', 'ohttp' ], [ 'auto', 'auto' ],
        [ 'whole', 'ohttp form=whole' ];
}


# Key configurations, without their lengths.
sub members {
    my $rest = AttestTest::read_file($t->path('keys.bin'));
    my @members;

    while (length $rest) {
        push @members, unpack 'n/a', $rest;
        $rest = substr $rest, 2 + length $members[-1];
    }

    return @members;
}


sub kem_of { return unpack 'H4', substr $_[0], 1, 2 }


# The KEM of the last request that went by.
sub last_kem {
    my ($line) = reverse split /\n/,
        AttestTest::read_file($t->path('between.log'));

    return substr(JSON::PP::decode_json($line)->{start}, 2, 4);
}


sub test_key {
    my ($kem) = @_;

    for my $form (qw(ohttp auto whole)) {
        my $r = ask("/b-$form/echo", body => "$CANARY $form");

        is($r->{status}, 200, "$form: $kem");
        is($r->{body}, "$CANARY $form", 'back');
        is(last_kem(), $kem, 'sealed for this kind of key');
    }
}


sub test_bodies {
    for my $form (qw(ohttp whole)) {
        for my $size (0, 1, 16384, 300_000) {
            my $text = 'y' x $size;
            my $r = ask("/$form/echo", body => $text);

            is($r->{status}, 200, "$form, $size bytes");
            ok($r->{body} eq $text, 'back');
        }
    }
}


sub test_stream {
    my $r = ask("/b-ohttp$CHAT?tokens=40",
        body => chat("$CANARY stream", stream => 1));

    is($r->{status}, 200, 'a stream');
    is($r->{exit}, 0, 'with an end');
    cmp_ok(length text_of($r), '>', 40, 'tokens');
    is(last_kem(), $XWING, 'X-Wing');
}


# A gateway that does not offer it.
sub test_whom_else {
    my $was = AttestTest::read_file($t->path('keys.bin'));

    AttestTest::write_file($t->path('keys.bin'), join '',
        map { pack 'n/a', $_ } grep { kem_of($_) ne $XWING } members());
    $t->reload();
    test_key($X25519);
    AttestTest::write_file($t->path('keys.bin'), $was);
}


# And under a list that a peer has proven.
sub test_verified {
    my ($gw, $cl) = VerifyTest::pair(
        gateway => { server => SealTest::gateway_conf(),
            http => 'log_format x "$uri $attest_prompt_protocol $status";'
                . ' access_log %%DIR%%/logs/x.log x;' },
        http => 'upstream gw { server %%GW%%; attest_verify %%POLICY%%;'
            . ' keepalive 4; } proxy_ssl_protocols TLSv1.3;',
        server => 'location /s/ { attest_seal ohttp;'
            . ' proxy_set_header Host inside.test;'
            . ' proxy_set_header Connection "";'
            . ' proxy_pass https://gw/; } location /ok {'
            . ' proxy_pass https://gw; } ');

    for my $n (1 .. 3) {
        my $r = VerifyTest::post($cl, '/s/echo', body => "$CANARY $n");

        is($r->{status}, 200, "verified, $n");
        is($r->{body}, "$CANARY $n", 'back');
    }

    VerifyTest::over($gw, $cl);
}
