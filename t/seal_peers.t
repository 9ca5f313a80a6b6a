# SPDX-License-Identifier: Apache-2.0

# Two gateways with keys of their own behind one name: each request is sealed
# for the one that it goes to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use SealTest ();
use Test::More;
use VerifyTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl python3))) {
    plan skip_all => $why;
}

my $CANARY = $AttestTest::CANARY;
my @gw = map { VerifyTest::gateway(server => SealTest::gateway_conf()) } 1, 2;
my ($one, $two) = map { AttestTest::read_file($_->policy()) } @gw;
my $cl = VerifyTest::client($gw[0], policy => both($one, $two),
    http => 'upstream gw { server 127.0.0.1:' . $gw[0]->port('TLS')
        . '; server 127.0.0.1:' . $gw[1]->port('TLS')
        . '; attest_verify %%POLICY%%; keepalive 4; }'
        . ' proxy_ssl_protocols TLSv1.3;',
    server => join '', map { "location /$_/ { attest_seal $_; "
        . 'proxy_set_header Host inside.test; '
        . 'proxy_set_header Connection ""; proxy_pass https://gw/; '
        . 'add_header X-Peer $upstream_addr; }' } qw(ehbp ohttp));

$cl->start();

for my $form (qw(ehbp ohttp)) {
    my %seen;

    for my $n (1 .. 6) {
        my $r = VerifyTest::post($cl, "/$form/echo",
            body => "$CANARY $form $n");

        is($r->{status}, 200, "$form: request $n");
        is($r->{body}, "$CANARY $form $n", 'comes back');
        $seen{ $r->{headers}{'x-peer'} // '' }++;
    }

    is(scalar keys %seen, 2, "$form: from both");
}

# One of them dies: the other gets what it can open.
$gw[0]->stop();

for my $n (1 .. 4) {
    is(VerifyTest::post($cl, '/ohttp/echo', body => "$CANARY left")->{status},
        200, 'one is left');
}

$_->stop() for $cl, $gw[1];
AttestTest::done();


# What either of two policies allows.
sub both {
    my ($x, $y) = map { JSON::PP::decode_json($_) } @_;

    merge($x, $y);
    return JSON::PP->new->canonical->pretty->encode($x);
}


sub merge {
    my ($x, $y) = @_;

    for my $name (keys %$y) {
        if (ref $y->{$name} eq 'HASH') {
            merge($x->{$name}, $y->{$name});
        } elsif (ref $y->{$name} eq 'ARRAY') {
            my %has = map { $_ => 1 } @{ $x->{$name} };
            push @{ $x->{$name} }, grep { !$has{$_} } @{ $y->{$name} };
        }
    }
}
