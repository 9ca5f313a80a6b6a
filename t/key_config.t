# SPDX-License-Identifier: Apache-2.0

# The key configurations: EHBP's endpoint serves one with exactly its suite,
# whatever Oblivious HTTP offers beside it, and it is in the list that the
# evidence names.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use PromptClient;
use Test::More;

PromptClient::need();

my $GATEWAY = '/.well-known/ohttp-gateway';

# id, KEM, key and suites; EHBP's only suite is HKDF-SHA256 and AES-256-GCM.
my $EHBP = qr/^(.)\x00\x20(.{32})\x00\x04\x00\x01\x00\x02\z/s;

my $t = AttestTest->new();
my $client = PromptClient->new('ohttp_client.py');
my $ohttp = "location = $GATEWAY { attest_prompt ohttp;"
    . ' attest_ohttp_allow localhost; }';

$t->swtpm();
$t->backend();
AttestTest::make_path($t->path('client'));

$t->gateway(server => $ohttp);
$t->start();
test_both();

$t->stop();
$t->gateway();
$t->start();
like($t->get('/.well-known/hpke-keys')->{body}, $EHBP,
    'without Oblivious HTTP: the same form');

$t->stop();
(my $conf = $t->{text}) =~ s/attest_keys;/return 404;/;
$conf =~ s/(?=location = \/attest-status)/$ohttp/;
$t->write_conf($conf);
$t->start();
is(scalar(my @all = members()), 1, 'nobody serves EHBP: no member for it');

$client->end();
AttestTest::done();


sub members {
    my $bytes = $t->get($GATEWAY)->{body};
    my @members;

    while (length $bytes) {
        push @members, unpack('n/a', $bytes);
        $bytes = substr($bytes, 2 + length $members[-1]);
    }

    return @members;
}


sub test_both {
    my $served = $t->get('/.well-known/hpke-keys')->{body};
    my @members = members();
    my @ids = map { substr($_, 0, 1) } @members;

    like($served, $EHBP, 'one suite');
    is(scalar(grep { $_ eq $served } @members), 1, 'a member of the list');
    is(scalar(keys %{ { map { $_ => 1 } @ids } }), @ids,
        'each has an identifier of its own');

    my ($last) = $members[-1] =~ /^.\x00\x20(.{32})/s;
    my ($key) = $served =~ $EHBP ? $2 : '';
    is($last, $key, 'of the same key');
    is(length $members[-1], 1 + 2 + 32 + 2 + 12,
        'whoever takes the last has all suites');

    my $policy = $t->policy();
    my ($exit, $text) = $t->attest('verify', $t->url(), '--policy', $policy);
    is($exit, 0, 'trusted') or diag($text);
    like($text, qr/PASS\s+hpke-keys-served/, 'what is served was compared');

    ($exit, $text) = $t->attest('chat', $t->url(), '--policy', $policy,
        'hello');
    is($exit, 0, 'chat') or diag($text);

    # X-Wing's, where OpenSSL has it, are asked in ohttp_keys.t
    ask($_, scalar @members)
        for grep { substr($members[$_], 1, 2) eq "\x00\x20" } 0 .. $#members;
}


# What is in the list is accepted, by each of its members.
sub ask {
    my ($member, $of) = @_;
    my ($in, $out) = map { $t->path("client/$member.$_") } qw(in out);
    my $m = $client->ask(op => 'seal', form => 'whole', out => $in,
        list => unpack('H*', $t->get($GATEWAY)->{body}), member => $member,
        aead => 2, request => { method => 'POST', path => '/echo',
            authority => 'localhost', content => unpack('H*', "m$member") });
    my $r = $t->get($GATEWAY, method => 'POST',
        body => AttestTest::read_file($in),
        headers => [ 'Content-Type: message/ohttp-req' ]);

    AttestTest::write_file($out, $r->{body});
    my $o = $client->ask(op => 'open', id => $m->{id}, in => $out);
    is(pack('H*', $o->{content} // ''), "m$member",
        "member $member of $of opens") or diag($r->{body});
}
