# SPDX-License-Identifier: Apache-2.0

# The end of an answer is proven only where the protocol of its backend has
# one and nginx has seen it: backends of every upstream module, and subrequests
# to them, die at every record of their answer.  What they said arrives all
# the same.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;
use PromptClient;
use Records;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';

# Name, protocol, how its answers end, whether nginx can see that.
my @KINDS = (
    [ 'proxy', 'proxy', {}, 1 ],
    [ 'proxy, length', 'proxy', { length => 1 }, 1 ],
    [ 'proxy, close', 'proxy', { close => 1 }, 0 ],
    [ 'fastcgi', 'fastcgi', {}, 1 ],
    [ 'fastcgi, length', 'fastcgi', { length => 1 }, 1 ],
    [ 'scgi', 'scgi', {}, 0 ],
    [ 'scgi, length', 'scgi', { length => 1 }, 1 ],
    [ 'uwsgi', 'uwsgi', {}, 0 ],
    [ 'uwsgi, length', 'uwsgi', { length => 1 }, 1 ],
    [ 'grpc', 'grpc', {}, 1 ],
    [ 'memcached', 'memcached', {}, 1 ],
);

my $t = AttestTest->new();
$t->{allow} = [ qr/\[(?:alert|crit)\] .*(?:setsockopt|shutdown)\(/ ];

my $ehbp = PromptClient->new('ehbp_client.py');
my $ohttp = PromptClient->new('ohttp_client.py');
my ($keys, $list, $n, $cut) = (undef, undef, 0, 0);

start();
test_ends();
test_lies();
test_subrequests();
test_slow_client();
is(status()->{counters}{streams_cut}, $cut, 'each of them is counted');
is_deeply([ grep { -f } glob $t->path('cache/*') ], [], 'nothing is cached');

$ehbp->end();
$ohttp->end();
AttestTest::done();


sub start {
    my $passes = '';

    for my $kind (qw(proxy fastcgi scgi uwsgi grpc memcached)) {
        $passes .= location("/e/$kind", $kind, 'attest_prompt ehbp;')
            . location("/b/$kind", $kind, 'attest_prompt ehbp; '
                . buffered($kind))
            . location("/v1/$kind", $kind,
                'internal; attest_ohttp_inner on;')
            . location("/part/$kind", $kind, 'internal; attest_prompt off;')
            . "location = /after/$kind { attest_prompt ehbp; "
            . "add_after_body /part/$kind; addition_types *; "
            . "try_files /page.html =404; }\n"
            . "location = /ssi/$kind { attest_prompt ehbp; ssi on; "
            . "ssi_types *; try_files /$kind.shtml =404; }\n";
        AttestTest::make_path($t->path('www'));
        AttestTest::write_file($t->path("www/$kind.shtml"),
            "the <!--# include virtual=\"/part/$kind\" --> page\n");
    }

    AttestTest::write_file($t->path('www/page.html'), "the page\n");
    $t->swtpm();
    Records::start($t);
    AttestTest::make_path($t->path('client'));
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    fastcgi_cache_path %%DIR%%/cache keys_zone=c:1m;
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl http2 sndbuf=32k;
        server_name localhost;
        attest_certificate on;
        root %%DIR%%/www;
        set \$memcached_key k;
        location = $GATEWAY {
            attest_prompt ohttp;
            attest_ohttp_allow api.test/v1/;
        }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /attest-status { attest_status; }
        $passes
    }
}
END
    $t->start();
    $keys = unpack 'H*', $t->get('/.well-known/hpke-keys')->{body};
    $list = unpack 'H*', $t->get($GATEWAY,
        headers => [ 'Accept: application/ohttp-keys' ])->{body};
}


sub location {
    my ($path, $kind, $more) = @_;
    my $to = '127.0.0.1:%%PORT_OFF_records%%';
    my $pass = $kind eq 'proxy'
        ? "proxy_pass http://$to; proxy_http_version 1.1; "
            . ($more =~ /buffering/ ? '' : 'proxy_buffering off;')
        : $kind eq 'grpc' ? "grpc_pass grpc://$to;" : "${kind}_pass $to;";

    return "location = $path { $more $pass }\n";
}


sub buffered {
    my ($kind) = @_;

    return '' if $kind =~ /grpc|memcached/;
    my $buffers = "${kind}_buffering on; ${kind}_max_temp_file_size 0;";

    # refused by nginx -t is that of the proxy only
    $buffers .= " ${kind}_cache c; ${kind}_cache_key \$request_id; "
        . "${kind}_cache_valid any 1h;" if $kind eq 'fastcgi';
    return $buffers;
}


sub status { return AttestTest::json($t->get('/attest-status')) || {} }


# Sealed as EHBP: {status, plain, complete, error}.
sub by_ehbp {
    my ($path, %o) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $m = $ehbp->ask(op => 'seal', keys => $keys, out => $file,
        frames => [ unpack('H*', 'prompt') ]);
    my $r = $t->get($path, method => 'GET',
        body => AttestTest::read_file($file),
        headers => [ "Ehbp-Encapsulated-Key: $m->{enc}" ], %o);
    my $nonce = $r->{headers}{'ehbp-response-nonce'} or return $r;

    AttestTest::write_file("$file.in", $r->{body});
    my $o = $ehbp->ask(op => 'open', id => $m->{id}, nonce => $nonce,
        in => "$file.in", plain => "$file.plain");
    return { status => $r->{status}, exit => $r->{exit},
        complete => $o->{marker}, error => $o->{error},
        plain => AttestTest::read_file("$file.plain") };
}


# The same, as chunked Oblivious HTTP.
sub by_ohttp {
    my ($path) = @_;
    my $file = $t->path('client/seal.' . ++$n);
    my $m = $ohttp->ask(op => 'seal', list => $list, form => 'chunked',
        out => $file, request => { method => 'GET', path => $path,
            content => unpack('H*', 'prompt') });
    my $r = $t->get($GATEWAY, method => 'POST', headers =>
        [ 'Content-Type: message/ohttp-chunked-req' ],
        body => AttestTest::read_file($file));

    AttestTest::write_file("$file.in", $r->{body});
    my $o = $ohttp->ask(op => 'open', id => $m->{id}, in => "$file.in");
    return { status => $o->{status}, exit => $r->{exit},
        complete => $o->{complete}, error => $o->{error},
        plain => pack('H*', $o->{content} // '') };
}


# The answer's records as far as $k, then the backend is gone; one that has
# said all stays, for it is owed an acknowledgement in HTTP/2.
sub answer_cut {
    my ($records, $k, $ask, $stays) = @_;

    Records::plan($t, records => [ @$records[0 .. $k - 1] ],
        then => $stays ? 'stay' : 'close');
    my $r = $ask->();
    $cut++ if !$r->{complete};
    return $r;
}


sub said {
    my $text = join '', @_;

    return join '', $text =~ /aaaa|bbbb/g;
}


sub check {
    my ($name, $r, $complete, $plain) = @_;

    is(!!$r->{complete}, !!$complete, $complete ? "$name: it is complete"
        : "$name: it is not complete");
    is($r->{error}, undef, "$name: what came opens");
    is($r->{plain}, $plain, "$name: and is what was said");
    is(!!$r->{exit}, !$complete, "$name: outside it is the same");
}


sub test_ends {
    for (@KINDS) {
        my ($name, $kind, $how, $proven) = @$_;
        my @records = Records::of($kind, %$how);
        my $head = $kind eq 'grpc' ? 2 : 1;

        subtest $name => sub {
            for my $k (0, $head .. @records) {
                my $complete = $proven && $k == @records;
                my $say = said(@records[0 .. $k - 1]);

                for my $way ([ 'EHBP', sub { by_ehbp("/e/$kind") } ],
                    [ 'EHBP, buffered', sub { by_ehbp("/b/$kind") } ],
                    [ 'OHTTP', sub { by_ohttp("/v1/$kind") } ])
                {
                    my ($format, $ask) = @$way;
                    my $r = answer_cut(\@records, $k, $ask, $complete);
                    my $what = "$format, $k of " . @records;

                    if ($k == 0) {
                        is($r->{status}, 502, "$what: no answer");
                        ok($r->{complete}, "$what: which is one");
                        next;
                    }

                    is($r->{status}, 200, "$what: status");
                    check($what, $r, $complete, $say);
                }
            }
        };
    }
}


# Fields and trailers that look like an end.
sub test_lies {
    my $r = answer_cut([ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        . "\r\n", "4\r\naaaa\r\n" ], 2, sub { by_ehbp('/e/uwsgi') });
    ok(!$r->{complete}, 'uwsgi: chunks that nobody reads as such');

    $r = answer_cut([ "VALUE k 0 8\r\n", 'aaaabbbb', "\r\nNOT" ], 3,
        sub { by_ehbp('/e/memcached') });
    ok(!$r->{complete}, 'memcached: a wrong trailer');
    is($r->{plain}, 'aaaabbbb', 'memcached: the value is there');

    # more than was announced is not that, yet what was is there
    $r = answer_cut([ Records::of('proxy', length => 1), 'more' ], 4,
        sub { by_ehbp('/e/proxy') });
    check('proxy: more than its length', $r, 1, 'aaaabbbb');
}


sub test_subrequests {
    for (@KINDS) {
        my ($name, $kind, $how, $proven) = @$_;
        my @records = Records::of($kind, %$how);
        my $head = $kind eq 'grpc' ? 2 : 1;

        subtest "a part by $name" => sub {
            for my $k (0, $head .. @records) {
                my $complete = $proven && $k == @records;
                my $say = said(@records[0 .. $k - 1]);
                my $what = "$k of " . @records;

                my $r = answer_cut(\@records, $k,
                    sub { by_ehbp("/after/$kind") }, $complete);
                ok(!$r->{complete}, "$what: not complete") if !$complete;
                ok($r->{complete}, "$what: complete") if $complete;
                is($r->{error}, undef, "$what: opens");
                like($r->{plain}, qr/^the page\n\Q$say\E/,
                    "$what: it is there");

                next if $k != @records && $k != $head;
                $r = answer_cut(\@records, $k,
                    sub { by_ehbp("/ssi/$kind") }, $complete);
                is(!!$r->{complete}, !!$complete, "$what: included");
                like($r->{plain}, qr/^the \Q$say\E/, "$what: it is there");
            }
        };
    }
}


# What was said arrives, although its end is none and the client takes time.
sub test_slow_client {
    my $file = $t->path('client/seal.' . ++$n);
    my $m = $ehbp->ask(op => 'seal', keys => $keys, out => $file,
        frames => [ unpack('H*', 'prompt') ]);

    Records::plan($t, then => 'close',
        records => [ "Status: 200 OK\r\n\r\n" . 'x' x 400_000 ]);
    my $r = $ehbp->ask(op => 'slow', host => '127.0.0.1',
        port => $t->port('TLS') + 0, path => '/e/scgi', id => $m->{id},
        in => $file, wait => 1);
    my $o = $ehbp->ask(op => 'open', id => $m->{id}, nonce => $r->{nonce},
        in => $r->{out}, plain => "$file.plain");

    ok(!$o->{marker}, 'a slow client: no end');
    is(-s "$file.plain", 400_000, 'a slow client: all that was said');
    $cut++;
}
