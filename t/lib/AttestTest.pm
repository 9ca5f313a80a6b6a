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

use strict;
use warnings;

use Cwd qw(abs_path);
use Errno qw(EINTR);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Basename qw(dirname basename);
use File::Copy ();
use File::Find ();
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep time);

# What no log may ever hold: a secret, a prompt, a sanitizer's complaint.
our $CANARY = 'CANARY-7f3a';
our @FORBIDDEN = (
    qr/\[(?:alert|crit|emerg)\]/,
    qr/ERROR: (?:Address|Leak|Memory|Thread)Sanitizer/,
    qr/runtime error:/,
    qr/PRIVATE KEY/,
    qr/\Q$CANARY\E/,
    qr/exited on signal/,
    qr/open socket #\d+ left/,
    qr/^==\d+== (?!Warning: set address range|$)/,
);

my $top = abs_path(dirname(__FILE__) . '/../..');
my %live;
my ($slot, $slot_next, $slot_lock);


sub top    { return $top }
sub valgrind { return $ENV{ATTEST_VALGRIND} ? 1 : 0 }
sub asan   { return $ENV{ATTEST_ASAN} ? 1 : 0 }
sub build  { return asan() ? "$top/build/asan" : "$top/build" }
sub module { return build() . '/ngx_http_attest_module.so' }
sub cli    { return build() . '/ngx-attest' }
sub nginx  { return $ENV{TEST_NGINX_BINARY} || which('nginx') }


# As nginx counts in its own headers: 1.22.1 is 1022001.
sub nginx_version {
    my $out = run_out([ nginx(), '-v' ]);

    return $1 * 1000000 + $2 * 1000 + $3
        if $out =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
    die "nginx -v says: $out\n";
}


# Since 1.29.0 nginx reads on behind a backend's 103.
sub early_hints { return $_[0] == 103 && nginx_version() >= 1029000 }

# For a configuration: pass 103 on wherever this nginx can.
sub hints_conf { return early_hints(103) ? 'early_hints 1;' : '' }


sub which {
    my ($name) = @_;

    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
        return "$dir/$name" if -x "$dir/$name";
    }

    die "$name is not installed, see scripts/setup\n";
}


# Toolchains are often installed where no PATH points to; undef: nowhere.
sub tool {
    my ($name) = @_;
    my ($own) = grep { -x } "/usr/local/go/bin/$name",
        ($ENV{HOME} // '') . "/.cargo/bin/$name";

    return eval { which($name) } || $own;
}


# A reason to skip, or undef.  In CI nothing is skipped.
sub missing {
    my @missing = grep { !eval { which($_) } } @_;

    return if !@missing;
    die "missing in CI: @missing\n" if $ENV{CI};
    return "missing: @missing";
}


# The same for toolchains.
sub missing_toolchains {
    my @missing = grep { !tool($_) } @_;

    return if !@missing;
    die "missing in CI: @missing\n" if $ENV{CI};
    return "missing: @missing";
}


# A Go program of t/interop, built once for all tests that use it; its path.
sub build_go {
    my ($source, $name) = @_;
    my $dir = "$top/build/interop/go";

    build_locked($dir, tool('go'), '-C', "$top/t/interop/$source", 'build',
        '-mod=readonly', '-o', "$dir/$name", '.');
    return "$dir/$name";
}


# A command that builds into a folder, one at a time.
sub build_locked {
    my ($dir, @cmd) = @_;

    make_path($dir);
    open my $lock, '>', "$dir/.lock" or die "$dir: $!\n";
    flock($lock, Fcntl::LOCK_EX()) or die "$dir: $!\n";

    my $said = run_out(\@cmd, sec => 600);
    die "$cmd[0] failed:\n$said" if $?;
}


# A port nobody listens on.  Each process owns a range of 40, by a lock that
# it holds as long as it lives; the range lies below the ephemeral ports.
sub free_port {
    take_slot() if !defined $slot;

    for (1 .. 40) {
        my $port = 12000 + $slot * 40 + $slot_next++ % 40;
        my $s = IO::Socket::INET->new(LocalAddr => '0.0.0.0',
            LocalPort => $port, Proto => 'tcp', Listen => 1,
            ReuseAddr => 1) or next;
        close $s;
        return $port;
    }

    die "no free port\n";
}


sub take_slot {
    my $dir = "/tmp/ngx-attest-ports-$<";

    make_path($dir, { mode => 0700 });

    for my $try (0 .. 499) {
        my $i = ($$ + $try) % 500;
        sysopen(my $fh, "$dir/$i", O_CREAT | O_RDWR, 0600) or next;

        if (flock($fh, LOCK_EX | LOCK_NB)) {
            ($slot, $slot_next, $slot_lock) = ($i, 0, $fh);
            return;
        }
    }

    die "no free range of ports in $dir\n";
}


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


# ---- processes

sub spawn {
    my ($self, $name, $cmd, %opts) = @_;
    my $log = $self->path("logs/$name.out");

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        die_with_parent();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        %ENV = (%ENV, %{ $opts{env} || {} });
        { exec { $cmd->[0] } @$cmd }
        print STDERR "cannot run $cmd->[0]: $!\n";
        POSIX::_exit(127);
    }

    $self->{procs}{$name} = $pid;
    return $pid;
}


# Even when the test is killed with -9 nothing stays: prctl(PR_SET_PDEATHSIG).
sub die_with_parent {
    my %number = (x86_64 => 157, aarch64 => 167, riscv64 => 167);
    my $prctl = $number{(POSIX::uname())[4]} or return;

    syscall($prctl, 1, POSIX::SIGTERM(), 0, 0, 0);
}


sub alive {
    my ($self, $name) = @_;
    my $pid = $self->{procs}{$name} or return 0;

    return waitpid($pid, WNOHANG) == 0;
}


# Stops by pid; returns the wait status, undef when it had to be killed.
sub stop_proc {
    my ($self, $name, $signal, $sec) = @_;
    my $pid = delete $self->{procs}{$name} or return;

    kill($signal || 'TERM', $pid);

    my $gone = until_true($sec || 20, sub { waitpid($pid, WNOHANG) != 0 });
    return $? if $gone;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}


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


# True as soon as the code says so; longer limits where nginx is slow.
sub until_true {
    my ($sec, $code) = @_;
    my $end = time() + $sec * (valgrind() ? 8 : asan() ? 2 : 1);

    while (1) {
        my $got = $code->();
        return $got if $got;
        return if time() > $end;
        sleep 0.03;
    }
}


sub wait_port {
    my ($port, $sec) = @_;

    return until_true($sec || 20, sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Timeout => 1);
    });
}


# ---- TPM

# A fresh software TPM (or the one of before, when its state is there), ready
# for commands.  Returns the TCTI string.
sub swtpm {
    my ($self) = @_;
    my $state = $self->path('tpm');

    # The TCTI wants the control channel on the next port.
    if (!$self->{tpm_port}) {
        do {
            $self->{tpm_port} = free_port();
        } until free_port() == $self->{tpm_port} + 1;
    }

    my $port = $self->{tpm_port};
    $self->make_tpm($state) if !-d $state;

    $self->spawn('swtpm', [ which('swtpm'), 'socket', '--tpm2',
        '--tpmstate', "dir=$state", '--flags', 'not-need-init,startup-clear',
        '--server', "type=tcp,port=$port,bindaddr=127.0.0.1",
        '--ctrl', 'type=tcp,bindaddr=127.0.0.1,port=' . ($port + 1) ]);
    wait_port($port + 1) or die "swtpm does not start\n";

    return $self->tcti();
}


# A maker's TPM, with EK certificates of a CA of its own.  Making one takes
# seconds, so each test gets a copy; fresh_tpm => 1 in new() asks
# for one with keys of its own.
sub make_tpm {
    my ($self, $state) = @_;
    my $template = "$top/build/tpm-template";

    return make_tpm_state($state) if $self->{fresh_tpm};

    make_path("$top/build");
    open my $lock, '>', "$top/build/.tpm-template.lock" or die $!;
    flock($lock, LOCK_EX) or die $!;

    if (!-d $template) {
        remove_tree("$template.new");
        make_tpm_state("$template.new");
        rename "$template.new", $template or die $!;
    }

    make_path($state, { mode => 0700 });
    for my $dir ('', '/ca') {
        make_path("$state$dir");
        File::Copy::copy($_, "$state$dir/")
            for grep { -f } glob "$template$dir/*";
    }
}


sub make_tpm_state {
    my ($state) = @_;

    make_path($state, { mode => 0700 });
    make_tpm_ca("$state/ca");

    my $out = run_out([ which('swtpm_setup'), '--tpm2', '--tpmstate',
        $state, '--config', "$state/ca/setup.conf", '--create-ek-cert',
        '--create-platform-cert', '--lock-nvram', '--overwrite',
        '--pcr-banks', 'sha1,sha256,sha384' ]);
    die "swtpm_setup: $out\n" if $?;
}


# No file of the user or the system is read or written.
sub make_tpm_ca {
    my ($ca) = @_;

    make_path($ca);
    write_file("$ca/localca.conf", <<"END");
statedir = $ca
signingkey = $ca/signkey.pem
issuercert = $ca/issuercert.pem
certserial = $ca/certserial
END
    write_file("$ca/localca.options", <<"END");
--platform-manufacturer ngx_attest_module
--platform-version 1
--platform-model test
END
    write_file("$ca/setup.conf", <<"END");
create_certs_tool = @{[ localca() ]}
create_certs_tool_config = $ca/localca.conf
create_certs_tool_options = $ca/localca.options
END
}


sub localca {
    my ($path) = grep { -x } '/usr/libexec/swtpm/swtpm_localca',
        glob('/usr/lib/*/swtpm/swtpm_localca'), '/usr/bin/swtpm_localca';

    return $path || which('swtpm_localca');
}


sub tcti {
    my ($self) = @_;

    die "no TPM was started\n" if !$self->{tpm_port};
    return "swtpm:host=127.0.0.1,port=$self->{tpm_port}";
}


# ---- evidence

# Where evidence of real machines lies; t/data/README.md lists it.
sub fixtures {
    return $ENV{ATTEST_FIXTURES} // top() . '/../shared/fixtures/evidence';
}


# Why these files of it cannot be used, or undef.
sub no_fixtures {
    my @missing = grep { !-r fixtures() . "/$_" } @_;

    return @missing
        ? 'real evidence ' . fixtures() . "/$missing[0] is not there" : undef;
}


sub fixture { return read_file(fixtures() . "/$_[0]") }


# What the doubles make of each kind, in files of a folder.
sub doubles_evidence {
    my ($dir) = @_;

    mkdir $dir;
    my $out = run_out([ build() . '/doubles/double_evidence', $dir ]);
    die "no evidence of the doubles: $out\n" if $? != 0;

    return $dir;
}


# Makes this TPM's PCRs what a boot log says, as the firmware did that wrote
# it; dies when they do not come out so.
sub replay_boot_log {
    my ($self, $file) = @_;
    my $yaml = run_out([ which('tpm2_eventlog'), $file ]);
    my ($events, $want) = $yaml =~ /^events:\n(.*?)
        ^pcrs:.*?^[ ]{2}sha256:\n(.*?)(?:^[ ]{2}\w|\z)/msx
        or die "$file: no boot log\n";
    my @extend;

    for my $event (split /^- EventNum:/m, $events) {
        next if $event !~ /EventType: (?!EV_NO_ACTION)/;
        my ($pcr) = $event =~ /PCRIndex: (\d+)/;
        push @extend, "$pcr:sha256=$1"
            if $event =~ /AlgorithmId: sha256\s+Digest: "(\w+)"/;
    }

    run_out([ which('tpm2_pcrextend'), '-T', $self->tcti(), @extend ]);
    my $got = run_out([ which('tpm2_pcrread'), '-T', $self->tcti(),
        'sha256' ]);

    while ($want =~ /(\d+)\s*: 0x(\w+)/g) {
        $got =~ /^\s*$1\s*: 0x$2$/mi or die "PCR $1 is not $2\n$got";
    }
}


sub stop_swtpm { return $_[0]->stop_proc('swtpm', $_[1]) }
sub tpm_ca     { return $_[0]->path('tpm/ca/swtpm-localca-rootca-cert.pem') }


# ---- confidential guests

# Why there can be no double of configfs-tsm here, or undef.
sub no_fake_tsm {
    return 'no /dev/fuse here' if !-e '/dev/fuse';
    return 'built without libfuse3' if !-x build() . '/doubles/fake_tsm';
    return missing('fusermount3');
}


# t/doubles/fake_tsm, which behaves as a guest's configfs-tsm does; what its
# control file may say is written there.  Returns the path for attest_tsm; the
# roots for a policy are in the file tsm-roots.pem.
sub fake_tsm {
    my ($self, $control) = @_;
    my $mount = $self->path('tsm');

    make_path($mount);
    $self->tsm_control($control // '');
    my $dev = (stat $mount)[0];

    $self->spawn('fake_tsm', [ build() . '/doubles/fake_tsm',
        '--control=' . $self->path('tsm.control'),
        '--log=' . $self->path('tsm.log'),
        '--roots=' . $self->path('tsm-roots.pem'), $mount ]);

    until_true(20, sub { ((stat $mount)[0] // $dev) != $dev })
        or die "fake_tsm does not start:\n"
            . read_file($self->path('logs/fake_tsm.out'));
    return $mount;
}


# The same at the real one's place, in a mount namespace of its own; nginx
# runs there, too.  False where that is not allowed.
sub fake_tsm_in_place {
    my ($self, $control) = @_;
    my $mount = '/sys/kernel/config/tsm/report';
    my @double = (build() . '/doubles/fake_tsm',
        '--control=' . $self->path('tsm.control'),
        '--log=' . $self->path('tsm.log'),
        '--roots=' . $self->path('tsm-roots.pem'), $mount);

    $self->tsm_control($control // '');
    $self->spawn('fake_tsm', [ 'unshare', '-m', 'sh', '-ec',
        'mount -t tmpfs none /sys/kernel; mkdir -p "$1"; shift; exec "$@"',
        'sh', $mount, @double ]);

    my @inside = ('nsenter', '-m', '-t', $self->{procs}{fake_tsm}, '--');
    my $works = until_true(20, sub {
        return -1 if !$self->alive('fake_tsm');
        return run_out([ @inside, 'stat', '-f', '-c', '%T', $mount ])
            =~ /fuse/;
    }) || 0;

    delete $self->{procs}{fake_tsm} if $works == -1;
    $self->{inside} = \@inside if $works == 1;
    return $works == 1;
}


# By rename: the double must never see half of it.
sub tsm_control {
    my ($self, $text) = @_;
    my $file = $self->path('tsm.control');

    write_file("$file.new", "$text\n");
    rename "$file.new", $file or die "$file: $!\n";
}


sub tsm_log { return split /\n/, read_file($_[0]->path('tsm.log')) }


sub stop_fake_tsm {
    my ($self) = @_;
    my $status = $self->stop_proc('fake_tsm', 'TERM', 5);

    # When it was killed, the mount is still there.
    if (!defined $status || $status) {
        run_out([ which('fusermount3'), '-u', '-z', $self->path('tsm') ]);
    }

    return $status;
}


# t/doubles/fake_nsm, a Nitro security module in every process that is started
# with nsm_env(); nginx is, from now on.
sub fake_nsm {
    my ($self, $control) = @_;

    $self->nsm_control($control // '');
    $self->{nginx_env} = $self->nsm_env();

    # workers, another user, write there too
    write_file($self->path('nsm.log'), '');
    chmod 0666, $self->path('nsm.log');
}


sub nsm_env {
    my ($self) = @_;
    my $so = build() . '/doubles/fake_nsm.so';

    return {
        %{ nginx_env() },
        LD_PRELOAD       => asan() ? asan_libs() . " $so" : $so,
        FAKE_NSM_CONTROL => $self->path('nsm.control'),
        FAKE_NSM_LOG     => $self->path('nsm.log'),
    };
}


sub nsm_control {
    my ($self, $text) = @_;
    my $file = $self->path('nsm.control');

    write_file("$file.new", "$text\n");
    rename "$file.new", $file or die "$file: $!\n";
}


sub nsm_log { return split /\n/, read_file($_[0]->path('nsm.log')) }


# ---- clocks

# t/doubles/fake_clock: clocks of nginx that set_clock() sets, from now on.
sub fake_clock {
    my ($self) = @_;
    my $env = nginx_env();
    my $so = build() . '/doubles/fake_clock.so';

    $self->{passed} = 0;
    write_file($self->path('clock'), pack('q q', 0, 0));
    $self->{nginx_env} = {
        %$env,
        LD_PRELOAD => join(' ', grep { defined } $env->{LD_PRELOAD}, $so),
        FAKE_CLOCK => $self->path('clock'),
    };
}


# How many seconds the wall clock and the boot-time clock are off.  In its
# place: the file is mapped.
sub set_clock {
    my ($self, $wall, $boot) = @_;

    open my $fh, '+<:raw', $self->path('clock') or die "clock: $!\n";
    syswrite $fh, pack('q q', $wall, $boot // 0);
    close $fh or die "clock: $!\n";
}


# So many seconds pass for nginx: no clock is set, and nobody has to wait.
sub pass_time {
    my ($self, $sec) = @_;

    $self->{passed} += $sec;
    $self->set_clock($self->{passed}, $self->{passed});
}


# ---- backend

# scripts/backend.py; what it received is in backend_raw(), and one record for
# each request in backend_log().
sub backend {
    my ($self, @args) = @_;
    my $port = $self->port('backend');

    $self->spawn('backend', [ which('python3'), "$top/scripts/backend.py",
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


# ---- nginx

sub write_conf {
    my ($self, $text) = @_;

    $self->{text} = $text;
    write_file($self->path('nginx.conf'), $self->expand($text));
}


sub expand {
    my ($self, $text) = @_;

    $text =~ s/%%GLOBALS%%/$self->globals()/ge;
    $text =~ s/%%HTTP%%/$self->http_paths()/ge;
    $text =~ s/%%DIR%%/$self->{dir}/g;
    $text =~ s/%%TCTI%%/$self->tcti()/ge;
    $text =~ s/%%BACKEND%%/'127.0.0.1:' . $self->port('backend')/ge;
    $text =~ s/%%PORT(?:_(\w+?))?%%/$self->port($1)/ge;
    return $text;
}


sub globals {
    my ($self) = @_;
    my $level = $self->{log_level} || 'info';
    my $user = $> == 0 ? 'user ' . ($self->{user} || 'www-data') . ";\n" : '';

    return 'load_module ' . module() . ";\n"
        . "pid $self->{dir}/nginx.pid;\n"
        . "error_log $self->{dir}/logs/error.log $level;\n"
        . "worker_processes " . ($self->{workers} || 1) . ";\n"
        . "env ASAN_OPTIONS;\nenv UBSAN_OPTIONS;\n" . $user;
}


sub http_paths {
    my ($self) = @_;

    return "access_log $self->{dir}/logs/access.log;\n" . join('', map {
        "    ${_}_temp_path $self->{dir}/temp/$_;\n"
    } qw(client_body proxy fastcgi uwsgi scgi));
}


# The usual gateway.  Options: tpm, http, server and location are more text
# at these levels; names, tpm_args, workers.
sub gateway {
    my ($self, %o) = @_;
    my $names = $o{names} || 'localhost';
    my $listen = $o{listen} || '127.0.0.1:%%PORT_TLS%% ssl http2';
    my ($args, $http, $server, $location) =
        map { $o{$_} // '' } qw(tpm_args http server location);

    $self->{workers} = $o{workers} if $o{workers};
    $self->write_conf(<<"END");
%%GLOBALS%%
events {}
http {
    %%HTTP%%
    attest_tpm %%TCTI%% $args;
    $http
    server {
        listen $listen;
        server_name $names;
        attest_certificate on;
        $server
        location = /.well-known/attestation { attest_evidence; }
        location = /.well-known/hpke-keys { attest_keys; }
        location = /attest-status { attest_status; }
        location / {
            attest_prompt ehbp;
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_buffering off;
            $location
        }
    }
}
END
}


sub nginx_env {
    return {} if !asan();
    return {
        LD_PRELOAD    => asan_libs(),
        ASAN_OPTIONS  => 'detect_leaks=0:detect_odr_violation=0',
        UBSAN_OPTIONS => 'print_stacktrace=1',
    };
}


sub asan_libs {
    my @libs = map {
        my $path = `gcc -print-file-name=lib$_.so`;
        chomp $path;
        $path;
    } qw(asan ubsan);

    # sanitizers see no wipe of memory without it
    return join ' ', @libs, build() . '/doubles/visible_wipes.so';
}


sub nginx_cmd {
    my ($self, @args) = @_;

    return [ @{ $self->{inside} || [] }, $self->valgrind_cmd(), nginx(),
        '-p', $self->{dir}, '-c', $self->path('nginx.conf'), '-e', 'stderr',
        @args ];
}


# Its messages go to logs/valgrind.*, where check_logs() looks for errors.
sub valgrind_cmd {
    my ($self) = @_;

    return if !valgrind();
    return (which('valgrind'), '-q', '--trace-children=yes', '--vgdb=no',
        '--keep-debuginfo=yes',
        '--leak-check=full', '--show-leak-kinds=definite',
        '--errors-for-leak-kinds=definite', '--num-callers=30',
        "--suppressions=$top/t/lib/valgrind.supp",
        '--log-file=' . $self->path('logs/valgrind.%p'));
}


# "nginx -t": (1 when accepted, what it said).
sub test_conf {
    my ($self) = @_;
    my $out = run_out($self->nginx_cmd('-t'),
        env => $self->{nginx_env} || nginx_env());

    return ($? == 0, $out);
}


# Foreground, so that the pid is ours.  sec: how long to wait for the ports.
sub start {
    my ($self, %o) = @_;

    $self->spawn('nginx', $self->nginx_cmd('-g', 'daemon off;'),
        env => $self->{nginx_env} || nginx_env());
    return 1 if $o{nowait};

    my @ports = grep { defined } map { $self->{ports}{$_} }
        grep { $_ ne 'backend' && !/^OFF/ } keys %{ $self->{ports} };
    my $up = until_true($o{sec} || 40, sub {
        return -1 if !$self->alive('nginx');
        return if !-s $self->path('nginx.pid');
        return !grep { !IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $_, Timeout => 1) } @ports;
    }) || 0;

    if ($up != 1) {
        delete $self->{procs}{nginx} if $up == -1;
        die "nginx does not start:\n" . $self->error_log()
            . read_file($self->path('logs/nginx.out')) if !$o{may_fail};
        return 0;
    }

    # The master listens before there is a worker, and a worker has its title
    # only when it begins to work.
    until_true($o{sec} || 40, sub { $self->workers() })
        or die "nginx has no worker:\n" . $self->error_log();

    return 1;
}


sub master { return $_[0]->{procs}{nginx} }


# Pids of the workers that take connections.
sub workers {
    my ($self) = @_;

    # Below valgrind the title of a process does not show.
    return $self->children() if valgrind();
    return grep { cmdline($_) =~ /worker process$/ } $self->children();
}


sub children {
    my ($self) = @_;
    my $pid = $self->master() or return;

    return split ' ', read_file("/proc/$pid/task/$pid/children");
}


sub cmdline {
    my $text = read_file("/proc/$_[0]/cmdline");

    $text =~ s/\0+$//;
    $text =~ tr/\0/ /;
    return $text;
}


# HUP; waits until only new workers are left, unless told nowait.
sub reload {
    my ($self, %o) = @_;
    my %old = map { $_ => 1 } $self->workers();

    kill 'HUP', $self->master();
    return 1 if $o{nowait};

    return until_true($o{sec} || 30, sub {
        my @now = $self->workers();
        return @now && !grep { $old{$_} } @now;
    });
}


# Graceful by default; the wait status.
sub stop {
    my ($self, $signal) = @_;

    my @workers = $self->children();
    my $status = $self->stop_proc('nginx', $signal || 'QUIT', 30);

    # A master that had to be killed leaves them behind.
    kill 'KILL', @workers if !defined $status;
    return $status;
}


# ---- logs

sub error_log  { return read_file($_[0]->path('logs/error.log')) }
sub access_log { return read_file($_[0]->path('logs/access.log')) }
sub mark_log   { $_[0]->{mark} = -s $_[0]->path('logs/error.log') || 0 }


# The first match behind mark_log(), or the empty string after $sec seconds.
sub wait_log {
    my ($self, $re, $sec) = @_;

    return until_true($sec || 20, sub {
        my $log = substr($self->error_log(), $self->{mark} || 0);
        return $log =~ /($re)/ ? $1 : undef;
    }) // '';
}


# Expected in this test although forbidden elsewhere.
sub allow { push @{ $_[0]->{allow} }, $_[1] }


# One test: nothing forbidden in anything that nginx wrote.  Runs by itself
# at the end of the test file too.
sub check_logs {
    my ($self) = @_;
    my @bad;

    $self->{checked} = 1;

    for my $file ($self->written_files()) {
        push @bad, $self->bad_lines($file);
    }

    Test::More::ok(!@bad, 'nothing forbidden in logs and files');
    Test::More::diag("$_\n") for @bad[0 .. ($#bad < 19 ? $#bad : 19)];
    return !@bad;
}


# All but what the test itself wrote (keys are named *.key), and the backend's
# raw record.
sub written_files {
    my ($self) = @_;
    my @files;

    my $tsm = $self->path('tsm');

    File::Find::find({ no_chdir => 1, preprocess => sub {
        return $File::Find::dir eq $tsm ? () : @_;
    }, wanted => sub {
        return if !-f $_ || m{/tpm/|/client/|/nginx\.conf$}
            || /\/backend\.raw$|\.key$/;
        push @files, $_;
    } }, $self->{dir});

    return sort @files;
}


sub bad_lines {
    my ($self, $file) = @_;
    my @bad;

    open my $fh, '<:raw', $file or return "$file: $!";

    while (my $line = <$fh>) {
        my ($re) = grep { $line =~ $_ } @FORBIDDEN or next;
        next if grep { $line =~ $_ } @{ $self->{allow} };
        chomp $line;
        push @bad, basename($file) . ":$.: " . substr($line, 0, 300);
    }

    return @bad;
}


# ---- clients

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


# ---- small things

# Output of a command, both streams; $? is its status.  Options: stdin and
# stdout (files), env, sec.
sub run_out {
    my ($cmd, %o) = @_;
    my $file = File::Temp->new();
    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', $o{stdin} || '/dev/null';
        open STDERR, '>', $file->filename;
        open STDOUT, '>&', \*STDERR;
        open STDOUT, '>', $o{stdout} if $o{stdout};
        %ENV = (%ENV, %{ $o{env} || {} });
        { exec { $cmd->[0] } @$cmd }
        POSIX::_exit(127);
    }

    my $end = time() + ($o{sec} || 120);
    until (waitpid($pid, WNOHANG)) {
        kill 'KILL', $pid if time() > $end;
        sleep 0.01;
    }

    my $status = $?;
    my $out = read_file($file->filename);
    $? = $status;
    return $out;
}


# '' when there is none.
sub read_file {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    local $/;
    return scalar(<$fh>) // '';
}


sub write_file {
    my ($path, $text) = @_;

    open my $fh, '>:raw', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}


# ---- doubles of hardware

# NVIDIA's library as ../doubles/fake_nvml.c plays it, in a folder of this
# test; programs that are started with the environment nvml_env() find it.
# The text says what it does, see there; call again to change it.
sub fake_nvml {
    my ($self, $text) = @_;
    my $dir = $self->path('nvml');

    make_path($dir);
    # not again: a worker may have it mapped
    for my $name (-e "$dir/old.so" ? () : qw(nvml nvml-old)) {
        File::Copy::copy(build() . "/doubles/$name/libnvidia-ml.so.1",
            "$dir/" . ($name eq 'nvml' ? 'libnvidia-ml.so.1' : 'old.so'))
            or die "no double of NVIDIA's library: $!\n";
    }

    write_file("$dir/control.new", ($text // 'gpus 1') . "\n");
    rename "$dir/control.new", "$dir/control" or die $!;
    return $dir;
}


sub nvml_env { return { LD_LIBRARY_PATH => $_[0]->path('nvml') } }


# Azure's metadata service; the folder holds its answers.  The address.
sub start_fake_imds {
    my ($self, $dir) = @_;
    my $port = $self->port('OFF_imds');

    $self->spawn('imds', [ which('python3'), "$top/t/doubles/fake_imds.py",
        '--port', $port, '--dir', $dir ]);
    wait_port($port) or die "the fake metadata service does not start\n";
    return "127.0.0.1:$port";
}


# A tool of tpm2-tools on this test's TPM.
sub tpm_tool {
    my ($self, $tool, @args) = @_;
    my $out = run_out([ which($tool), '-T', $self->tcti(), @args ]);

    die "$tool @args: $out\n" if $?;
    return $out;
}


# A new NV index that anybody reads, with the bytes of a file.
sub tpm_nv {
    my ($self, $index, $file) = @_;

    eval { $self->tpm_tool('tpm2_nvundefine', '-C', 'o', $index) };
    $self->tpm_tool('tpm2_nvdefine', '-Q', '-C', 'o', '-s', -s $file, '-a',
        'ownerread|authread|ownerwrite', $index);
    $self->tpm_tool('tpm2_nvwrite', '-Q', '-C', 'o', '-i', $file, $index);
}


# The key of Azure's paravisor: RSA, at 0x81000003; its public half as PEM.
sub azure_ak {
    my ($self, $pem) = @_;
    my @dir = map { $self->path("azure-$_") } qw(ek ak pub);

    $self->tpm_tool('tpm2_createek', '-Q', '-c', $dir[0], '-G', 'rsa', '-u',
        $dir[2]);
    $self->tpm_tool('tpm2_flushcontext', '-t');
    $self->tpm_tool('tpm2_createak', '-Q', '-C', $dir[0], '-c', $dir[1],
        qw(-G rsa -g sha256 -s rsassa -f pem -u), $pem);
    $self->tpm_tool('tpm2_flushcontext', '-t');
    $self->tpm_tool('tpm2_evictcontrol', '-Q', '-C', 'o', '-c', $dir[1],
        '0x81000003');
    $self->tpm_tool('tpm2_flushcontext', '-t');
}


# Google's template and its certificate for the key that it makes, in NV, by a
# CA that plays Google's; the file of its root.
sub google_tpm {
    my ($self) = @_;
    my ($ctx, $ak, $pub, $ca, $key, $req, $ext, $pem, $der) = map {
        $self->path("google-$_") } qw(ctx ak.pem ak.tpmt ca.pem ca.key req
        ext cert.pem cert.der);
    my @openssl = (which('openssl'));
    my @ec = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes);

    $self->tpm_tool('tpm2_createprimary', '-Q', '-C', 'e', '-G',
        'ecc256:ecdsa-sha256:null', '-c', $ctx, '-a',
        'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted'
        . '|sign');
    $self->tpm_tool('tpm2_readpublic', '-Q', '-c', $ctx, '-f', 'pem', '-o',
        $ak);
    $self->tpm_tool('tpm2_readpublic', '-Q', '-c', $ctx, '-f', 'tpmt', '-o',
        $pub);
    $self->tpm_tool('tpm2_flushcontext', '-t');

    # a template names no key: x and y are empty
    my $bytes = read_file($pub);
    $bytes =~ s/\x00\x20.{32}\x00\x20.{32}\z/\0\0\0\0/s or die 'TPMT_PUBLIC';
    write_file($pub, $bytes);

    write_file($ext, "basicConstraints=CA:false\n"
        . "keyUsage=critical,digitalSignature\n"
        . '1.3.6.1.4.1.11129.2.1.21=DER:30180c016102010b0c01620201630c0164'
        . "a0073005a1030101ff\n");

    for my $cmd ([ qw(req -x509), @ec, '-subj', '/CN=Test EK\/AK CA',
            '-days', '2', '-keyout', $key, '-out', $ca ],
        [ 'req', '-new', @ec, '-subj', '/CN=instance', '-keyout',
            $self->path('google-req.key'), '-out', $req ],
        [ qw(x509 -req -days 2), '-in', $req, '-CA', $ca, '-CAkey', $key,
            '-force_pubkey', $ak, '-extfile', $ext, '-out', $pem ],
        [ 'x509', '-in', $pem, '-outform', 'DER', '-out', $der ])
    {
        my $out = run_out([ @openssl, @$cmd ]);
        die $out if $?;
    }

    $self->tpm_nv('0x01c10002', $der);
    $self->tpm_nv('0x01c10003', $pub);
    return $ca;
}


# Runs a scenario of a C test, whose tests become ours; $step is called for
# what it asks to be done.
sub run_scenario {
    my ($bin, $name, $args, $step) = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    require IPC::Open2;
    my $pid = IPC::Open2::open2(my $out, my $in, $bin, $name, @$args);

    while (my $line = <$out>) {
        chomp $line;
        if ($line =~ /^(not )?ok \d+ - (.*)/) {
            Test::More::ok(!$1, "$name: $2");
            $n++;
            $failed = 1 if $1;
        } elsif ($line =~ /^STEP (\S+)/) {
            $step->($1);
            print $in "done\n";
            $in->flush();
        } elsif ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;
        } elsif ($line =~ /^# ?(.*)/) {
            Test::More::note($1);
        } else {
            Test::More::diag($line);
        }
    }

    waitpid $pid, 0;
    my $status = $?;
    Test::More::ok($plan && $plan == $n && $status == ($failed << 8),
        "$name: ran to its end")
        or Test::More::diag("status $status, $n of $plan");
}


# ---- the end

# Logs stay where scripts/test looks through them once more.
sub keep_logs {
    my ($self) = @_;
    my $to = $ENV{ATTEST_LOG_DIR} or return;

    $to .= '/' . (asan() ? 'asan-' : '') . basename($0) . "-$$";
    make_path($to);
    File::Copy::copy($_, "$to/" . basename($_)) for $self->written_files();
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


# A scenario of a test binary: its tests become ours.  Options: env.
sub scenario {
    my ($cmd, %o) = @_;
    my ($plan, $n, $failed) = (0, 0, 0);

    my $file = File::Temp->new();
    run_out($cmd, stdout => $file->filename, %o);
    my $status = $?;

    for (split /\n/, read_file($file->filename)) {
        if (/^(not )?ok \d+ - (.*)/) {
            Test::More::ok(!$1, $2);
            $n++;
            $failed = 1 if $1;
        } elsif (/^1\.\.(\d+)/) {
            $plan = $1;
        } elsif (/^# ?(.*)/) {
            $failed ? Test::More::diag($1) : Test::More::note($1);
        } else {
            Test::More::diag($_);
        }
    }

    Test::More::ok($plan && $plan == $n && $status == ($failed << 8),
        'ran to its end')
        or Test::More::diag("status $status, $n of $plan");
}


1;
