# SPDX-License-Identifier: Apache-2.0

package Records;

# Answers as the bytes that backends of nginx's upstream modules send, in the
# pieces in which they may die; each says "aaaa", then "bbbb".
#
#   my @records = Records::of('fastcgi', length => 1);
#   $t->spawn('backend', Records::backend($t));     # t/lib/record_backend.py
#   Records::plan($t, records => \@records, then => 'close');

use strict;
use warnings;

use JSON::PP qw(encode_json decode_json);

use AttestTest;

my @SAID = ('aaaa', 'bbbb');


sub backend {
    my ($t) = @_;

    return [ AttestTest::which('python3'), AttestTest::top()
        . '/t/lib/record_backend.py', $t->port('OFF_records'),
        $t->path('plan.json'), $t->path('records.log') ];
}


sub start {
    my ($t) = @_;

    plan($t, records => [], then => 'close');
    $t->spawn('records', backend($t));
    AttestTest::wait_port($t->port('OFF_records'))
        or die "the backend does not start\n";
}


sub plan {
    my ($t, %o) = @_;
    my $file = $t->path('plan.json');

    for my $which (qw(records late)) {
        $o{$which} = [ map { unpack('H*', $_) } @{ $o{$which} || [] } ];
    }

    AttestTest::write_file("$file.new", encode_json(\%o));
    rename "$file.new", $file or die "$file: $!\n";
}


# What the backend was asked: [{connection, who, head}...]
sub asked {
    my ($t) = @_;

    return map { decode_json($_) } split /\n/,
        AttestTest::read_file($t->path('records.log'));
}


sub of {
    my ($kind, %o) = @_;
    my $field = $o{length} ? "Content-Length: 8\r\n" : '';

    $field .= "Content-Type: text/plain\r\n";
    return ("VALUE k 0 8\r\n", @SAID, "\r\nEN", "D\r\n")
        if $kind eq 'memcached';
    return ("Status: 200 OK\r\n$field\r\n", @SAID) if $kind eq 'scgi';
    return fastcgi("Status: 200 OK\r\n$field\r\n", @SAID)
        if $kind eq 'fastcgi';
    return grpc($o{length}) if $kind eq 'grpc';
    return ("HTTP/1.1 200 OK\r\n$field\r\n", @SAID)
        if $o{length} || $kind ne 'proxy' || $o{close};
    return ("HTTP/1.1 200 OK\r\n${field}Transfer-Encoding: chunked\r\n\r\n",
        (map { sprintf "%x\r\n%s\r\n", length, $_ } @SAID), "0\r\n", "\r\n");
}


# Stdout, its end, and the two halves of the end of the request.
sub fastcgi {
    my @stdout = map { pack('CCnnCx', 1, 6, 1, length, 0) . $_ } @_, '';

    return @stdout, pack('CCnnCx', 1, 3, 1, 8, 0), pack('NCx3', 0, 0);
}


# SETTINGS, HEADERS, two of DATA, and trailers, which end the stream.
sub grpc {
    my ($length) = @_;
    my $field = sub { pack('CCa*Ca*', 0, length $_[0], $_[0], length $_[1],
        $_[1]) };
    my $head = "\x88" . $field->('content-type', 'application/grpc')
        . ($length ? $field->('content-length', 8) : '');

    return frame(4, 0, 0, ''), frame(1, 4, 1, $head),
        (map { frame(0, 0, 1, $_) } @SAID),
        frame(1, 5, 1, $field->('grpc-status', '0'));
}


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}


1;
