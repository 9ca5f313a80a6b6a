# SPDX-License-Identifier: Apache-2.0

# Modules of others that are loaded beside this one: they are in the
# configuration record, those that read files are warned about, and none
# answers in the place of missing evidence, whatever its status is.

use strict;
use warnings;

use Digest::SHA;
use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing(qw(nginx swtpm curl))) {
    plan skip_all => $why;
}

my $t = AttestTest->new();
my $module = $t->path('loaded_module.so');

AttestTest::compile_module('loaded_module', $module)
    or plan skip_all => 'no sources of nginx to build a module with';


sub conf {
    my ($tpm, $http) = @_;

    $t->write_conf(<<"END");
%%GLOBALS%%
load_module $module;
events {}
http {
    %%HTTP%%
    attest_tpm $tpm;
    attest_start_without_evidence on;
    $http
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /e { attest_evidence; }
        location = /c { return 200 "content\\n"; }
    }
}
END
}


sub plain {
    my ($path, @more) = @_;

    return $t->get($path, plain => 1, port => $t->port(), @more);
}


$t->swtpm();

my $warning = qr/\[warn\].*"ngx_http_geoip_module"\ is\ loaded,\ which
    \ reads\ files\ by\ "geoip_country".*"attest_measure"/x;

subtest 'a module that reads files, and no attest_measure' => sub {
    conf('%%TCTI%%', '');
    my ($ok, $out) = $t->test_conf();
    ok($ok, 'is no error') or diag($out);
    like($out, $warning, 'but a warning that names module and directives');

    conf('%%TCTI%%', 'attest_measure %%DIR%%/nginx.conf;');
    ($ok, $out) = $t->test_conf();
    ok($ok, 'with it') or diag($out);
    unlike($out, qr/\[warn\]/, 'no warning');
};


subtest 'the record' => sub {
    AttestTest::write_file($t->path('a.conf'), "# nothing\n");
    AttestTest::write_file($t->path('z.conf'), "# nothing\n");
    conf('%%TCTI%%', 'include z.conf; include a.conf;');
    $t->start();

    my $body = plain('/e', headers =>
        [ 'Accept: application/cmw+cbor' ])->{body};
    my $digest = Digest::SHA->new(256)->addfile($module)->hexdigest();

    like($body, qr/^file $digest \d+ \Q$module\E$/m,
        'has the module that is loaded');
    my @paths = $body =~ m{^file \w{64} \d+ (\S+)$}mg;
    cmp_ok(scalar(@paths), '>=', 5, 'and all else that nginx opens');
    is_deeply(\@paths, [ sort @paths ],
        'in an order that does not depend on when it was read');

    is(plain('/c?early')->{status}, 404, 'the other module answers');
    is(plain('/c?early')->{body}, "content\n", 'with content');
    $t->stop();
};


subtest 'content of a module that comes before us' => sub {
    $t->allow(qr/evidence/);
    conf('swtpm:host=127.0.0.1,port=%%PORT_OFF%% timeout=500ms', '');
    $t->start();

    my $r = plain('/c?early');
    is($r->{status}, 503, 'is refused without evidence, though it is a 404');
    is($r->{headers}{'content-type'}, 'application/problem+json', 'by us');
    unlike($r->{body}, qr/^content/m, 'nothing of it is there');
    is(plain('/c?early', method => 'HEAD')->{status}, 503, 'nor a head');
    $t->finish();
};

done_testing();
