# SPDX-License-Identifier: Apache-2.0

package Test::Nginx::Attest;

# Test::Nginx::Socket with our surroundings: the module loaded, a software
# TPM and a backend started, free ports, and nothing forbidden in any log.
#
#   use FindBin;
#   use lib "$FindBin::Bin/lib";
#   use Test::Nginx::Attest;
#
#   run_tests();
#
#   __DATA__
#   === TEST 1: ...
#   --- http_config eval: main::gateway()      (see gateway() below)
#   --- config
#   --- tls: GET /.well-known/attestation
#   --- tls_status: 200
#   --- tls_headers
#   Content-Type: application/cmw+json
#   --- tls_like: ^\{
#
# In configurations: $TEST_NGINX_TCTI, $TEST_NGINX_TLS_PORT,
# $TEST_NGINX_BACKEND (127.0.0.1:PORT), $TEST_NGINX_PORT_A, _B (more ports).
#
# Sections of ours, all about one request over TLS beside the plain one:
#
#   tls            "METHOD PATH", more lines are header fields
#   tls_body       body of the request
#   tls_host       SNI and Host (default localhost)
#   tls_http2      use HTTP/2
#   tls_status     status that is expected (default 200; 0: no response)
#   tls_headers    fields that are expected; "!Name" is one that must be absent
#   tls_like, tls_unlike    patterns for the body
#   rejected       the configuration must be refused, with this in the message

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib abs_path(dirname(__FILE__) . '/../../../..') . '/build/perl5';
use lib abs_path(dirname(__FILE__) . '/../..');

use AttestTest;

my $t;

BEGIN {
    $t = AttestTest->new();

    $ENV{TEST_NGINX_BINARY} ||= AttestTest::nginx();
    $ENV{TEST_NGINX_LOAD_MODULES} ||= AttestTest::module()
        if !AttestTest::static();
    $ENV{TEST_NGINX_SERVROOT} = $t->path('servroot');
    $ENV{TEST_NGINX_PORT} = AttestTest::free_port();
    $ENV{TEST_NGINX_MASTER_PROCESS} ||= 'on';
    $ENV{TEST_NGINX_WORKER_USER} ||= 'root' if $> == 0;
    $ENV{TEST_NGINX_TIMEOUT} ||= 20;
    $ENV{TEST_NGINX_TLS_PORT} = $t->port('TLS');
    $ENV{TEST_NGINX_PORT_A} = $t->port('A');
    $ENV{TEST_NGINX_PORT_B} = $t->port('B');

    if (AttestTest::asan()) {
        my $env = AttestTest::nginx_env();
        $ENV{TEST_NGINX_LD_PRELOAD} = delete $env->{LD_PRELOAD};
        $ENV{$_} = $env->{$_} for keys %$env;
    }

    $ENV{TEST_NGINX_TCTI} = $t->swtpm();
    $ENV{TEST_NGINX_BACKEND} = $t->backend();
}

use Test::Nginx::Socket 'no_plan';

my @forbidden = ('[alert]', '[crit]', 'AddressSanitizer', 'runtime error',
    'PRIVATE KEY', $AttestTest::CANARY);


# All that Test::Nginx::Socket exports, gateway(), and attest_test(): the
# AttestTest object behind.
sub import {
    my $to = caller;

    strict->import();
    warnings->import();

    no strict 'refs';
    *{"${to}::$_"} = \&{"Test::Nginx::Socket::$_"}
        for grep { /^\w+$/ && defined &{"Test::Nginx::Socket::$_"} }
        @Test::Nginx::Socket::EXPORT;
    *{"${to}::gateway"} = \&gateway;
    *{"${to}::attest_test"} = sub { $t };
}


# Text for "http_config": a TPM and an attested server on TLS_PORT with the
# three endpoints, and with EHBP in front of the backend at /.
sub gateway {
    return AttestTest::gateway_text(@_, tcti => '$TEST_NGINX_TCTI',
        listen => '127.0.0.1:$TEST_NGINX_TLS_PORT ssl http2',
        backend => '$TEST_NGINX_BACKEND');
}


add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined(my $message = $block->rejected)) {
        chomp $message;
        $block->set_value('must_die', '');
        $block->set_value('suppress_stderr', '');
        $block->set_value('error_log', "[emerg]\n$message\n");
    }

    if (!defined $block->no_error_log) {
        $block->set_value('no_error_log', join("\n", @forbidden,
            defined $block->must_die ? () : '[emerg]') . "\n");
    }

    if (!defined $block->request && !defined $block->must_die
        && !defined $block->raw_request && !defined $block->pipelined_requests)
    {
        $block->set_value('request', "GET /\n");
        $block->set_value('ignore_response_body', '');
    }

    $block->set_value('config', '') if !defined $block->config;
});


add_response_body_check(sub {
    my ($block, $body, $req, $repeated, $dry) = @_;

    check_tls($block) if defined $block->tls && !$dry && !$req;
});


sub check_tls {
    my ($block) = @_;
    my $name = $block->name;
    my ($line, @headers) = split /\n/, $block->tls;
    my ($method, $path) = $line =~ /^(\S+)\s+(\S+)\s*$/
        or die "$name: bad tls section\n";
    my $want = text($block->tls_status) // 200;

    my $r = $t->get($path,
        method => $method eq 'GET' ? undef : $method,
        headers => \@headers,
        body => scalar $block->tls_body,
        host => text($block->tls_host) || 'localhost',
        http2 => defined $block->tls_http2);

    Test::More::is($r->{status}, $want, "$name - TLS status");
    check_fields($name, $r, $block->tls_headers);

    my ($like, $unlike) = (text($block->tls_like), text($block->tls_unlike));

    Test::More::like($r->{body}, qr/$like/s, "$name - TLS body")
        if defined $like;
    Test::More::unlike($r->{body}, qr/$unlike/s, "$name - TLS body")
        if defined $unlike;
}


sub check_fields {
    my ($name, $r, $fields) = @_;

    for (split /\n/, $fields // '') {
        if (/^!\s*(\S+)/) {
            Test::More::is($r->{headers}{lc $1}, undef, "$name - no $1");

        } elsif (/^([^:]+):\s*(.*?)\s*$/) {
            Test::More::is($r->{headers}{lc $1}, $2, "$name - $1");
        }
    }
}


sub text {
    my ($value) = @_;

    chomp $value if defined $value;
    return $value;
}


# Each block starts nginx anew: keep what the last one logged.
add_test_cleanup_handler(sub {
    my $log = AttestTest::read_file($t->path('servroot/logs/error.log'));

    open my $fh, '>>:raw', $t->path('logs/blocks.log') or die $!;
    print $fh $log;
    close $fh;
});


# The refusals of "rejected" blocks are no fault.
add_cleanup_handler(sub {
    $t->allow(qr/\[emerg\]/);
    $t->finish();
});


1;
