# SPDX-License-Identifier: Apache-2.0

# The configuration record lists what nginx has opened, as it was then, and
# says so where that cannot be: files that were read by another name or twice,
# that changed meanwhile, that modules read by themselves; too many of them.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl qw(O_WRONLY O_NONBLOCK);
use POSIX qw(mkfifo);
use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl openssl))) {
    plan skip_all => $why;
}


# One attested server without TLS; more for http{}, and for the server{}.
sub conf {
    my ($t, $http, $server) = @_;

    $server //= '';
    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%%;
    $http
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
        $server
    }
}
END
}


sub plain {
    my ($t, $path) = @_;

    return $t->get($path, plain => 1, port => $t->port(),
        headers => [ 'Accept: application/cmw+cbor' ])->{body};
}


# The line of the record for a file with this content.
sub line {
    my ($path, $text) = @_;

    return 'file ' . sha256_hex($text) . ' ' . length($text) . " $path\n";
}


# Starts nginx, whose configuration waits for a FIFO somewhere; what the code
# does then happens in the middle of that.
sub in_between {
    my ($t, $code) = @_;
    my $fifo = $t->path('fifo');
    my $fh;

    mkfifo($fifo, 0600) or die "$fifo: $!\n";
    $t->start(nowait => 1);

    # until somebody reads, it cannot be opened
    AttestTest::until_true(40, sub {
        return sysopen($fh, $fifo, O_WRONLY | O_NONBLOCK);
    }) or die "nginx does not read its FIFO\n";

    $code->();
    print $fh "password\n";
    close $fh;
}


subtest 'a binary base that geo reads in the place of its text' => sub {
    my $t = AttestTest->new();
    my $base = $t->path('base');

    $t->swtpm();
    # nginx makes a binary base of one with more than 100,000 entries
    AttestTest::write_file($base, join('', "127.0.0.0-127.0.0.255 first;\n",
        map { my $n = join '.', $_ >> 16, $_ >> 8 & 255, $_ & 255;
            "$n.0-$n.255 other;\n" } 0x10000 .. 0x10000 + 100_000));
    conf($t, 'geo $where { ranges; include %%DIR%%/base; }',
        'location = /w { return 200 $where; }');
    $t->start();

    my $body = plain($t, '/e');
    is(plain($t, '/w'), 'first', 'the text is read');
    ok(index($body, line($base, AttestTest::read_file($base))) >= 0,
        'and recorded');
    ok(-e "$base.bin", 'nginx has made a binary base of it');
    ok(index($body, "$base.bin") < 0, 'which nobody has read');
    $t->stop();

    # older than the binary base, so that nginx does not look at it
    AttestTest::write_file($base, "127.0.0.0-127.0.0.255 second;\n");
    utime 1, 1, $base;
    $t->start();

    $body = plain($t, '/e');
    is(plain($t, '/w'), 'first', 'the binary base is read');
    ok(index($body, line("$base.bin", AttestTest::read_file("$base.bin")))
        >= 0, 'and recorded');
    ok(index($body, line($base, AttestTest::read_file($base))) < 0,
        'its text is not: nobody has read that');
    $t->finish();
};


subtest 'a file that is read twice and changes in between' => sub {
    my $t = AttestTest->new();
    my $file = $t->path('twice.conf');
    my @text = ("# one\n", "# another one\n", "# a third\n");

    $t->swtpm();
    AttestTest::write_file($file, $text[0]);
    conf($t, <<'END');
    include %%DIR%%/twice.conf;
    map $uri $mapped { include %%DIR%%/twice.conf; }
    ssl_password_file %%DIR%%/fifo;
    map $uri $mapped_again { include %%DIR%%/twice.conf; }
END
    in_between($t, sub { AttestTest::write_file($file, $text[1]) });
    ok(AttestTest::wait_port($t->port(), 40), 'starts');

    # what nobody has read
    AttestTest::write_file($file, $text[2]);

    my $body = plain($t, '/e');
    ok(index($body, line($file, $text[$_])) >= 0, "the record has it as $_")
        for 0, 1;
    is(scalar(() = $body =~ /^file \w+ \d+ \Q$file\E$/mg), 2,
        'once for each content');
    $t->finish();
};


subtest 'a measured file that changes while nginx starts' => sub {
    my $t = AttestTest->new();
    my $file = $t->path('measured');

    $t->swtpm();
    $t->allow(qr/changed while nginx was starting|cannot measure the conf/);
    AttestTest::write_file($file, "one\n");
    conf($t, <<'END');
    attest_measure %%DIR%%/measured;
    ssl_password_file %%DIR%%/fifo;
END
    in_between($t, sub { AttestTest::write_file($file, "two\n") });
    like($t->wait_log(qr/"\Q$file\E" changed while nginx was starting/, 40),
        qr/changed/, 'is refused by name');
    ok(AttestTest::until_true(20, sub { !$t->alive('nginx') }),
        'and nginx does not start');
    $t->finish();
};


subtest 'a measured file that changes later on' => sub {
    my $t = AttestTest->new();
    my $file = $t->path('measured');

    $t->swtpm();
    AttestTest::write_file($file, "one\n");
    conf($t, "attest_measure $file; attest_lifetime 3s;");
    $t->start();
    AttestTest::write_file($file, "two\n");
    like($t->wait_log(qr/"\Q$file\E" changed after the start/, 40),
        qr/changed/, 'is said in the log');
    ok(index(plain($t, '/e'), line($file, "one\n")) >= 0,
        'the record has it as it was');
    $t->finish();
};


subtest 'files that modules read by themselves' => sub {
    my $t = AttestTest->new();
    my ($users, $ca) = map { $t->path($_) } qw(users ca.pem);

    $t->swtpm();
    AttestTest::write_file($users, "a:{PLAIN}b\n");
    AttestTest::write_file($t->path('auth.conf'),
        "auth_basic x;\nauth_basic_user_file users;\n");
    AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec',
        '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=ca',
        '-keyout', $t->path('ca.key'), '-out', $ca ]);

    my $server = 'location = /a { include auth.conf; }'
        . " proxy_ssl_trusted_certificate $ca;";
    my %reads = (auth_basic_user_file => 'users',
        proxy_ssl_trusted_certificate => $ca);

    conf($t, '', $server);
    my ($ok, $out) = $t->test_conf();
    ok($ok, 'not measured: no error');
    like($out, qr/\[warn\].*"$_" reads "\Q$reads{$_}\E".*"attest_measure"/,
        "but a warning about $_") for sort keys %reads;
    like($out, qr/in \Q$t->{dir}\E\/auth\.conf:2/, 'that says where');

    conf($t, "attest_measure $users $ca;", $server);
    (undef, $out) = $t->test_conf();
    unlike($out, qr/\[warn\]/, 'measured: no warning');

    conf($t, 'map $uri $mapped { auth_basic_user_file users; }',
        'location = /a { auth_basic off; '
        . '# auth_basic_user_file users;' . "\n" . '}');
    (undef, $out) = $t->test_conf();
    unlike($out, qr/\[warn\]/, 'a word that is no directive: no warning');
    $t->finish();
};


subtest 'many files' => sub {
    my $t = AttestTest->new();
    my $name = 'conf.d/customer-%04d.example.org.conf';

    $t->swtpm();
    $t->backend();
    mkdir $t->path('conf.d');
    AttestTest::write_file($t->path(sprintf $name, $_), "# nothing\n")
        for 1 .. 600;

    my %conf = (http => 'include conf.d/*.conf;');
    $t->gateway(%conf);
    $t->allow(qr/configuration record would list|cannot measure the conf/);
    my ($ok, $out) = $t->test_conf();
    ok($ok, '600: accepted') or diag($out);
    $t->start();

    my $last = line($t->path(sprintf $name, 600), "# nothing\n");
    my $r = $t->get('/.well-known/attestation', headers =>
        [ 'Accept: application/cmw+cbor' ]);
    ok(index($r->{body}, $last) >= 0, 'all are in the record');

    my $policy = $t->policy();
    ($ok, $out) = $t->attest('verify', '--policy', $policy, $t->url());
    is($ok, 0, 'trusted, by the configuration too') or diag($out);
    like(AttestTest::read_file($policy), qr/"config"/, 'which it names');

    my $der = $t->path('client/cert.der');
    AttestTest::write_file($t->path('client/cert.pem'), $t->certificate());
    AttestTest::run_out([ 'openssl', 'x509', '-in',
        $t->path('client/cert.pem'), '-outform', 'DER', '-out', $der ]);
    my $cert = AttestTest::read_file($der);
    cmp_ok(length($cert), '>', 500, 'there is a certificate');
    ok(index($cert, 'configuration record') < 0,
        'whose size does not depend on them');
    $t->stop();

    AttestTest::write_file($t->path(sprintf $name, $_), "# nothing\n")
        for 601 .. 2100;
    ($ok, $out) = $t->test_conf();
    ok(!$ok, '2100: refused by nginx -t');
    like($out, qr/would list 21\d\d files.*at most 2048 files/,
        'which says how many there are, and may be');
    $t->finish();
};

done_testing();
