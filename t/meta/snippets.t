# SPDX-License-Identifier: Apache-2.0

# What the documents show runs: every configuration, every row of what
# "nginx -t" says, every command, policy and program.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Docs;
use Examples;
use JSON::PP ();
use Test::More;

if (my $why = AttestTest::missing(qw(nginx openssl))) {
    plan skip_all => $why;
}

my $t = AttestTest->new();
my $gateway;                    # the complete example, running

$t->allow(qr/\[emerg\]/);
$t->allow(qr/PRIVATE KEY/);     # key files lie in our folder
make_files();

# level => what stands for the other levels; "nginx -t" asks no TPM
my $source = 'attest_tpm swtpm:host=127.0.0.1,port=1;';
my $endpoint = 'location = /evidence-of-the-test { attest_evidence; }';

my %run = (
    nginx => \&run_nginx,
    sh    => \&run_sh,
    json  => \&run_json,
    c     => \&run_c,
    python => \&run_python,
    js    => sub { like($_[0]{text}, qr/ngx-attest/, name($_[0])) },
    hex   => sub { },           # t/meta/spec.t
    text  => sub { },
);

my $rows = 0;

for my $file (Docs::files()) {
    for my $row (Docs::rows($file)) {
        $rows++;
        run_row($row);
    }

    for my $s (Docs::snippets($file)) {
        my $run = $run{ $s->{language} };

        ok($run, name($s) . ' is of a known kind') or next;
        $run->($s);
    }
}

cmp_ok($rows, '>=', 50, 'there are rows');

if ($gateway) {
    is($gateway->stop(), 0, 'the gateway stops');
    $gateway->finish();
}

$t->finish();
done_testing();


sub name {
    my ($s) = @_;

    return "$s->{file}:$s->{line}";
}


# What the documents name lies in the test's folder.
sub make_files {
    AttestTest::make_path($t->path('tpm'));
    AttestTest::write_file($t->path('ticket.key'), 'x' x 80);
    AttestTest::write_file($t->path('keys.bin'), pack('H*', '000020'
        . '09' x 32 . '000400010002'));
    AttestTest::write_file($t->path('machine-id'), "0123456789abcdef\n");
    AttestTest::write_file($t->path('policy.json'),
        '{"version": 1, "roots_of_trust": ["software"]}');

    AttestTest::write_file($t->path('strict.json'), '{"version": 1}');
    AttestTest::write_file($t->path('clients.json'), '{"version": 1,
        "roots_of_trust": ["software"], "require_nonce": false,
        "require_exporter": false, "require_ek": false}');

    for (['gateway', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
        ['other', 'rsa:2048'])
    {
        my ($name, @key) = @$_;

        AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
            '-newkey', @key, '-nodes', '-subj', "/CN=$name", '-days', '2',
            '-keyout', $t->path("$name.key"),
            '-out', $t->path("$name.pem") ]);
    }
}


sub here {
    my ($text) = @_;
    my $dir = $t->dir();

    $text =~ s{/etc/ssl/(?=(?:gateway|other)\.)}{$dir/}g;
    $text =~ s{/etc/nginx/(ticket\.key|keys\.bin|policy\.json)}{$dir/$1}g;
    $text =~ s{(?:gateway\.example\.com):443}{127.0.0.1:443}g;
    $text =~ s{127\.0\.0\.1:8080\b}{127.0.0.1:%%PORT_CLIENT%%}g;
    $text =~ s{/etc/nginx/(?=(?:clients|strict)\.json)}{$dir/}g;
    $text =~ s{/etc/machine-id}{$dir/machine-id}g;
    $text =~ s{127\.0\.0\.1:8443\b}{127.0.0.1:%%PORT_TLS%%}g;
    $text =~ s{127\.0\.0\.1:8081\b}{127.0.0.1:%%PORT_STATUS%%}g;
    $text =~ s{listen( +)80\b}{listen${1}127.0.0.1:%%PORT_PLAIN%%}g;
    return $text;
}


# A part of a configuration in the smallest one that has a place for it.
sub whole {
    my ($where, $text, $instead) = @_;
    my %o = (http => '', server => '', location => '', $where => here($text));
    my $tpm = $source;

    $tpm = '' if $instead =~ /instead of a source/
        || $o{http} =~ /attest_(?:tpm|tsm|azure|gcp|nitro|provider)\b/;
    $o{http} .= "upstream of-the-test { server 127.0.0.1:1; "
        . "$o{upstream} }" if $o{upstream};
    $o{server} = "attest_certificate on; $o{server}"
        if $o{server} !~ /attest_certificate (?:on|off)|ssl_certificate/;

    my $server = $instead =~ /instead of the attested server/ ? '' : <<"END";
    server {
        listen 127.0.0.1:%%PORT_TLS%% ssl;
        server_name localhost;
        $o{server}
        $endpoint
        location /t/ {
            $o{location}
        }
    }
END

    return <<"END";
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    proxy_cache_path $t->{dir}/cache keys_zone=z:1m;
    $tpm
    $o{http}
$server
}
END
}


sub run_row {
    my ($row) = @_;
    my $name = name($row) . ": $row->{code}";

    $t->write_conf(whole($row->{where}, $row->{code}, $row->{instead}));

    my ($ok, $out) = $t->test_conf();
    my $re = Docs::pattern($row->{message});

    is($ok ? 'said' : 'refused with', $row->{kind}, $name) or diag($out);
    like($out, qr/$re/, "$name: message");
}


sub run_nginx {
    my ($s) = @_;
    my ($where, $machine) = split ' ', $s->{words};

    return complete($s) if !$where;
    return pass(name($s) . ' depends on the machine') if $machine;

    $t->write_conf(whole($where, $s->{text}, ''));

    my ($ok, $out) = $t->test_conf();

    ok($ok, name($s) . ': nginx -t') or diag($out);
    unlike($out, qr/\[warn\]/, name($s) . ' gives no warning')
        if $s->{text} !~ /gateway\.example\.com/;
}


# A complete configuration starts, and has evidence.
sub complete {
    my ($s) = @_;
    my $why = AttestTest::missing(qw(swtpm curl python3));

    SKIP: {
        skip name($s) . ": $why", 1 if $why;

        my $g = AttestTest->new();

        $g->swtpm();
        $g->backend();
        Examples::files($g);
        $g->write_conf(Examples::adapt($g, $s->{text}));
        ok($g->start(), name($s) . ' starts');
        is($g->get('/.well-known/attestation')->{status}, 200,
            name($s) . ' has evidence');

        if ($gateway) {
            $g->stop();
            $g->finish();

        } else {
            $gateway = $g;
            AttestTest::make_path($g->path('reader'));
            AttestTest::make_path($g->path('bin'));
            symlink AttestTest::cli(), $g->path('bin/ngx-attest');
        }
    }
}


# Commands for the gateway that README shows; all of a document's in one
# folder, in order.
sub run_sh {
    my ($s) = @_;
    my $text = $s->{text};

    AttestTest::write_file($t->path('snippet.sh'), $text);
    AttestTest::run_out([ 'sh', '-n', $t->path('snippet.sh') ]);
    is($?, 0, name($s) . ': its syntax');

    for ($text =~ m{(?<![\w/.-])((?:scripts|t|conf-examples)/[\w./-]*\w)}g) {
        ok(-e AttestTest::top() . "/$_", name($s) . ": $_ is there");
    }

    # what changes the machine is only read
    return if grep { !/^(?:ngx-attest|curl|nonce=)/ }
        split /\n/, $text =~ s/\\\n//gr;

    SKIP: {
        skip name($s) . ': no gateway', 1 if !$gateway;

        my $url = $gateway->url();
        $text =~ s{https://(?:gateway|gw)\.example\.com(?::8443)?}{$url}g;
        $text =~ s{http://127\.0\.0\.1:8081}
                  {'http://127.0.0.1:' . $gateway->port('STATUS')}ge;

        # software TPMs, and certificates of our own, are not believed
        my $policy = $gateway->policy();
        my $out = AttestTest::run_out([ 'sh', '-ec', 'cd "$1"; '
            . 'cp "$2" policy.json; PATH=$3:$PATH; . ./snippet.sh', 'sh',
            prepare($text), $policy, $gateway->path('bin') ]);
        is($?, 0, name($s) . ' runs') or diag($out);
    }
}


sub prepare {
    my ($text) = @_;
    my $dir = $gateway->path('reader');

    AttestTest::write_file("$dir/snippet.sh", $text);
    return $dir;
}


sub run_json {
    my ($s) = @_;
    my $read = eval { JSON::PP->new->decode($s->{text}) };

    ok($read, name($s) . ' is JSON') or diag($@);
    return if !$read || $s->{words} ne 'policy';

    # the policy is read before the file that is not there
    my $policy = $t->path('snippet.json');

    AttestTest::write_file($policy, $s->{text});

    my $out = AttestTest::run_out([ AttestTest::cli(), 'verify',
        $t->path('snippet.sh'), '--policy', $policy ]);

    unlike($out, qr/snippet\.json|policy/, name($s) . ' is a policy')
        or diag($out);
}


sub run_python {
    my ($s) = @_;

    AttestTest::write_file($t->path('snippet.py'), $s->{text});
    my $out = AttestTest::run_out([ AttestTest::which('python3'), '-c',
        'import ast, sys; ast.parse(open(sys.argv[1]).read())',
        $t->path('snippet.py') ]);
    is($?, 0, name($s) . ': its syntax') or diag($out);
}


sub run_c {
    my ($s) = @_;
    my $cc = $ENV{CC} || 'cc';

    AttestTest::write_file($t->path('snippet.c'), $s->{text});

    my $out = AttestTest::run_out([ $cc, '-std=c11', '-Wall', '-Wextra',
        '-Werror', '-fsyntax-only', '-I',
        AttestTest::top() . '/ngx_attest_module/lib',
        $t->path('snippet.c') ]);

    is($?, 0, name($s) . ' compiles') or diag($out);
}
