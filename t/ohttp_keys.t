# SPDX-License-Identifier: Apache-2.0

# Oblivious HTTP: keys, suites, sizes, and what is refused in clear.

use strict;
use warnings;

use Test::More;

use FindBin;
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/lib";
use AttestTest;
use OhttpTest;

OhttpTest::start();

test_keys();
test_round_trip();
test_suites();
test_xwing();
test_sizes();
test_refusals();
test_decryption();
test_replay();
test_dates();

OhttpTest::end();


sub test_keys {
    my $r = $t->get($GATEWAY);

    is($r->{status}, 200, 'keys without Accept');
    is($r->{headers}{'content-type'}, 'application/ohttp-keys',
        'their type');
    is($r->{headers}{'cache-control'}, 'no-store', 'no-store');

    is(unpack('n', $r->{body}), 41, 'EHBP has the first member');

    my ($len, $id, $kem, $pk, $slen, @suites) =
        unpack('x43 n C n a32 n n*', $r->{body});
    is($len, 49, 'a length before the next');
    is($kem, 0x20, 'X25519');
    is("@suites[0 .. 5]", '1 2 1 1 1 3', 'AES-256 first');

    $r = $t->get('/.well-known/hpke-keys');
    is(substr($r->{body}, 3, 32), $pk, 'EHBP gets the same key');
    is(unpack('H*', substr($r->{body}, 35)), '000400010002',
        'with its suite alone');

    $r = $t->get($GATEWAY, headers => [ 'Accept: text/html' ]);
    is($r->{status}, 406, 'another type is not there');

    $r = $t->get($GATEWAY, method => 'HEAD');
    is($r->{status}, 200, 'HEAD');

    $r = $t->get($GATEWAY, method => 'PUT', body => 'x');
    is($r->{status}, 405, 'PUT');
    is($r->{headers}{allow}, 'GET, HEAD, POST', 'Allow');

    my $claims = $t->get('/.well-known/attestation',
        headers => [ 'Accept: application/cmw+json' ]);
    my $doc = AttestTest::json($claims) || {};
    my ($b64) = $claims->{body} =~ m{application/ohttp-keys","([^"]+)"};
    SKIP: {
        skip 'no list in the collection', 1 if !defined $b64;
        $b64 =~ tr{-_}{+/};
        require MIME::Base64;
        is(unpack('H*', MIME::Base64::decode_base64($b64)), $list,
            'the attested list is the one served');
    }
}


sub test_round_trip {
    for my $form (@FORMS) {
        for my $how (qw(h1 h1-chunked h2)) {
            for my $framing (0, 2) {
                my $text = chat("$CANARY by $how $framing");
                my $o = ask($form, { path => '/echo', body => $text,
                        framing => $framing,
                        fields => [ [ 'content-type', 'application/json' ],
                                    [ 'Accept', '*/*' ] ] },
                    http2 => $how eq 'h2',
                    headers => [ $how eq 'h1-chunked'
                        ? 'Transfer-Encoding: chunked' : () ]);
                my $name = "$form, $how, framing $framing";

                sealed_ok($o, 200, "echo, $name");
                is($o->{body}, $text, "the body came back, $name");
                is($o->{field}{'content-type'}, 'application/json',
                    "type inside, $name");
            }
        }
    }

    my $o = ask('chunked', { path => $CHAT, body => chat('Hi') });
    sealed_ok($o, 200, 'a completion');
    like($o->{body}, qr/You said: \\"Hi\\"/, 'what the backend said');
    is($o->{field}{'content-length'}, length $o->{body}, 'length inside');
    ok($o->{field}{date}, 'date inside');
}


sub test_suites {
    for my $form (@FORMS) {
        for my $aead (1, 2, 3) {
            my $m = seal($form, { path => '/echo', body => "aead $aead" },
                aead => $aead);
            my $o = send_it($m);

            sealed_ok($o, 200, "$form, AEAD $aead");
            is($o->{body}, "aead $aead", "$form, AEAD $aead, body");
        }
    }
}


# Post-quantum keys, where nginx' OpenSSL has ML-KEM.
sub test_xwing {
    my $bytes = pack('H*', $list);
    my @members;

    while (length $bytes) {
        push @members, unpack('n/a', $bytes);
        $bytes = substr($bytes, 2 + length $members[-1]);
    }

    my ($which) = grep { substr($members[$_], 1, 2) eq "\x64\x7a" }
        0 .. $#members;

    if (!defined $which) {
        is(scalar @members, 2, 'there is one key, and EHBP has it too');
        refused(400, $KEY_ERROR, 'a key that is not there', sub {
            send_it(seal('whole', { path => '/v1/models' },
                header => substr($list, 4, 2) . '647a00010002'));
        });

        my $conf = config(http => 'attest_ohttp_xwing on;');
        my $bad = AttestTest->new();
        $bad->{tpm_port} = $t->{tpm_port};
        $bad->write_conf($conf);
        my ($ok, $said) = $bad->test_conf();
        ok(!$ok, 'asked for, it is an error');
        like($said, qr/"attest_ohttp_xwing on" needs ML-KEM-768, which /,
            'that says why');
        like($said, qr/which OpenSSL \d\S+ .*does not have/,
            'and names the version');
        $bad->finish();
    }

    SKIP: {
        skip 'X-Wing: this OpenSSL has no ML-KEM', 1 if !defined $which;
        skip 'X-Wing: the client has no ML-KEM', 1
            if !$client->ask(op => 'can_xwing')->{can};

        my @x25519 = grep { substr($_, 1, 2) eq "\0\x20" } @members;
        is(scalar @members, @x25519 / 2 * 3, 'as many of each kind');
        is(length $members[$which], 1 + 2 + 1216 + 2 + 12, 'its length');

        for my $form (@FORMS) {
            for my $aead (1, 2, 3) {
                my $m = seal($form, { path => '/echo', body => "pq $aead" },
                    member => $which, aead => $aead);
                is($m->{head}, 7 + 1120, 'a long head');
                my $o = send_it($m, http2 => $aead == 2);
                sealed_ok($o, 200, "X-Wing, $form, AEAD $aead");
                is($o->{body}, "pq $aead", 'body');
                refused(409, "${URN}replay", 'a replay', sub {
                    send_it($m);
                });
            }

            my $m = seal($form, { path => '/echo', body => 'x' },
                member => $which);
            for my $at (7, 1000, 1094, 1126, 1127) {
                my $body = $m->{body};
                substr($body, $at, 1) ^= "\1";
                refused(422, $KEY_ERROR, "X-Wing, $form, byte $at", sub {
                    send_it({ %$m, body => $body });
                });
            }
            for my $len (38, 39, 1126) {
                refused(400, "${URN}malformed", "X-Wing, $len bytes", sub {
                    send_it({ %$m, body => substr($m->{body}, 0, $len) });
                });
            }

            my $r = $client->ask(op => 'drip', host => '127.0.0.1',
                port => $t->port('TLS'), path => $GATEWAY,
                type => type_of($form), in => $m->{file},
                chunked => JSON::PP::false);
            my $o = $client->ask(op => 'open', id => $m->{id}, in => $r->{out});
            ok($o->{complete}, "X-Wing, $form, byte by byte");
        }
    }
}


sub test_sizes {
    for my $form (@FORMS) {
        for my $size (1, 16380, 16384, 30_000, 60_000, 100_000,
            5_000_000)
        {
            my $text = 'y' x $size;
            my $o = send_it(seal($form, { path => '/echo', body => $text },
                $form eq 'chunked'
                    ? (pieces => [ (16384) x int($size / 16384) ]) : ()));

            sealed_ok($o, 200, "$form, $size bytes");
            ok($o->{body} eq $text, "$form, $size bytes, back");
        }

        my $o = ask($form, { path => '/echo', body => 'z' x 1000 },
            path => '/small');
        sealed_ok($o, 200, "$form, exactly the limit");

        refused_inside(413, "$form, one byte more", sub {
            ask($form, { path => '/echo', body => 'z' x 1001 },
                path => '/small');
        });

        refused(413, "${URN}too-large", "$form, too large a message", sub {
            ask($form, { path => '/echo', body => 'z' x 300_000 },
                path => '/small');
        });
    }
}


sub test_refusals {
    my $m = seal('whole', { path => '/v1/models' });

    for my $type ('text/plain', 'message/ohttp-res', 'message/ohttp-req2') {
        refused(415, 'about:blank', "type $type", sub {
            $t->get($GATEWAY, method => 'POST', body => $m->{body},
                headers => [ "Content-Type: $type" ]);
        });
    }

    refused(400, "${URN}malformed", 'no body', sub {
        $t->get($GATEWAY, method => 'POST', headers => [
            'Content-Type: message/ohttp-req', 'Content-Length: 0' ]);
    });

    for my $len (1, 6, 7, 38) {
        refused(400, "${URN}malformed", "$len bytes", sub {
            send_it({ %$m, body => substr($m->{body}, 0, $len) });
        });
    }

    for my $form (@FORMS) {
        my $h = substr($list, 4, 6);    # id, KEM
        my $id = sprintf '%02x', hex(substr($h, 0, 2)) ^ 0x55;

        my @headers = (
            [ 'unknown key', $id . substr($h, 2) . '00010002' ],
            [ 'unknown KEM', substr($h, 0, 2) . '004100010002' ],
            [ 'a KEM without a key', substr($h, 0, 2) . '001000010002' ],
            [ 'unknown KDF', $h . '00020002' ],
            [ 'unknown AEAD', $h . '00010004' ],
            [ 'export only', $h . '0001ffff' ]);

        for (@headers) {
            my ($name, $header) = @$_;
            refused(400, $KEY_ERROR, "$form, $name", sub {
                send_it(seal($form, { path => '/v1/models' },
                    header => $header));
            });
        }
    }

    my $o = send_it($m);
    sealed_ok($o, 200, 'and it was good');
}


sub test_decryption {
    for my $form (@FORMS) {
        my $m = seal($form, { path => '/echo', body => 'x' x 100 });
        my $len = length $m->{body};

        for my $at (7, 20, $m->{head} + 2, $len - 1) {
            my $body = $m->{body};
            substr($body, $at, 1) ^= "\1";
            refused(422, $KEY_ERROR, "$form, byte $at changed", sub {
                send_it({ %$m, body => $body });
            });
        }

        for my $cut (1, 16, $len - $m->{head} - 1, $len - $m->{head}) {
            refused(422, $KEY_ERROR, "$form, $cut bytes cut", sub {
                send_it({ %$m, body => substr($m->{body}, 0, $len - $cut) });
            });
        }

        refused(422, $KEY_ERROR, "$form, bytes behind", sub {
            send_it({ %$m, body => "$m->{body}x" });
        });

        refused(422, $KEY_ERROR, "$form, a low-order key", sub {
            send_it(seal($form, { path => '/' }, enc => '00' x 32));
        });

    }

    refused(422, $KEY_ERROR, 'a chunked one as the other type', sub {
        my $m = seal('chunked', { path => '/echo', body => 'x' x 100 });
        send_it({ %$m, form => 'whole' });
    });

    # another key would be of no use: a chunk was opened

    refused(400, "${URN}malformed", 'no final chunk', sub {
        send_it(seal('chunked', { path => '/echo', body => 'x' x 100 },
            pieces => [ 200 ], final => JSON::PP::false));
    });

    refused(400, "${URN}malformed", 'an empty chunk that is not final', sub {
        send_it(seal('chunked', { path => '/echo', body => 'x' x 100 },
            pieces => [ 10, 0, 10 ]));
    });

    for my $pieces ([ 1 ], [ 200 ], [ (1) x 100 ], [ 10, 1000 ]) {
        my $o = send_it(seal('chunked', { path => '/echo',
            body => 'x' x 100 }, pieces => $pieces));
        sealed_ok($o, 200, 'pieces ' . scalar @$pieces);
    }
}


sub test_replay {
    for my $form (@FORMS) {
        my $m = seal($form, { path => '/echo', body => 'once' });

        sealed_ok(send_it($m), 200, "$form, the first time");
        refused(409, "${URN}replay", "$form, the second time", sub {
            send_it($m);
        });

        $m = seal($form, { path => '/echo', body => 'twice' });
        my $first = send_it($m, path => '/small');
        my $second = send_it($m, path => '/small');
        sealed_ok($first, 200, "$form, off, the first time");
        sealed_ok($second, 200, "$form, off, the second time");
        isnt(substr($first->{outer}{body}, 0, 32),
            substr($second->{outer}{body}, 0, 32), "$form, another nonce");
    }

    # what did not open is not remembered
    my $m = seal('whole', { path => '/v1/models' });
    my $bad = $m->{body};
    substr($bad, -1) ^= "\1";
    is(send_it({ %$m, body => $bad })->{outer}{status}, 422, 'changed');
    sealed_ok(send_it($m), 200, 'and unchanged');
}


# By Date: remembered as long as it is taken, and taken as long as it is near.
sub test_dates {
    my $type = 'https://iana.org/assignments/http-problem-types#date';
    my $date = sub { [ 'date', strftime('%a, %d %b %Y %H:%M:%S GMT',
        gmtime(time + $_[0])) ] };
    my %q = (path => '/echo', body => 'dated');

    for my $form (@FORMS) {
        for my $off (0, -25, 25) {
            my $m = seal($form, { %q, fields => [ $date->($off) ] });
            my $o = send_it($m, path => '/dated');

            sealed_ok($o, 200, "$form, $off s");
            is($o->{body}, 'dated', "$form, $off s, body");
            refused(409, "${URN}replay", "$form, $off s, again", sub {
                send_it($m, path => '/dated');
            });
            refused(409, "${URN}replay", "$form, $off s, elsewhere", sub {
                send_it($m);
            });
        }

        my %bad = (
            'none' => [], 'too old' => [ $date->(-36) ],
            'too new' => [ $date->(120) ], 'none that is one' =>
                [ [ 'date', 'yesterday' ] ],
            'empty' => [ [ 'date', '' ] ],
            'long ago' => [ [ 'date', 'Sun, 06 Nov 1994 08:49:37 GMT' ] ],
            'cut' => [ [ 'date', substr($date->(0)[1], 0, 20) ] ],
            'of another millennium' =>
                [ [ 'date', 'Sun, 06 Nov 9994 08:49:37 GMT' ] ],
        );

        for my $name (sort keys %bad) {
            my $m = seal($form, { %q, fields => $bad{$name} });
            for my $time (1, 2) {
                refused_inside(400, "$form, Date: $name, $time", sub {
                    my $o = send_it($m, path => '/dated');
                    my $doc = AttestTest::json({ body => $o->{body} }) || {};
                    is($doc->{type}, $type, "$form, $name, type");
                    is($o->{field}{'content-type'},
                        'application/problem+json', 'media type');
                    ok(abs(str2time($o->{field}{date}) - time) < 5,
                        "$form, $name, our Date");
                    return $o;
                });
            }

            # the same key with the Date that it was told, as a client does
            my $o = ask($form, { %q, fields => [ $date->(0) ] },
                path => '/dated');
            sealed_ok($o, 200, "$form, $name, corrected");
        }
    }

    refused_inside(400, 'two Dates', sub {
        ask('whole', { %q, fields => [ $date->(0), $date->(0) ] },
            path => '/dated');
    });

    # what was refused is not remembered, and a Date is not asked for elsewhere
    my $m = seal('whole', { %q });
    is(send_it($m, path => '/dated')->{status}, 400, 'no Date');
    sealed_ok(send_it($m), 200, 'which does not matter here');
    refused(409, "${URN}replay", 'but now it does', sub { send_it($m) });
}
