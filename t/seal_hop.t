# SPDX-License-Identifier: Apache-2.0

# A gateway that opens prompts and seals them again for another gateway, which
# here is itself; clients that leave in mid-stream; what is given back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use SealTest;
use Test::More;
use Time::HiRes qw(sleep time);

SealTest::start();
hop_conf();

for my $outer (qw(ehbp ohttp)) {
    test_hop($outer, $_) for qw(ehbp ohttp whole);
}

test_leave($_) for qw(ehbp ohttp);
test_many();

SealTest::end();


# Now that its keys are known.
sub hop_conf {
    my $text = '';

    AttestTest::write_file($g->path('keys.bin'),
        AttestTest::read_file($t->path('keys.bin')));

    for ([ 'ehbp', 'ehbp' ], [ 'ohttp', 'ohttp' ],
        [ 'whole', 'ohttp form=whole' ])
    {
        my ($name, $how) = @$_;
        my $port = $g->port('TLS');

        $text .= <<"END";
        location /echo/$name/ {
            attest_ohttp_inner on;
            attest_prompt ehbp;
            attest_seal $how keys=%%DIR%%/keys.bin;
            proxy_pass https://127.0.0.1:$port/;
            proxy_set_header Host inside.test;
            proxy_ssl_protocols TLSv1.3;
        }
END
    }

    $g->gateway(listen => '127.0.0.1:%%PORT_TLS%% ssl http2',
        server => SealTest::gateway_conf() . $text);

    # another configuration has other keys; the same one has the same
    for (1, 2) {
        ok($g->reload(), 'the gateway seals, too');
        SealTest::keys_of($g);
        AttestTest::write_file($g->path('keys.bin'),
            AttestTest::read_file($t->path('keys.bin')));
    }

    ok($t->reload(), 'and the client knows its keys');
}


sub test_hop {
    my ($outer, $inner) = @_;
    my $name = "$outer, then $inner";

    for my $n (10, 100_000) {
        my $text = substr("$CANARY hop " x 20000, 0, $n);
        my $r = ask("/$outer/echo/$inner/echo", body => $text);

        is($r->{status}, 200, "$name: $n bytes");
        ok($r->{body} eq $text, 'come back');
    }

    my $r = ask("/$outer/echo/$inner$CHAT?tokens=20",
        body => chat("$CANARY hop", stream => 1));
    is($r->{exit}, 0, "$name: a stream");
    ok(length text_of($r) > 20, 'its tokens');

    $r = ask("/$outer/echo/$inner$CHAT?tokens=20&die_after=5",
        body => chat("$CANARY hop", stream => 1));
    ok($r->{exit} || $r->{status} == 502, "$name: the last backend dies");
}


# The backend stops, too.
sub test_leave {
    my ($form) = @_;
    my $before = () = $g->backend_log();

    my $r = ask("/$form$CHAT?tokens=1000&delay=50",
        body => chat("$CANARY leaves", stream => 1), sec => 1);
    isnt($r->{exit}, 0, "$form: a client leaves");

    my @log = $g->backend_log($before + 1);
    is(scalar @log, $before + 1, 'the backend is done');
    cmp_ok($log[-1]{tokens}, '<', 200, 'long before its end');
}


# Each has its own; afterwards all of the locked memory is free.
sub test_many {
    my @pids;

    for my $n (1 .. 30) {
        my $pid = fork() // die "fork: $!\n";

        if (!$pid) {
            my $form = (qw(ehbp ohttp))[$n % 2];
            my $text = "$CANARY $n " x (100 * $n);
            my $got = `curl -qs --noproxy '*' -d '$text' http://127.0.0.1:@{[
                $t->port('PLAIN') ]}/$form/echo`;

            POSIX::_exit($got eq $text ? 0 : 1);
        }
        push @pids, $pid;
    }

    is(scalar(grep { waitpid($_, 0); $? } @pids), 0, '30 at once');
}
