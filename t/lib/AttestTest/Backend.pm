# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# scripts/backend.py, what it got and what it logs.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use JSON::PP ();


# scripts/backend.py; what it received is in backend_raw(), and one record for
# each request in backend_log().
sub backend {
    my ($self, @args) = @_;
    my $port = $self->port('backend');

    $self->spawn('backend', [ which('python3'), top() . "/scripts/backend.py",
        '--port', $port, '--record', $self->path('backend.raw'),
        '--log', $self->path('backend.log'), @args ]);
    wait_port($port) or die "the backend does not start\n";
    return "127.0.0.1:$port";
}


sub stop_backend { return $_[0]->stop_proc('backend', $_[1]) }


sub backend_raw  { return read_file($_[0]->path('backend.raw')) }


# Waits until there are $want records: they are written after the answer.
sub backend_log {
    my ($self, $want) = @_;
    my @lines;

    until_true(10, sub {
        @lines = split /\n/, read_file($self->path('backend.log'));
        return @lines >= ($want || 0);
    });

    return map { JSON::PP::decode_json($_) } @lines;
}


1;
