# SPDX-License-Identifier: Apache-2.0

# Directives: values that are accepted, and values that "nginx -t" refuses
# with a message that names the directive and the value.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use AttestTest;

if (my $why = AttestTest::missing('nginx')) {
    plan skip_all => $why;
}

my $t = AttestTest->new();

# "nginx -t" touches no TPM and no backend
my %base = (
    tpm      => 'attest_tpm swtpm:host=127.0.0.1,port=1;',
    http     => '',
    listen   => '127.0.0.1:%%PORT_TLS%% ssl',
    server   => 'attest_certificate on;',
    location => 'attest_evidence;',
    more     => '',
);

$t->allow(qr/\[emerg\]/);


sub conf {
    my (%o) = (%base, @_);

    $t->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    $o{tpm}
    $o{http}
    server {
        listen $o{listen};
        server_name localhost;
        $o{server}
        location / {
            $o{location}
        }
    }
    $o{more}
}
END
    return $t->test_conf();
}


sub good {
    my ($name, @o) = @_;
    my ($ok, $out) = conf(@o);

    ok($ok, "good: $name") or diag($out);
    return $out;
}


sub bad {
    my ($name, $re, @o) = @_;
    my ($ok, $out) = conf(@o);

    ok(!$ok, "bad: $name");
    like($out, $re, "bad: $name: message");
}


good('the smallest configuration');

# ---- attest_tpm

for my $args ('pcrs=sha256:0', 'pcrs=sha256:0-7,14', 'pcrs=sha384:0-15,17-22',
    'key=ecc', 'key=rsa', 'ak=0x81010003', 'ak_template=0x01c10001',
    'timeout=100ms', 'timeout=2m', 'eventlog=/etc/hostname imalog=log',
    'pcrs=sha256:1,3 key=rsa timeout=1s')
{
    good("attest_tpm $args",
        tpm => "attest_tpm device:/dev/tpmrm0 $args;");
}

for my $args ('pcrs=', 'pcrs=sha1:0', 'pcrs=md5:0', 'pcrs=sha256',
    'pcrs=sha256:', 'pcrs=sha256:24', 'pcrs=sha256:16', 'pcrs=sha256:0-23',
    'pcrs=sha256:7-0', 'pcrs=sha256:0,0', 'pcrs=sha256:0,', 'pcrs=sha256:-1',
    'pcrs=sha256:1-', 'pcrs=sha256:1x', 'pcrs=sha256:001', 'key=dsa', 'key=',
    'key', 'ak=81010003', 'ak=0x8101000', 'ak=0x01c10001', 'ak=0x8101000g',
    'ak_template=0x81010001', 'timeout=0', 'timeout=99ms', 'timeout=3m',
    'timeout=x', 'colour=blue', 'eventlog=')
{
    bad("attest_tpm $args", qr/invalid parameter "\Q$args\E" in "attest_tpm"/,
        tpm => "attest_tpm device:/dev/tpmrm0 $args;");
}

for my $tcti ('device', 'device:', 'nonsense:x', 'swtpm:port=0',
    'swtpm:port=99999', 'swtpm:host=', '/dev/tpmrm0')
{
    bad("TCTI $tcti", qr/invalid TCTI "\Q$tcti\E" in "attest_tpm"/,
        tpm => "attest_tpm $tcti;");
}

bad('ak and ak_template', qr/"ak" and "ak_template" in "attest_tpm"/,
    tpm => 'attest_tpm device:/dev/tpm0 ak=0x81010003 '
        . 'ak_template=0x01c10001;');
bad('two of them', qr/"attest_tpm" directive is duplicate/,
    tpm => 'attest_tpm device:/dev/tpm0; attest_tpm device:/dev/tpm1;');
bad('none', qr/add "attest_tpm", "attest_tsm"/, tpm => '');
bad('no TCTI', qr/invalid number of arguments in "attest_tpm"/,
    tpm => 'attest_tpm;');

# ---- hardware; "nginx -t" touches none of it

for my $source ('attest_tsm', 'attest_tsm path=/tmp/report privlevel=0',
    'attest_tsm privlevel=3 svsm ccel=/tmp/ccel certs=/tmp/c timeout=60s',
    'attest_azure', 'attest_azure imds=127.0.0.1:80 certs=c.pem timeout=9s',
    'attest_gcp', 'attest_gcp key=ecc', 'attest_gcp key=rsa timeout=9s',
    'attest_nitro', 'attest_nitro path=/tmp/nsm timeout=1s',
    'attest_tsm; attest_tpm device:/dev/tpmrm0',
    'attest_tsm; attest_gcp; attest_gpu nvidia required',
    'attest_azure; attest_tpm device:/dev/tpm0 pcrs=sha256:0-14',
    'attest_azure; attest_tpm device:/dev/tpm0 ak_cert=0x01c101d0',
    'attest_tsm; attest_gpu nvidia', 'attest_nitro; attest_gpu nvidia',
    'attest_tsm; attest_gpu nvidia required interval=1s timeout=2m',
    'attest_tpm device:/dev/tpm0 ak=0x81000003 ak_cert=0x01c101d0')
{
    good($source, tpm => "$source;");
}

for (
    [ 'attest_tsm', '', 'path=', 'path', 'privlevel=4', 'privlevel=-1',
        'privlevel=x', 'svsm=on', 'timeout=0', 'colour=blue', 'blue' ],
    [ 'attest_azure', '', 'imds=', 'imds=localhost:80', 'imds=127.0.0.1',
        'imds=127.0.0.1:0', 'imds=127.0.0.1:99999', 'imds=300.0.0.1:80',
        'certs=', 'timeout=99ms', 'key=rsa' ],
    [ 'attest_gcp', '', 'key=dsa', 'key=', 'key', 'timeout', 'ak=0x81000003' ],
    [ 'attest_nitro', '', 'path=', 'timeout=x', 'pcrs=sha256:0' ],
    [ 'attest_gpu', 'nvidia ', 'required=yes', 'optional', 'interval=0',
        'interval=2h', 'interval=', 'interval', 'library=x.so',
        'timeout=3m' ],
    [ 'attest_provider', 'auto ', 'pcrs=sha1:0', 'key=rsa', 'quickly' ],
    [ 'attest_tpm', 'device:/dev/tpm0 ', 'ak_cert=0x81000003', 'ak_cert=' ],
) {
    my ($name, $before, @params) = @$_;

    for my $param (@params) {
        bad("$name $param", qr/invalid parameter "\Q$param\E" in "$name"/,
            tpm => "$name $before$param;");
    }
}

bad('attest_gpu amd', qr/invalid value "amd" in "attest_gpu"/,
    tpm => 'attest_tsm; attest_gpu amd;');
bad('attest_provider tpm', qr/invalid value "tpm" in "attest_provider"/,
    tpm => 'attest_provider tpm;');
bad('only a GPU', qr/need a source of evidence/,
    tpm => 'attest_gpu nvidia;');

for my $name ('attest_tsm', 'attest_azure', 'attest_gcp', 'attest_nitro',
    'attest_gpu nvidia', 'attest_provider auto')
{
    my ($directive) = $name =~ /^(\w+)/;

    bad("two of $name", qr/"$directive" directive is duplicate/,
        tpm => "$name; $name;");
}

for my $both ('attest_tsm; attest_nitro', 'attest_tsm; attest_azure',
    'attest_azure; attest_gcp', 'attest_nitro; attest_gcp',
    'attest_nitro; attest_tpm device:/dev/tpm0',
    'attest_gcp; attest_tpm device:/dev/tpm0 ak=0x81000003',
    'attest_azure; attest_tpm device:/dev/tpm0 ak_template=0x01c10001',
    'attest_provider auto; attest_tpm device:/dev/tpm0',
    'attest_provider auto; attest_tsm')
{
    bad($both, qr/attest_\w+.* exclude each other/, tpm => "$both;");
}

# ---- numbers, sizes, times

for (
    [ 'attest_lifetime', [ '3s', '1h', '24h' ],
        [ '0', '2s', '25h', 'x', '-1' ] ],
    [ 'attest_zone', [ '256k', '64m' ], [ '0', '4k', '2048m', 'x' ] ],
    [ 'attest_replay', [ '64k', '16m' ], [ '0', '4k', '2048m', 'x' ] ],
    [ 'attest_queue', [ '1', '1024' ], [ '0', '1025', '-1', 'x' ] ],
    [ 'attest_start_without_evidence', [ 'on', 'off' ], [ 'yes' ] ],
    [ 'attest_prompt_max_size', [ '1', '64m', '1024m' ],
        [ '0', '1025m', '-1', 'x' ] ],
    [ 'attest_prompt_mode', [ 'required', 'optional', 'off' ], [ 'on' ] ],
    [ 'attest_prompt_cors', [ 'off', '*', 'https://a.example',
        'https://a.example http://localhost:3000' ],
        [ 'a.example', 'https://', 'https://a.example/', 'off *',
          'ftp://a.example', 'https://A.example' ] ],
) {
    my ($name, $yes, $no) = @$_;

    good("$name $_", http => "$name $_;") for @$yes;

    for my $value (@$no) {
        my ($first) = split / /, $value;
        bad("$name $value", qr/"?\Q$first\E"?.*"$name"|"$name".*\Q$first\E/,
            http => "$name $value;");
    }

    bad("two $name", qr/"$name" directive is duplicate/,
        http => "$name $yes->[0]; $name $yes->[0];");
}

# ---- files

good('attest_measure', http => 'attest_measure /etc/passwd /etc/hostname;');
bad('attest_measure of what is not there',
    qr{"/nowhere/at/all" in "attest_measure" is not a readable file},
    http => 'attest_measure /nowhere/at/all;');
bad('attest_measure of a folder', qr{"/etc" in "attest_measure"},
    http => 'attest_measure /etc;');

# ---- the certificate

good('names', server => 'attest_certificate on; '
    . 'attest_certificate_names a.example *.b.example 127.0.0.1 ::1;');
bad('a name', qr/invalid name "under score" in "attest_certificate_names"/,
    server => 'attest_certificate on; '
        . 'attest_certificate_names "under score";');
bad('two lists of names', qr/"attest_certificate_names" directive is dup/,
    server => 'attest_certificate on; attest_certificate_names a; '
        . 'attest_certificate_names b;');
bad('flag', qr/invalid value "maybe" in "attest_certificate"/,
    server => 'attest_certificate maybe;');

my ($cert, $key) = map { $t->path($_) } qw(own.crt own.key);
AttestTest::run_out([ 'openssl', 'req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=own',
    '-days', '2', '-keyout', $key, '-out', $cert ]);
my $own = "ssl_certificate $cert; ssl_certificate_key $key;";
$t->allow(qr/PRIVATE KEY/);     # the key file itself lies in our folder

good('an own certificate', server => $own);
good('an own certificate, said', server => "attest_certificate off; $own");
bad('own and made', qr/"attest_certificate" .*conflicts .*ssl_certificate/,
    server => "$own attest_certificate on;");
bad('made and own', qr/"attest_certificate on" conflicts|ssl_certificate/,
    server => "attest_certificate on; $own");
bad('neither', qr/no "ssl_certificate"/, server => '');
bad('TLS by another server\'s certificate', qr/no "ssl_certificate" and no/,
    tpm => $base{tpm} . "server { listen 127.0.0.1:%%PORT_TLS%% ssl; "
        . "server_name plain; $own }", server => '');
bad('a certificate in a variable', qr/"ssl_certificate" with variables/,
    server => "ssl_certificate \$http_x; ssl_certificate_key \$http_x;");
bad('mixed kinds', qr/cannot be mixed/, more => "server { "
    . "listen 127.0.0.1:%%PORT_TLS%% ssl; server_name b; $own "
    . "location / { attest_evidence; } }");

# ---- what conflicts with "no resumption, TLS 1.3"

my $on = 'attest_certificate on;';

for (
    [ 'ssl_session_cache shared:x:1m;', qr/"ssl_session_cache" conflicts/ ],
    [ 'ssl_session_cache builtin;', qr/"ssl_session_cache" conflicts/ ],
    [ 'ssl_session_cache builtin:100;', qr/"ssl_session_cache" conflicts/ ],
    [ 'ssl_early_data on;', qr/"ssl_early_data on" conflicts.*: set "/ ],
    [ 'ssl_stapling on;', qr/"ssl_stapling on" conflicts.*: set "/ ],
    [ 'ssl_protocols TLSv1.2;', qr/"ssl_protocols" without TLSv1.3/ ],
) {
    my ($line, $re) = @$_;

    bad($line, $re, server => "$on $line");
    bad("$line in http{}", $re, http => $line) if $line !~ /stapling/;
}

my $ticket = $t->path('ticket.key');
AttestTest::write_file($ticket, 'x' x 80);
bad('ssl_session_ticket_key', qr/"ssl_session_ticket_key" conflicts/,
    server => "$on ssl_session_ticket_key $ticket;");
unlike(good('ssl_session_ticket_key in http{}, which nothing takes back',
    http => "ssl_session_ticket_key $ticket;", server => $on),
    qr/\[(?:warn|emerg)\]/, 'says nothing: tickets are off here');

good('ssl_session_cache none', server => "$on ssl_session_cache none;");
good('ssl_session_cache off', server => "$on ssl_session_cache off;");
good('ssl_protocols TLSv1.3', server => "$on ssl_protocols TLSv1.3;");
like(good('ssl_protocols with an older one',
    server => "$on ssl_protocols TLSv1.2 TLSv1.3;"),
    qr/\[warn\].*"ssl_protocols" allows versions below TLSv1.3/,
    'it is warned about');
bad('early data in the default server', qr/"ssl_early_data on" in the default/,
    tpm => $base{tpm} . "server { listen 127.0.0.1:%%PORT_TLS%% ssl; "
        . "server_name plain; $own ssl_early_data on; }");

bad('a default server without TLS 1.3', qr/"ssl_protocols" without TLSv1.3 in/,
    tpm => $base{tpm} . "server { listen 127.0.0.1:%%PORT_TLS%% ssl; "
        . "server_name plain; $own ssl_protocols TLSv1.2; }");

# ---- locations

good($_, location => "$_;")
    for qw(attest_evidence attest_keys attest_status);
bad("two endpoints", qr/conflicts with another endpoint/,
    location => 'attest_evidence; attest_keys;');
bad("$_ with an argument", qr/invalid number of arguments in "$_"/,
    location => "$_ on;") for qw(attest_evidence attest_keys attest_status);
bad('an endpoint outside of a location', qr/"attest_evidence" directive is not/,
    server => 'attest_certificate on; attest_evidence;');

my $proxy = 'proxy_pass http://127.0.0.1:1; proxy_http_version 1.1;';

good('a prompt', location => "attest_prompt ehbp; $proxy proxy_buffering off;");
good('no temporary files', location => "attest_prompt ehbp; $proxy "
    . 'proxy_max_temp_file_size 0;');
good('prompts off', location => "attest_prompt off; $proxy");
good('mode off', location => "attest_prompt ehbp; attest_prompt_mode off; "
    . $proxy);
bad('attest_prompt', qr/invalid value "pgp" in "attest_prompt"/,
    location => 'attest_prompt pgp;');
bad('attest_prompt in http{}', qr/"attest_prompt" directive is not allowed/,
    http => 'attest_prompt ehbp;');

for (
    [ 'buffering to files', $proxy, qr/proxy_buffering/ ],
    [ 'a cache', "$proxy proxy_buffering off; proxy_cache z; ",
        qr/proxy_cache/ ],
    [ 'a store', "$proxy proxy_buffering off; proxy_store on;",
        qr/proxy_store/ ],
    [ 'bodies in files', "$proxy proxy_buffering off; "
        . 'client_body_in_file_only on;', qr/client_body_in_file_only/ ],
) {
    my ($name, $text, $re) = @$_;

    bad($name, $re, http => 'proxy_cache_path %%DIR%%/c keys_zone=z:1m;',
        location => "attest_prompt ehbp; $text");
}

bad('HTTP/1.0 to the backend', qr/"proxy_http_version 1.1" is needed/,
    location => 'attest_prompt ehbp; proxy_pass http://127.0.0.1:1; '
        . 'proxy_buffering off; proxy_http_version 1.0;');

AttestTest::done();
