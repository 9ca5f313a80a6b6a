# SPDX-License-Identifier: Apache-2.0

# What changes a process from outside, by its environment, is in the record;
# what would let secrets out is refused.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl gcc))) {
    plan skip_all => $why;
}

my $t = AttestTest->new();

$t->swtpm();
$t->allow(qr/\[emerg\] .*attest_environment|cannot measure the conf/);


sub conf {
    my ($http, %env) = @_;

    $t->{nginx_env} = { %{ AttestTest::nginx_env() }, %env };
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
    }
}
END
}


sub record {
    return $t->get('/e', plain => 1, port => $t->port(),
        headers => [ 'Accept: application/cmw+cbor' ])->{body};
}


subtest 'what changes the process is in the record' => sub {
    my $conf = $t->path('openssl.cnf');
    my $text = "# nothing\n";
    my $lib = `gcc -print-file-name=libm.so.6`;
    chomp $lib;
    my $before = AttestTest::nginx_env()->{LD_PRELOAD};
    my %env = (
        LD_PRELOAD      => join(' ', grep { defined } $before, $lib),
        LD_LIBRARY_PATH => '/nowhere',
        LD_BIND_NOW     => 1,
        OPENSSL_CONF    => $conf,
        OPENSSL_ia32cap => '~0x0',
        GLIBC_TUNABLES  => "glibc.malloc.check=0\nfile 00 0 /x",
    );

    AttestTest::write_file($conf, $text);
    conf('', %env, EDITOR => 'nobody-cares');
    $t->start();

    my $record = record();

    for my $name (sort keys %env) {
        my $value = $env{$name} =~ s/([ \n%#?])/sprintf '%%%02X', ord $1/ger;
        ok(index($record, "environment $name $value\n") >= 0, $name);
    }

    ok(index($record, 'file ' . sha256_hex($text) . ' ' . length($text)
        . " $conf\n") >= 0, 'the file that one names');
    my $bytes = AttestTest::read_file($lib);
    ok(index($record, 'file ' . sha256_hex($bytes) . ' ' . length($bytes)
        . " $lib\n") >= 0, 'and the library');
    unlike($record, qr/nobody-cares|TSS2_LOG/, 'what changes nothing is not');
    $t->stop();

    conf('', LD_LIBRARY_PATH => '/elsewhere');
    $t->start();
    my $other = record();
    like($other, qr{^environment LD_LIBRARY_PATH /elsewhere$}m,
        'another value is another record');
    unlike($other, qr/OPENSSL_CONF/, 'what is not set is not in it');
    $t->stop();
};


subtest 'what lets secrets out is refused' => sub {
    my @names = qw(SSLKEYLOGFILE TSS2_LOGFILE MALLOC_TRACE);

    for my $name (@names) {
        conf('', $name => $t->path('secrets'));
        my ($ok, $out) = $t->test_conf();
        ok(!$ok, "$name: refused");
        like($out, qr/"$name" in the environment.*"attest_environment"/,
            'by name');
    }

    conf("attest_environment @names;", map { $_ => '/nowhere/at/all' }
        @names);
    my ($ok, $out) = $t->test_conf();
    ok($ok, 'allowed by name') or diag($out);

    conf('attest_environment SSLKEYLOGFILE;', SSLKEYLOGFILE => '/nowhere');
    $t->start();
    like(record(), qr{^environment SSLKEYLOGFILE /nowhere$}m,
        'and then recorded');
    $t->stop();

    for my $name (qw(PATH LD_PRELOAD SSLKEYLOGFILE=x)) {
        conf("attest_environment $name;");
        ($ok, $out) = $t->test_conf();
        ok(!$ok, "attest_environment $name");
        like($out, qr/"\Q$name\E" in "attest_environment" is no variable/,
            'is no help');
    }
};

$t->finish();
done_testing();
