# SPDX-License-Identifier: Apache-2.0

# What a hostile gateway, file or policy puts on the terminal of whoever looks
# at it: nothing that a terminal obeys, nothing that moves or hides letters, no
# line of its own.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use Encode qw(decode encode);
use IO::Socket::INET;
use JSON::PP;
use Test::More;

my $missing = AttestTest::missing('openssl');
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new();
my $cached = 'urn:ngx-attest:evidence:cached:v1';

# C0, DEL and C1 controls; what moves letters; what nobody sees; a line.
my $hostile = "\e[2J\x{9b}31m\x{7f}\x{85}\x{202e}\x{2066}\x{200f}\x{61c}"
    . "\x{200b}\x{200d}\x{2060}\x{feff}\x{ad}\x{2028}\x{2029}\x{e0041}\r\n"
    . "TRUSTED: tee\n";
my $bytes = encode('UTF-8', $hostile);
my $raw = "$bytes\xff\x9b\xc2";

my $text = $t->path('text.cmw');
AttestTest::write_file($text, collection(
    [ 'config', 'application/vnd.ngx-attest.config-record', $raw ],
    [ 'root-of-trust', 'text/plain', $raw ],
    [ 'other', 'application/x-other', $raw ],
));

my $base = $t->path('base.json');
AttestTest::write_file($base, encode('UTF-8',
    '{"version":1,"' . join('', map { sprintf '\u%04x', ord }
        grep { ord() < 0x10000 } split //, $hostile) . '":1}'));

my $cert = $t->path('cert.pem');
AttestTest::run_out([ AttestTest::which('openssl'), qw(req -x509 -nodes
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -utf8 -subj),
    '/CN=' . ($bytes =~ s/\n//gr), '-keyout', '/dev/null', '-out', $cert ]);
ok(-s $cert, 'a certificate of that name');

clean('show a certificate', 'show', $cert);
clean('verify a certificate', 'verify', $cert);
clean('show a file', 'show', $text);
clean('verify a file', 'verify', $text);
clean('policy of a file', 'policy', $text);
clean('a file that is not there', 'show', $t->path($raw));
clean('an argument', 'verify', $text, "--$raw");
clean('a command', $raw);
clean('a policy', 'verify', $text, '--policy', $base);
clean('an address', 'verify', "https://$raw/");

my $out = clean('JSON', 'verify', $text, '--json');
my $r = eval { JSON::PP->new->utf8->decode($out) };
is($r && $r->{version}, 1, 'which is JSON');

my ($pid, $port) = hostile_gateway();

for my $command (qw(verify show policy)) {
    clean("$command, a gateway's refusal", $command,
        "http://127.0.0.1:$port/");
}

kill 'TERM', $pid;
waitpid $pid, 0;

done_testing();


sub clean {
    my ($name, @args) = @_;
    my ($status, $out) = $t->attest(@args);
    my $seen = eval { decode('UTF-8', $out, Encode::FB_CROAK
        | Encode::LEAVE_SRC) };

    ok(defined $seen, "$name: UTF-8");
    unlike($seen // $out, qr/(?!\n)\p{Control}
        | \p{Default_Ignorable_Code_Point} | \p{Bidi_Control}
        | [\x{2028}\x{2029}]/x, "$name: nothing that acts")
        if $name ne 'JSON';
    unlike($seen // $out, qr/[^\n\t\x20-\x7e\x{a0}-\x{ac}]/,
        "$name: escaped") if $name eq 'JSON';
    unlike($out, qr/^TRUSTED/m, "$name: no line of another's")
        if $name ne 'show a file';      # it shows a text of several lines
    isnt($out, '', "$name: says something");
    return $out;
}


sub head {
    my ($major, $n) = @_;

    return $n < 24 ? pack('C', $major << 5 | $n)
        : $n < 256 ? pack('CC', $major << 5 | 24, $n)
        : pack('Cn', $major << 5 | 25, $n);
}


sub collection {
    my (@items) = @_;

    return join '', head(5, 1 + @items), (map {
        my ($label, $type, $value) = @$_;

        head(3, length $label), $label, head(4, 3),
            head(3, length $type), $type, head(2, length $value), $value,
            head(0, 4);
    } @items), head(3, 8), '__cmwc_t', head(3, length $cached), $cached;
}


# Refuses everything with a title of its own.
sub hostile_gateway {
    my $title = join '', map { sprintf '\u%04x', $_ } unpack 'n*',
        encode('UTF-16BE', $hostile);
    my $body = "{\"title\":\"$title\"}";
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
        or die $!;
    my $pid = fork() // die $!;

    return ($pid, $s->sockport()) if $pid;

    AttestTest::die_with_parent();
    while (my $c = $s->accept()) {
        my $head = '';

        while (1) {
            $head .= $_ while defined($_ = <$c>) && $_ ne "\r\n";
            last if $head eq '';
            read($c, $_, $1) if $head =~ /^Content-Length: (\d+)/mi;
            print $c "HTTP/1.1 400 Bad\r\nContent-Type: application/problem"
                . "+json\r\nContent-Length: ", length $body, "\r\n\r\n$body";
            $head = '';
        }
    }

    POSIX::_exit(0);
}
