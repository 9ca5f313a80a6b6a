# SPDX-License-Identifier: Apache-2.0

# Policies that somebody must have signed, and when: an older one has a good
# signature, too.

use strict;
use warnings;

use Test::More;

use FindBin;

use lib "$FindBin::Bin/lib";
use AttestTest;

my $missing = AttestTest::missing(qw(minisign));
plan(skip_all => $missing) if $missing;

my $t = AttestTest->new(fresh_tpm => 0);
my ($pub, $other) = ($t->path('a.pub'), $t->path('b.pub'));
my ($old, $new, $state) = map { $t->path($_) } qw(old.json new.json state);

# something to judge: what comes of it is of no interest here
my $target = $t->path('evidence');
AttestTest::write_file($target, '{"__cmwc_t":"tag:example,2026:x"}');

for my $name ('a', 'b') {
    minisign('-G', '-W', '-p', $t->path("$name.pub"), '-s',
        $t->path("$name.key"));
}

AttestTest::write_file($old, '{"version": 1, "roots_of_trust": ["tee"]}');
AttestTest::write_file($new, '{"version": 1, "max_age": 60}');
sign($old, 'a', 'timestamp:1700000000');
sign($new, 'a', "timestamp:1700000001\tfile:new.json\thashed");

test_date();
test_rollback();
test_state();
test_options();

AttestTest::done();


sub minisign {
    my $out = AttestTest::run_out([ AttestTest::which('minisign'), @_ ]);

    is($?, 0, "minisign $_[0]") or diag($out);
}


sub sign {
    my ($file, $key, $comment) = @_;

    minisign('-S', '-s', $t->path("$key.key"), '-m', $file,
        defined $comment ? ('-t', $comment) : ());
}


# Judged at all, or refused because of the policy?
sub taken {
    my ($what, $policy, @options) = @_;
    my ($status, $out) = $t->attest('verify', $target, '--policy', $policy,
        @options);

    like($out, qr/^(?:TRUSTED|NOT TRUSTED|COULD NOT BE DECIDED)/m, $what)
        or diag($out);
}


sub refused {
    my ($what, $like, $policy, @options) = @_;
    my ($status, $out) = $t->attest('verify', $target, '--policy', $policy,
        @options);

    is($status, 2, $what) or diag($out);
    like($out, $like, 'says why');
    unlike($out, qr/^(?:PASS|NOTE|FAIL|TRUSTED)/m, 'nothing was judged');
}


# A key without a date in the signature would take any older policy.
sub test_date {
    my $file = $t->path('undated.json');
    AttestTest::write_file($file, '{"version": 1}');

    for my $comment ('policy of ours', 'timestamp:', 'timestamp:soon',
        'timestamp:-1', 'of timestamp:1700000000', 'timestamp:17000000000000')
    {
        sign($file, 'a', $comment);
        refused("signed \"$comment\"", qr/does not say when/, $file,
            '--policy-key', $pub);
    }

    sign($file, 'a');
    taken('minisign says it by itself', $file, '--policy-key', $pub);
    taken('no key, no date', $file);
}


sub test_rollback {
    my @with = ('--policy-key', $pub, '--policy-state', $state);

    taken('the first that is seen', $old, @with);
    ok(-s $state, 'is kept in mind');
    is((stat $state)[2] & 0777, 0600, 'for the user alone');
    taken('again', $old, @with);
    taken('a newer one', $new, @with);
    refused('the old one', qr/older one/, $old, @with);
    taken('the newer one again', $new, @with);
    taken('the old one where nothing is kept', $old, '--policy-key', $pub);

    # a signature that is not good must not leave a trace
    my $kept = AttestTest::read_file($state);
    my $file = $t->path('foreign.json');
    AttestTest::write_file($file, '{"version": 1}');
    sign($file, 'b', 'timestamp:1700000009');
    refused('by another key', qr/not signed by the key/, $file, @with);

    my $far = time + 10 * 86400;
    sign($file, 'a', "timestamp:$far");
    refused('signed in the future', qr/in the future/, $file, @with);
    is(AttestTest::read_file($state), $kept, 'nothing changed by these');

    refused('the policies of another key', qr/another key/, $t->path('b.json'),
        '--policy-key', $other, '--policy-state', $state)
        if do {
            AttestTest::write_file($t->path('b.json'), '{"version": 1}');
            sign($t->path('b.json'), 'b', 'timestamp:1700000009');
            1;
        };
}


# What cannot be read is no reason to forget.
sub test_state {
    my @with = ('--policy-key', $pub, '--policy-state', $state);
    my $kept = AttestTest::read_file($state);

    for my $bad (substr($kept, 1), "$kept\n", substr($kept, 0, -1),
        $kept =~ s/ /x/r, $kept =~ s/1\n\z/x\n/r, uc $kept, "\n")
    {
        AttestTest::write_file($state, $bad);
        refused('a state of ' . length($bad) . ' bytes',
            qr/is no state of policies/, $new, @with);
    }

    AttestTest::write_file($state, $kept);
    taken('as it was', $new, @with);

    mkdir $t->path('folder');
    refused('a folder', qr/folder/, $new, '--policy-key', $pub,
        '--policy-state', $t->path('folder'));
    refused('nowhere', qr/No such file/, $new, '--policy-key', $pub,
        '--policy-state', $t->path('none/state'));
}


sub test_options {
    refused('a state without a key', qr/needs --policy-key/, $new,
        '--policy-state', $state);

    my ($status, $out) = $t->attest('chat', 'https://127.0.0.1:1', '--policy',
        $old, '--policy-key', $pub, '--policy-state', $state, 'x');
    is($status, 2, 'chat asks for it, too');
    like($out, qr/older one/, 'and refuses the old one');
}
