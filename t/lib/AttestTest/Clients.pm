# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# Clients: curl, ngx-attest and the policies that it is given.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use JSON::PP ();
use Time::HiRes qw(sleep time);


sub cli    { return build() . '/ngx-attest' }


# Of the list at an Oblivious HTTP gateway: the first member with X25519 and all
# suites.
sub ohttp_key {
    my ($self, $gateway) = @_;
    my $list = $self->get($gateway)->{body};

    while (length $list) {
        my $member = unpack('n/a', $list);

        return $member if $member =~ /^.\x00\x20.{32}\x00\x0c/s;
        $list = substr($list, 2 + length $member);
    }

    die "$gateway has no key\n";
}


# One request by curl, over TLS to the port "TLS" unless told otherwise:
#
#   method, body, headers => ['A: b'], host (SNI and Host), port, http2 => 1,
#   plain => 1 (no TLS), sec (limit), curl => [more arguments]
#
# Returns status (0: no response), headers (lower-case names, last wins),
# field => {name => [all values]}, body, exit (curl's), text (its messages).
# The certificate is not checked: here trust comes from evidence.
sub get {
    my ($self, $path, %o) = @_;
    my $host = $o{host} || 'localhost';
    my $port = $o{port} || $self->port('TLS');
    my $scheme = $o{plain} ? 'http' : 'https';
    my $n = ++$self->{requests};

    make_path($self->path('client'));
    my ($head, $body, $in, $err) =
        map { $self->path("client/$n.$_") } qw(head body in err);

    my @cmd = (which('curl'), '-q', '-s', '-S', '-k', '-N',
        '--max-time', $o{sec} || 60, '--noproxy', '*',
        '--resolve', "$host:$port:127.0.0.1",
        $o{http2} ? '--http2' : '--http1.1',
        '-D', $head, '-o', $body, '--stderr', $err,
        map { ('-H', $_) } @{ $o{headers} || [] });

    if (defined $o{body}) {
        write_file($in, $o{body});
        push @cmd, '--data-binary', "\@$in", '-H', 'Expect:';
        push @cmd, '-H', 'Content-Type: application/json'
            if !grep { /^Content-Type:/i } @{ $o{headers} || [] };
    }

    push @cmd, $o{method} eq 'HEAD' ? '-I' : ('-X', $o{method})
        if $o{method};
    push @cmd, @{ $o{curl} || [] }, "$scheme://$host:$port$path";

    my $exit = system(@cmd) >> 8;
    return parse_response(read_file($head), read_file($body), $exit,
        read_file($err));
}


sub parse_response {
    my ($head, $body, $exit, $text) = @_;
    my %r = (status => 0, headers => {}, field => {}, body => $body,
        exit => $exit, text => $text);

    # The last one: 100 (Continue) or 103 may come before, trailers behind it.
    my @heads = grep { /^HTTP/ } split /\r\n\r\n/, $head;
    $r{interim} = join("\n", @heads[0 .. $#heads - 1]);
    my @lines = split /\r\n/, $heads[-1] // '';

    $r{status} = $1 if @lines && shift(@lines) =~ m{^HTTP/\S+ (\d+)};

    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        $r{headers}{lc $name} = $value;
        push @{ $r{field}{lc $name} }, $value;
    }

    return \%r;
}


# Decoded JSON of a response's body; undef when it is none.
sub json {
    my ($r) = @_;

    return eval { JSON::PP->new->utf8->decode($r->{body}) };
}


# ngx-attest with these arguments: (exit status, both output streams).
sub attest {
    my ($self, @args) = @_;
    my $out = run_out([ cli(), @args ]);

    return ($? >> 8, $out);
}


# A policy that trusts what this gateway runs now; the file's path.
sub policy {
    my ($self, @args) = @_;
    my $file = $self->path('client/policy.json');

    make_path($self->path('client'));
    my $out = run_out([ cli(), 'policy', $self->url(), @args ],
        stdout => $file);
    die "ngx-attest policy: $out\n" if $?;
    return $file;
}


# The same for doubles: it names the roots (PEM files) below which they sign.
sub policy_below {
    my ($self, $roots, %more) = @_;
    my $base = $self->path('client/base.json');

    make_path($self->path('client'));
    write_file($base, JSON::PP::encode_json({ version => 1,
        simulated_roots => [ map { read_file($_)
            =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/sg }
            @$roots ], %more }));
    return $self->policy('--policy', $base);
}


# The roots of the doubles of Nitro or of NVIDIA's devices; the file.
sub double_roots {
    my ($self, $kind) = @_;
    my $file = $self->path("$kind-roots.pem");

    run_out([ build() . '/doubles/double_roots', $kind ], stdout => $file);
    die "double_roots $kind" if $?;
    return $file;
}


# "https://localhost:PORT", for clients.
sub url {
    my ($self, $path, $name) = @_;

    return 'https://localhost:' . $self->port($name || 'TLS') . ($path // '');
}


# The certificate that nginx serves for a name, PEM; '' when refused.
sub certificate {
    my ($self, %o) = @_;
    my $port = $o{port} || $self->port('TLS');
    my $out = run_out([ which('openssl'), 's_client', '-connect',
        "127.0.0.1:$port", '-servername', $o{host} || 'localhost',
        @{ $o{args} || [] } ]);

    return $out =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----)/s
        ? "$1\n" : '';
}


1;
