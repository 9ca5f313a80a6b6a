# SPDX-License-Identifier: Apache-2.0

package Sealed;

# Both sealed formats against one gateway, for tests of what holds for both:
#
#   my $s = Sealed->new($t);
#   $s->keys();                            # fetches what it seals to
#   my $m = $s->seal('whole', 'text', path => '/echo');
#   my $got = $s->send($m);                # of the type "ehbp", to that path
#   is($got->{status}, 200);  is($got->{text}, 'text');  ok($got->{sealed});
#
# Forms: ehbp, whole, chunked.  Refused in clear: status and type, the last
# part of the problem's type.

use strict;
use warnings;

use AttestTest;
use PromptClient;


our $GATEWAY = '/gateway';
our $KEYS = '/.well-known/hpke-keys';


sub new {
    my ($class, $t) = @_;
    my $self = bless { t => $t, n => 0 }, $class;

    AttestTest::make_path($t->path('client'));
    return $self;
}


sub client {
    my ($self, $form) = @_;
    my $name = $form eq 'ehbp' ? 'ehbp_client.py' : 'ohttp_client.py';

    return $self->{clients}{$name} //= PromptClient->new($name);
}


sub end {
    my ($self) = @_;

    $_->end() for values %{ $self->{clients} };
}


# The keys of one format, or of both; false when the gateway gives none.
sub keys {
    my ($self, @forms) = @_;

    for my $form (@forms ? @forms : qw(ehbp whole)) {
        my $path = $form eq 'ehbp' ? $KEYS : $GATEWAY;
        my $r = $self->{t}->get($path, sec => 10);

        return if $r->{status} != 200;
        $self->{keys}{$form eq 'ehbp'} = unpack('H*', $r->{body});
    }

    return 1;
}


# path; fields => [[name, value]], for the request inside; keys => HEX.
sub seal {
    my ($self, $form, $text, %o) = @_;
    my $out = $self->{t}->path('client/sealed.' . ++$self->{n});
    my $keys = $o{keys} // $self->{keys}{$form eq 'ehbp'};
    my $m;

    if ($form eq 'ehbp') {
        $m = $self->client($form)->ask(op => 'seal', keys => $keys,
            frames => [ unpack('H*', $text) ], out => $out);
    } else {
        $m = $self->client($form)->ask(op => 'seal', list => $keys,
            form => $form, out => $out, request => { method => 'POST',
                path => $o{path}, content => unpack('H*', $text),
                fields => $o{fields} || [] });
    }

    return { %$m, form => $form, path => $o{path}, file => $out,
        body => AttestTest::read_file($out) };
}


# headers, gateway => another path than $GATEWAY.
sub arguments {
    my ($self, $m, %o) = @_;
    my @headers = @{ $o{headers} || [] };

    if ($m->{form} eq 'ehbp') {
        return ($m->{path}, [ "Ehbp-Encapsulated-Key: $m->{enc}", @headers ]);
    }

    my $type = $m->{form} eq 'whole' ? 'ohttp-req' : 'ohttp-chunked-req';
    return ($o{gateway} || $GATEWAY, [ "Content-Type: message/$type",
        @headers ]);
}


sub send {
    my ($self, $m, %o) = @_;
    my ($path, $headers) = $self->arguments($m, %o);

    return $self->open($m, $self->{t}->get($path, method => 'POST',
        body => $m->{body}, headers => $headers));
}


# The same message several times at once; the answers.
sub send_copies {
    my ($self, $m, $copies, %o) = @_;
    my ($path, $headers) = $self->arguments($m, %o);
    my $t = $self->{t};
    my $base = $t->path('client/copy.' . ++$self->{n});
    my (%pid, @got);

    for my $i (1 .. $copies) {
        $pid{$i} = $t->spawn("copy$i", [ AttestTest::which('curl'), qw(-q -s
            -k -N --http1.1 --noproxy * --max-time 60 -D), "$base.$i.head",
            '-o', "$base.$i.body", map({ ('-H', $_) } @$headers, 'Expect:'),
            '--data-binary', "\@$m->{file}", $t->url($path) ]);
    }

    for my $i (1 .. $copies) {
        waitpid $pid{$i}, 0;
        delete $t->{procs}{"copy$i"};
        push @got, $self->open($m, AttestTest::parse_response(
            map { AttestTest::read_file("$base.$i.$_") } qw(head body)));
    }

    return @got;
}


sub open {
    my ($self, $m, $r) = @_;
    my $in = $self->{t}->path('client/answer.' . ++$self->{n});
    my %got = (status => $r->{status}, text => $r->{body}, outer => $r,
        sealed => 0);

    if (($r->{headers}{'content-type'} // '') =~ /problem\+json/) {
        my $type = (AttestTest::json($r) || {})->{type} // '';
        ($got{type}) = $type =~ /([^:#]*)\z/;
    }

    my $nonce = $r->{headers}{'ehbp-response-nonce'};
    AttestTest::write_file($in, $r->{body});

    if ($m->{form} eq 'ehbp' && $nonce) {
        my $o = $self->client('ehbp')->ask(op => 'open', id => $m->{id},
            nonce => $nonce, in => $in, plain => "$in.plain");
        @got{qw(sealed error text)} = (1, $o->{error},
            AttestTest::read_file("$in.plain"));

    } elsif (($r->{headers}{'content-type'} // '') =~ m{^message/ohttp-}) {
        my $o = $self->client('whole')->ask(op => 'open', id => $m->{id},
            in => $in, to => "$in.plain");
        @got{qw(sealed error status text)} = (1, $o->{error}, $o->{status},
            AttestTest::read_file("$in.plain"));
    }

    return \%got;
}


1;
