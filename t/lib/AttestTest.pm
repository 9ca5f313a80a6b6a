# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# A real nginx with a software TPM and a backend, for tests of whole lives:
# start, reload, kill, renewal, streaming.  Everything has its own folder and
# its own ports, so that several tests can run at once; everything started is
# stopped by its pid when the object goes away, and check_logs() runs then.
#
#   my $t = AttestTest->new();            # optional: canary => 0
#   $t->swtpm();                          # a software TPM; %%TCTI%%
#   $t->backend();                        # scripts/backend.py; %%BACKEND%%
#   $t->gateway();                        # or: $t->write_conf($text)
#   $t->start();                          # nginx; dies when it does not start
#   my $r = $t->get('/x', method => 'POST', body => $b, headers => [...]);
#   is($r->{status}, 200);
#   $t->reload();  $t->stop();
#
# In a configuration these stand for values of this test:
#
#   %%DIR%%       the test's folder            %%TCTI%%     TPM's TCTI string
#   %%BACKEND%%   127.0.0.1:PORT               %%GLOBALS%%  load_module, pid,
#   %%PORT%%, %%PORT_NAME%%  free ports, one            log files, user
#                 for each name                %%HTTP%%     temporary paths
#
# Times are generous: a sanitized nginx on a busy machine is slow.
#
# AttestTest/*.pm are its parts: Process, Nginx, Logs, Tpm, Backend, Clients,
# Doubles.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use Scalar::Util qw(weaken);
use Test::More ();

use AttestTest::Backend;
use AttestTest::Clients;
use AttestTest::Doubles;
use AttestTest::Logs;
use AttestTest::Nginx;
use AttestTest::Process;
use AttestTest::Tpm;

my $top = abs_path(dirname(__FILE__) . '/../..');
my %live;


sub top    { return $top }
sub build  { return asan() ? "$top/build/asan" : "$top/build" }


sub new {
    my ($class, %opts) = @_;

    my $self = bless {
        dir    => File::Temp::tempdir('ngx-attest-XXXXXX', TMPDIR => 1),
        ports  => {},
        procs  => {},
        pid    => $$,
        canary => 1,
        allow  => [],
        %opts,
    }, $class;

    # The worker, often another user, must reach its temporary folders.
    chmod 0755, $self->{dir};
    make_path("$self->{dir}/logs", "$self->{dir}/temp");

    $live{$self->{dir}} = $self;
    weaken($live{$self->{dir}});
    return $self;
}


sub dir  { return $_[0]->{dir} }
sub path { return "$_[0]->{dir}/$_[1]" }


sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name // ''} //= free_port();
}


sub finish {
    my ($self) = @_;

    return if $self->{finished}++ || $self->{pid} != $$;

    local $?;
    $self->stop() if $self->{procs}{nginx};
    $self->stop_fake_tsm() if $self->{procs}{fake_tsm};
    $self->stop_proc($_, 'TERM', 5) for keys %{ $self->{procs} };
    $self->check_logs() if !$self->{checked};
    $self->keep_logs();

    if ($ENV{ATTEST_KEEP}) {
        Test::More::diag("kept: $self->{dir}");
        return;
    }

    remove_tree($self->{dir});
}


# Before Test::More's own END, so that check_logs() still counts; call
# done_testing() behind finish(), or let done() do both.
sub done {
    $_->finish() for grep { defined } values %live;
    Test::More::done_testing();
}


# When the test died: nothing is left running.
END {
    my $status = $?;

    for my $t (grep { defined } values %live) {
        next if $t->{finished} || $t->{pid} != $$;
        $t->{checked} = 1;
        Test::More::diag($t->error_log()) if $status;
        $t->finish();
    }

    $? = $status;
}

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);


1;
