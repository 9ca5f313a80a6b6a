# SPDX-License-Identifier: Apache-2.0

package Examples;

# Configurations that people read, conf-examples/*.conf and the documents',
# with a test's ports, paths, TPM and backend instead of a real machine's, and
# nothing else changed.
#
#   Examples::files($t);
#   $t->write_conf(Examples::adapt($t, Docs::snippet('README.md', 'nginx')));

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);

use AttestTest;


# What a real machine has: an event log, a certificate of a CA.
sub files {
    my ($t) = @_;

    my $evidence = AttestTest::doubles_evidence($t->path('evidence'));
    copy("$evidence/eventlog.bin", $t->path('eventlog.bin'));
    $t->replay_boot_log($t->path('eventlog.bin'));
    AttestTest::write_file($t->path('machine-id'), "0123456789abcdef\n");
    symlink AttestTest::build(), $t->path('modules');
    make_path($t->path('temp'));

    AttestTest::run_out([ AttestTest::which('openssl'), 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-subj', '/CN=llm.example.com', '-days', '2',
        '-addext', 'subjectAltName=DNS:llm.example.com,DNS:localhost',
        '-keyout', $t->path('tpm/ca.key'), '-out', $t->path('ca.pem') ]);
}


sub adapt {
    my ($t, $text) = @_;
    my $dir = $t->dir();
    my $port = $t->port('TLS');
    my $tcti = $t->tcti();
    my $backend = '127.0.0.1:' . $t->port('backend');
    my $paths = $t->http_paths();

    $text =~ s/\Q$_\E/$t->{adapt}{$_}/ for keys %{ $t->{adapt} || {} };

    # Relative paths of the quickstart are relative to -p: they stay.
    $text =~ s/127\.0\.0\.1:8443\b/127.0.0.1:$port/g;
    $text =~ s/listen( +)8?443\b/listen${1}127.0.0.1:$port/g;
    $text =~ s/127\.0\.0\.1:8081\b/'127.0.0.1:' . $t->port('STATUS')/ge;
    $text =~ s/device:\/dev\/tpmrm0|swtpm:host=127\.0\.0\.1,port=2321/$tcti/g;
    $text =~ s/127\.0\.0\.1:8000\b/$backend/g;
    $text =~ s/192\.0\.2\.2:9443\b/'127.0.0.1:' . $t->port('PEER')/ge;
    $text =~ s/listen( +)9443\b/"listen${1}127.0.0.1:" . $t->port('PEER')/ge;
    $text =~ s{/etc/nginx/peers\.json}{$dir/peers.json}g;
    $text =~ s/(?:llm|gateway)\.example\.com(?=;|\/v1)/localhost/g;
    $text =~ s{/sys/kernel/security/tpm0/binary_bios_measurements}
              {$dir/eventlog.bin}g;
    $text =~ s{/etc/machine-id}{$dir/machine-id}g;
    $text =~ s{/etc/ssl/private/[\w.]+}{$dir/tpm/ca.key}g;
    $text =~ s{/etc/ssl/[\w.]+}{$dir/ca.pem}g;
    $text =~ s{/run/nginx\.pid}{$dir/nginx.pid}g;
    $text =~ s{/var/log/nginx/}{$dir/logs/}g;
    $text =~ s{modules/ngx_http}{AttestTest::build() . '/ngx_http'}ge;
    $text =~ s{^user .*}{}m if $> != 0;
    $text =~ s{^(http \{\n)}{$1$paths}m if $text !~ /proxy_temp_path/;
    $text =~ s{^(events)}{pid $dir/nginx.pid;
error_log $dir/logs/error.log info;
$1}m if $text !~ /^pid/m;
    $text =~ s{^(events)}{env ASAN_OPTIONS;\n$1}m;
    return $text;
}


1;
