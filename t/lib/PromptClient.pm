# SPDX-License-Identifier: Apache-2.0

package PromptClient;

# A client of one sealed format, ehbp_client.py or ohttp_client.py, which
# share nothing with the module: one process, a line of JSON each way.
#
#   my $client = PromptClient->new('ohttp_client.py');
#   my $m = $client->ask(op => 'seal', ...);      # or: put(), and then get()
#   $client->end();

use strict;
use warnings;

use Exporter qw(import);
use IPC::Open2;
use JSON::PP qw(encode_json decode_json);
use Test::More ();

use AttestTest;

our @EXPORT_OK = qw(chat echo_of);


# The packaged one: the clients need the packaged python3-cryptography.
sub python { return $ENV{ATTEST_PYTHON} || '/usr/bin/python3' }


# Skips the whole test where the gateway or the client could not run.
sub need {
    my $missing = AttestTest::missing(qw(swtpm swtpm_setup curl python3));

    if (!$missing && system(python(), '-c', 'import cryptography') != 0) {
        die "python3-cryptography is missing in CI\n" if $ENV{CI};
        $missing = 'missing: python3-cryptography';
    }

    Test::More::plan(skip_all => $missing) if $missing;
}


sub new {
    my ($class, $script) = @_;
    my $self = bless { name => $script }, $class;

    $self->{pid} = open2($self->{out}, $self->{in}, python(),
        AttestTest::top() . "/t/lib/$script");
    $self->{in}->autoflush(1);
    return $self;
}


sub put {
    my ($self, %o) = @_;

    print { $self->{in} } encode_json(\%o), "\n";
}


sub get {
    my ($self) = @_;
    my $line = readline $self->{out};

    die "$self->{name} died\n" if !defined $line;
    return decode_json($line);
}


sub ask {
    my ($self, %o) = @_;

    $self->put(%o);
    return $self->get();
}


sub end {
    my ($self) = @_;

    close $self->{in};
    waitpid $self->{pid}, 0;
}


# A request of OpenAI's form.
sub chat {
    my ($text, %o) = @_;

    return encode_json({ model => 'echo-1', %o,
        messages => [ { role => 'user', content => $text } ] });
}


# What scripts/backend.py says that it got; its fields by name, too.
sub echo_of {
    my ($body) = @_;
    my $doc = AttestTest::json({ body => $body }) || {};

    $doc->{field} = { map { lc($_->[0]) => $_->[1] }
        @{ $doc->{headers} || [] } };
    return $doc;
}


1;
