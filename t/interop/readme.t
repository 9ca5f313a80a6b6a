# SPDX-License-Identifier: Apache-2.0

# README's complete example and the program for Node of docs/clients.md, as
# they stand there: the program goes on through renewals of keys and
# certificates, an abort reaches the backend, and what needs no sealing works.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Docs;
use Examples;
use File::Copy qw(copy);
use Interop;
use Test::More;

my $why = AttestTest::missing('node', 'npm');

plan skip_all => $why if $why;

my $clients = Interop::npm();
my $t = AttestTest->new();
my $dir = $t->path('client');

$t->swtpm();
$t->backend();
AttestTest::make_path($dir);

# shorter lives, and clients that have to connect again
my $conf = Examples::adapt($t, Docs::snippet('README.md', 'nginx'));
$conf =~ s/^http \{\n/$&attest_lifetime 9s;\nkeepalive_requests 3;\n/m;
$t->write_conf($conf);
$t->start();
$t->policy();

# each verification leaves a line
AttestTest::write_file("$dir/ngx-attest", "#!/bin/sh\necho >> '$dir/count'\n"
    . 'exec ' . AttestTest::cli() . ' "$@"' . "\n");
chmod 0755, "$dir/ngx-attest";

(my $program = Docs::snippet('docs/clients.md', 'js'))
    =~ s{https://gateway\.example\.com:8443}{$t->url()}e;
AttestTest::write_file("$clients/readme-$$.mjs", $program);

my ($status, $out, @checks) = Interop::checks([ 'sh', '-c',
    'cd "$1" && exec "$2" "$3" "$4"', 'sh', $dir, AttestTest::which('node'),
    "$clients/uses-readme.mjs", "$clients/readme-$$.mjs" ],
    Interop::node_env(), PATH => "$dir:$ENV{PATH}");
unlink "$clients/readme-$$.mjs";

ok($_->{ok}, $_->{name}) or diag("got: $_->{got}") for @checks;
ok(!$status && @checks, 'it ended well') or diag($out);

my $count = () = AttestTest::read_file("$dir/count") =~ /\n/g;
cmp_ok($count, '>=', 2, 'keys were verified again');

# The backend notes how each answer ended.
ok(AttestTest::until_true(20, sub {
    grep { $_->{target} =~ /chat/ && $_->{end} eq 'aborted' }
        $t->backend_log();
}), 'an abort has reached the backend');

AttestTest::done();
