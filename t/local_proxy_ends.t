# SPDX-License-Identifier: Apache-2.0

# "ngx-attest proxy" where something is missing, in the way or other than it
# thought: what it says then, how it ends, and that nothing of it is left.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use AttestTest;
use File::Path qw(make_path);
use IO::Socket::UNIX;
use POSIX ();
use ProxyTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $missing = AttestTest::missing(qw(nginx swtpm swtpm_setup curl openssl
    python3 setpriv sh));
plan(skip_all => $missing) if $missing;

my $RENAMEAT2 = { x86_64 => 316, aarch64 => 276, riscv64 => 276 }
    ->{(POSIX::uname())[4]};

ProxyTest::start();

my $root = $> == 0;
my $nobody = (getpwnam 'nobody')[2];
my @arguments = ('proxy', $t->url(), '--policy', $policy);

test_folders();
test_folders_refused();
test_links() if $root;
test_race() if $root && $RENAMEAT2;
test_keepers();
test_signals();
test_nohup();
test_streams();
test_twice();
test_gateways();
test_files();
test_listens();
test_programs();
test_printed();

AttestTest::done();


sub healthy {
    my ($url, $what) = @_;
    my ($status) = curl("$url/healthz");

    return is($status, 200, "$what: healthy");
}


sub folder_of {
    my ($name, $mode, $owner) = @_;
    my $dir = $t->path($name);

    make_path($dir);
    chmod $mode, $dir;
    chown $owner // $nobody, -1, $dir if $root;
    return $dir;
}


# ---- its folder

sub test_folders {
    my $odd = folder_of(q(client/a "b' {c}; $d), 0700);
    my $long = folder_of('client/' . join('/', ('long' x 30) x 8), 0700);
    my ($there, $other) = map { folder_of("client/$_", 0700) } qw(there other);
    my $link = $t->path('client/link');

    AttestTest::write_file("$other/mine", 'stays');
    symlink $there, $link or die $!;

    for ([ $odd, 'a strange name' ], [ $long, 'a long name' ],
        [ $link, 'a link' ])
    {
        my ($dir, $what) = @$_;
        my ($name, $url) = proxy({ env => { TMPDIR => $dir } });

        healthy($url, $what) or diag(said($name));
        is(scalar(my @made = glob_of($dir)), 1, "$what: the folder is there");

        if ($dir eq $link) {
            unlink $link;
            symlink $other, $link or die $!;
        }

        stopped($name);
        is(join(' ', glob_of($dir eq $link ? $there : $dir)), '',
            "$what: and gone");
    }

    is(join(' ', glob_of($other)), 'mine', 'where the link leads: untouched');
}


sub glob_of {
    my ($dir) = @_;

    opendir my $dh, $dir or return "$dir: $!";
    return grep { !/^\.\.?$/ } readdir $dh;
}


sub test_folders_refused {
    my @bad = (
        [ $t->path('client/nowhere'), qr/No such file/, 'none' ],
        [ folder_of('client/closed', 0500), qr/Permission denied/,
            'one that cannot be written to' ],
        [ folder_of('client/open', 0777), qr/others can rename/,
            'one that all can change' ],
        [ folder_of('client/group', 0770) , qr/others can rename/,
            'one that a group can change' ],
        [ 'relative', qr/No such file/, 'a relative one' ],
    );

    push @bad, [ folder_of('client/theirs', 0755, (getpwnam 'daemon')[2]),
        qr/others can rename/, 'somebody else\'s' ] if $root;

    for (@bad) {
        my ($dir, $why, $what) = @$_;

        # the group is not the user's
        chown $nobody, 1, $dir if $root && $dir =~ /group$/;
        next if !$root && $dir =~ /group$/;

        my ($exit, $out) = refused({ env => { TMPDIR => $dir } });

        is($exit, 2, "$what: refused");
        like($out, qr/cannot make a folder in .*$why/, "$what: why");
        nothing_left($what);
    }
}


# Root's workers are another user, who leaves what he likes.
sub test_links {
    my $victim = folder_of('client/victim', 0755, 0);
    my ($name, $url) = proxy({ as => [] });
    my ($folder) = map { "$tmp/$_" } glob_of($tmp);
    my $temp = "$folder/temp/client_body";
    my $foreign = "$temp/foreign";

    AttestTest::write_file("$victim/file", 'stays');
    healthy($url, 'as root') or diag(said($name));
    is((stat $temp)[4], $nobody, 'as root: nginx works as nobody');
    is((stat $folder)[2] & 07777, 0711, 'as root: who looks at no more');

    make_path("$temp/mine/deeper");
    AttestTest::write_file("$temp/mine/deeper/file", 'goes');
    chown $nobody, -1, "$temp/mine", "$temp/mine/deeper";
    symlink $victim, "$temp/to-folder";
    symlink "$victim/file", "$temp/mine/deeper/to-file";
    symlink '/', "$temp/mine/to-root";

    stopped($name);
    is(join(' ', glob_of($victim)), 'file', 'links: what they lead to stays');

    # a folder of a third user, which a worker has found and moved here
    ($name, $url) = proxy({ as => [] });
    ($folder) = map { "$tmp/$_" } glob_of($tmp);
    $foreign =~ s{.*/ngx-attest-proxy[^/]*}{$folder};
    make_path($foreign);
    AttestTest::write_file("$foreign/file", 'stays');
    chown +(getpwnam 'daemon')[2], -1, $foreign, "$foreign/file";

    is($t->stop_proc($name, 'INT', 20), 2 << 8, 'foreign: ends with an error');
    like(said($name), qr/\Q$folder\E could not be removed whole/,
        'foreign: which says so');
    is(AttestTest::read_file("$foreign/file"), 'stays', 'foreign: stays');
    is(join(' ', glob_of($folder)), 'temp', 'foreign: nothing else does');
    AttestTest::run_out([ 'rm', '-r', $folder ]);
}


# Folders that become links while they are looked at.
sub test_race {
    my $victim = folder_of('client/race', 0755, 0);

    for my $round (1 .. 3) {
        my ($name) = proxy({ as => [] });
        my ($folder) = map { "$tmp/$_" } glob_of($tmp);
        my $temp = "$folder/temp/client_body";

        AttestTest::write_file("$victim/$_", 'stays') for 1 .. 20;
        make_path(map { "$temp/d$_" } 1 .. 200);
        chown $nobody, -1, map { "$temp/d$_" } 1 .. 200;
        symlink $victim, "$temp/l$_" for 1 .. 200;

        my $pid = fork() // die "fork: $!";
        exchange($temp) if $pid == 0;

        $t->stop_proc($name, 'INT', 20);
        waitpid $pid, 0;
        is(scalar glob_of($victim), 20, "race $round: all of it stays");
        AttestTest::run_out([ 'rm', '-rf', $folder ]);
    }
}


sub exchange {
    my ($temp) = @_;
    my $end = time() + 20;

    while (-d $temp && time() < $end) {
        for my $n (1 .. 200) {
            my ($d, $l) = ("$temp/d$n", "$temp/l$n");

            syscall($RENAMEAT2, -100, $d, -100, $l, 2);
        }
    }

    POSIX::_exit(0);
}


# Each of both processes is enough to clean up.
sub test_keepers {
    my ($name, $url) = proxy();
    my ($keeper) = grep { AttestTest::cmdline($_) =~ /ngx-attest proxy / }
        children($t->{procs}{$name});

    ok($keeper, 'keeper: there is one');
    kill 'KILL', $keeper;
    healthy($url, 'keeper is killed');
    stopped($name);

    # all at once: nginx ends, and nobody is left to remove the folder
    ($name, $url) = proxy();
    ($keeper) = grep { AttestTest::cmdline($_) =~ /ngx-attest proxy / }
        children($t->{procs}{$name});
    my @nginx = nginx_of($name);

    kill 'KILL', $keeper, $t->{procs}{$name};
    $t->stop_proc($name, 'KILL');
    ok(AttestTest::until_true(20, sub { !grep { -e "/proc/$_" } @nginx }),
        'both are killed: nginx ends');
    AttestTest::run_out([ 'rm', '-r', map { "$tmp/$_" } glob_of($tmp) ]);
}


sub children {
    my ($pid) = @_;

    return split ' ', AttestTest::read_file(
        "/proc/$pid/task/$pid/children");
}


# ---- its end

sub test_signals {
    for my $signal (qw(TERM HUP QUIT)) {
        my ($name) = proxy();

        stopped($name, $signal);
    }

    # impatient
    my ($name) = proxy();
    my $pid = $t->{procs}{$name};

    for (1 .. 5) {
        kill 'INT', $pid;
        sleep 0.01;
    }

    stopped($name);

    # while nginx waits for a gateway that says nothing
    my ($slow, $url) = proxy();
    kill 'STOP', $t->workers();
    my $client = fork() // die "fork: $!";

    if ($client == 0) {
        chat($url, 'waits');
        POSIX::_exit(0);
    }

    sleep 1;
    my $began = time();
    stopped($slow);
    cmp_ok(time() - $began, '<', 15, 'a silent gateway holds nobody up');
    kill 'CONT', $t->workers();
    waitpid $client, 0;
}


# Whoever says nohup does not want it to end with the terminal.
sub test_nohup {
    my ($name, $url) = proxy({ as => [ as_nobody(), 'sh', '-c',
        'trap "" HUP; exec "$@"', 'sh' ] });

    kill 'HUP', $t->{procs}{$name};
    sleep 0.5;
    healthy($url, 'nohup') or diag(said($name));
    stopped($name, 'TERM');
}


# Nothing that is printed ends up somewhere else, and a verdict is for readers.
sub test_streams {
    my $run = sub {
        my ($how) = @_;
        my $port = AttestTest::free_port();
        my $out = AttestTest::run_out([ as_nobody(), 'sh', '-c', $how, 'sh',
            AttestTest::cli(), @arguments, '--listen', "127.0.0.1:$port",
            AttestTest::nginx_preloaded("$tmp.nginx") ],
            env => { TMPDIR => $tmp }, sec => 60);

        return ($? >> 8, $out);
    };

    for ([ 'closed', 'exec "$@" >&-' ],
        [ 'full', 'exec "$@" > /dev/full' ],
        [ 'a pipe without reader',
            'exec 3>&1; { "$@" 3>&-; echo $? >&3; } | true' ])
    {
        my ($what, $how) = @$_;
        my ($exit, $out) = $run->($how);

        $exit = $1 if $what =~ /pipe/ && $out =~ s/^(\d+)\n\z//m;
        is($exit, 2, "output is $what: refused") or diag($out);
        like($out, qr/cannot write to standard output/,
            "output is $what: why");
        nothing_left("output is $what");
    }

    my ($name, $url) = proxy({ as => [ as_nobody(), 'sh', '-c',
        'exec "$@" <&- 2>&-', 'sh' ] });
    healthy($url, 'no input and no errors') or diag(said($name));
    stopped($name);
}


sub test_twice {
    my ($one, $url, $port) = proxy();
    my ($two, $url2) = proxy();
    my ($exit, $out) = refused('--listen', "127.0.0.1:$port");

    is($exit, 2, 'the same port: refused');
    like($out, qr/Address already in use; choose another/,
        'the same port: why');
    healthy($url2, 'two of them');
    is($t->stop_proc($two, 'INT', 20), 0, 'two of them: one ends');
    is(scalar glob_of($tmp), 1, 'two of them: with its folder only');
    healthy($url, 'two of them: the other goes on');
    stopped($one);
}


# ---- what it is given

sub test_gateways {
    my $dead = AttestTest::free_port();

    for ([ "https://localhost:$dead", qr/onnect/, 'a gateway that is down' ],
        [ 'https://gateway.invalid', qr/resolve/, 'a name that is unknown' ],
        [ $t->url('/v1'), qr/ends behind its host/, 'the URL of the API' ],
        [ $t->url('/v1/chat/completions'), qr/ends behind its host/,
            'that of a chat' ],
        [ $t->url('/elsewhere'), qr/elsewhere|evidence/, 'a path with no '
            . 'evidence' ],
        [ 'http://localhost:1', qr/must begin with https/, 'http' ])
    {
        my ($url, $why, $what) = @$_;
        my ($exit, $out) = refused($url);

        is($exit, 2, "$what: refused");
        like($out, $why, "$what: why");
        unlike($out, qr/Serving|TRUSTED/, "$what: nothing is served");
        nothing_left($what);
    }

    my ($exit, $out) = refused("https://localhost:$dead");
    like($out, qr/nothing is served: the gateway could not be asked/,
        'a gateway that is down: what of it');
}


sub secret_of {
    my ($name, $text, $mode, $owner) = @_;
    my $file = $t->path("client/$name");

    AttestTest::write_file($file, $text);
    chmod $mode // 0600, $file;
    chown $owner // $nobody, -1, $file if $root;
    return $file;
}


sub test_files {
    my @bad = (
        [ qr/No such file/, 'no policy', '--policy', '/nowhere' ],
        [ qr/cannot be read/, 'a folder as the policy',
            '--policy', '/' ],
        [ qr/chmod 600/, 'a key that others can read', '--api-key-file',
            secret_of('key', 'sk-1', 0640) ],
        [ qr/a key is letters/, 'a key of two lines', '--api-key-file',
            secret_of('key2', "sk-1\nsk-2\n") ],
        [ qr/is empty/, 'an empty key', '--api-key-file',
            secret_of('key3', "\n\n") ],
        [ qr/chmod 600/, 'a folder as the key', '--api-key-file', '/tmp' ],
    );

    push @bad, [ qr/Permission denied/, 'a policy of somebody else',
        '--policy', secret_of('policy', '{}', 0600, 0) ],
        [ qr/belongs to another user/, 'a key of somebody else',
        '--api-key-file', secret_of('key4', 'sk', 0600, 1) ] if $root;

    for (@bad) {
        my ($why, $what, @args) = @$_;
        my ($exit, $out) = refused(@args);

        is($exit, 2, "$what: refused");
        like($out, $why, "$what: why");
        nothing_left($what);
    }

    # as an editor of Windows ends lines; without a home to be written to
    my ($name, $url) = proxy({ env => { HOME => '/nowhere', PATH => '' } },
        '--api-key-file', secret_of('key5', "sk-windows\r\n"));
    is((chat($url, 'a key'))[0], 200, 'a key with an end of line: chat')
        or diag(said($name));
    like($t->backend_raw(), qr/^Authorization: Bearer sk-windows\r$/mi,
        'a key with an end of line: without it');
    stopped($name);
}


sub test_listens {
    my $port = AttestTest::free_port();
    my ($name) = proxy('--listen', "[::1]:$port");

    SKIP: {
        skip 'no IPv6', 1 if said($name) !~ /Serving/;
        healthy("http://[::1]:$port", 'IPv6') or diag(said($name));
    }

    unlike(said($name), qr/Other machines/, 'IPv6: this machine\'s own');
    $t->alive($name) ? stopped($name) : delete $t->{procs}{$name};

    $port = AttestTest::free_port();
    ($name) = proxy('--listen', "0.0.0.0:$port");
    healthy("http://127.0.0.1:$port", 'everywhere') or diag(said($name));
    like(said($name), qr/Other machines can reach.*not encrypted/,
        'everywhere: warned about');
    stopped($name);

    my ($exit, $out) = refused('--listen', '192.0.2.1:8080');
    is($exit, 2, 'an address of another machine: refused');
    like($out, qr/cannot listen on 192\.0\.2\.1:8080: Cannot assign/,
        'an address of another machine: why');

    my $dir = folder_of('client/stale', 0700);
    IO::Socket::UNIX->new(Local => "$dir/s", Listen => 1) or die $!;
    chown $nobody, -1, "$dir/s" if $root;
    ($exit, $out) = refused('--listen', "unix:$dir/s");
    is($exit, 2, 'a socket that was left: refused');
    like($out, qr/nobody listens there: remove it/,
        'a socket that was left: what to do');
    ok(-S "$dir/s", 'a socket that was left: is left');
}


# nginx, and a module that is none of this nginx'.
sub test_programs {
    my $other = $t->path('client/other.so');
    my $module = AttestTest::read_file(AttestTest::module());

    # nginx' signature: what it was built with
    ok($module =~ s/8,4,8,([01])/'8,4,8,' . (1 - $1)/ge,
        'a module has a signature');
    AttestTest::write_file($other, $module);
    chmod 0644, $other;

    my @bad = (
        [ qr/not binary compatible/, 'another nginx\' module', '--module',
            $other ],
        [ qr/invalid ELF|file too short/, 'no module', '--module', $policy ],
        [ qr/nginx has ended|could not be started/, 'no nginx', '--nginx',
            AttestTest::which('true') ],
        [ qr/Permission denied.*could not be started/s,
            'nginx that is no program', '--nginx', $policy ],
    );

    for (@bad) {
        my ($why, $what, @args) = @$_;
        my ($exit, $out) = refused('--listen',
            '127.0.0.1:' . AttestTest::free_port(), @args);

        is($exit, 2, "$what: refused");
        like($out, $why, "$what: why");
        unlike($out, qr/Serving/, "$what: nothing is served");
        nothing_left($what);
    }
}


# A configuration for a system's nginx.
sub test_printed {
    my $key = secret_of('printed.key', "sk-printed\n", 0600, $>);
    my $salt = secret_of('printed.salt', 'x' x 32 . "\n", 0600, $>);
    my $ca = '/etc/ssl/certs/ca-certificates.crt';
    my @kinds = ([], [ '--seal', 'ehbp', '--api-key-file', $key,
        '--cache-salt', $salt ], [ '--seal', 'off', '--api-key-file', $key ],
        [ '--listen', 'unix:' . folder_of('client/printed', 0700, $>)
        . '/s' ]);

    push @kinds, [ '--relay', 'https://localhost:9/x' ] if -e $ca;

    for my $args (@kinds) {
        my $out = AttestTest::run_out([ AttestTest::cli(), @arguments,
            '--print-config', '--listen', '127.0.0.1:'
            . AttestTest::free_port(), @$args ]);
        my $file = $t->path('client/printed.conf');

        is($?, 0, "printed: @$args");
        unlike($out, qr/sk-printed|xxxx/, 'printed: without secrets');
        AttestTest::write_file($file, $out);

        # where somebody who is not root can be this system's nginx
        my $mine = 'pid ' . $t->path('client/printed.pid') . ';';
        my $said = AttestTest::run_out([ AttestTest::nginx(), '-t', '-c',
            $file, '-e', 'stderr', '-g', $mine ],
            env => AttestTest::nginx_env());

        like($said, qr/test is successful/, 'printed: nginx -t')
            or diag($said, $out);
    }
}
