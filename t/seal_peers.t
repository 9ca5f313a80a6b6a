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
my @gw = VerifyTest::gateway(server => SealTest::gateway_conf());

push @gw, VerifyTest::gateway(server => SealTest::gateway_conf()
    . carry_conf($gw[0]->port('TLS')));

my ($one, $two) = map { AttestTest::read_file($_->policy()) } @gw;
my $cl = VerifyTest::client($gw[0], policy => both($one, $two),
    http => 'upstream gw { server 127.0.0.1:' . $gw[0]->port('TLS')
        . '; server 127.0.0.1:' . $gw[1]->port('TLS')
        . '; attest_verify %%POLICY%%; keepalive 4; }'
        . ' upstream localhost { server 127.0.0.1:' . $gw[0]->port('TLS')
        . '; attest_verify %%POLICY%%; }'
        . ' upstream relay { server 127.0.0.1:' . $gw[1]->port('TLS')
        . '; attest_verify %%POLICY%%; }'
        . ' proxy_ssl_protocols TLSv1.3;',
    server => relay_conf() . join '', map { "location /$_/ { attest_seal $_; "
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

# A relay that is verified, and has keys of its own, is none that is sealed to.
for my $n (1, 2) {
    my $r = VerifyTest::post($cl, '/via/echo', body => "$CANARY via $n");

    is($r->{status}, 200, 'through a relay that is a gateway itself');
    is($r->{body}, "$CANARY via $n", 'to the one behind it');
}

unlike($cl->error_log(), qr/has other prompt keys now/, 'at the first try');

# One of them dies: the other gets what it can open.
$gw[0]->stop();

for my $n (1 .. 4) {
    is(VerifyTest::post($cl, '/ohttp/echo', body => "$CANARY left")->{status},
        200, 'one is left');
}

$_->stop() for $cl, $gw[1];
AttestTest::done();


sub carry_conf {
    my ($port) = @_;

    return <<"END";
        location = /carry {
            attest_prompt off;
            proxy_pass https://127.0.0.1:$port/.well-known/ohttp-gateway;
            proxy_ssl_protocols TLSv1.3;
        }
END
}


sub relay_conf {
    return <<'END';
        location /via/ {
            attest_seal ohttp gateway=localhost path=/carry;
            proxy_set_header Host inside.test;
            proxy_set_header Connection "";
            proxy_pass https://relay/;
        }
END
}


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
