# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# nginx: configurations with what stands for ports and folders, the one
# gateway() of all tests, start, reload and stop.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use IO::Socket::INET;


sub valgrind { return $ENV{ATTEST_VALGRIND} ? 1 : 0 }


sub asan   { return $ENV{ATTEST_ASAN} ? 1 : 0 }


sub module { return build() . '/ngx_http_attest_module.so' }


# A module of somebody else's, t/doubles/NAME.c, for the nginx that our own was
# built for; undef: there are no headers of it.
sub compile_module {
    my ($name, $out) = @_;
    my $objs = build() . '/nginx';
    my ($src) = grep { -d "$_/src/core" } build() . '/nginx-src',
        $ENV{NGINX_SRC} // '/usr/share/nginx/src';

    return if !$src || !-e "$objs/ngx_auto_config.h";

    my $said = run_out([ $ENV{CC} || 'cc', '-shared', '-fPIC',
        (map { "-I$src/src/$_" } qw(core event event/modules event/quic
            os/unix http http/modules http/v2 http/v3)), "-I$objs", '-o', $out,
        top() . "/t/doubles/$name.c" ]);

    die "the double does not compile:\n$said\n" if $? != 0;
    return $out;
}


# scripts/test-static: the module is in nginx, and loaded by nobody.
sub static { return $ENV{ATTEST_STATIC} ? 1 : 0 }


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

    return (static() ? '' : 'load_module ' . module() . ";\n")
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


# The usual gateway.  Options: http, server and location are more text at these
# levels; source, what evidence is made of (default: the TPM, with tpm_args);
# servers, behind it; names, listen, workers.
sub gateway {
    my ($self, %o) = @_;

    $self->{workers} = $o{workers} if $o{workers};
    $self->write_conf("%%GLOBALS%%\nevents {}\nhttp {\n    %%HTTP%%\n"
        . gateway_text(%o) . "}\n");
}


# What stands in its http block; places may be other than ours.
sub gateway_text {
    my (%o) = @_;
    my ($args, $http, $server, $location, $servers) =
        map { $o{$_} // '' } qw(tpm_args http server location servers);
    my $names = $o{names} || 'localhost';
    my $listen = $o{listen} || '127.0.0.1:%%PORT_TLS%% ssl http2';
    my $backend = $o{backend} || '%%BACKEND%%';
    my $source = $o{source} // 'attest_tpm ' . ($o{tcti} || '%%TCTI%%')
        . " $args;";

    return <<"END";
    $source
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
            proxy_pass http://$backend;
            proxy_http_version 1.1;
            proxy_buffering off;
            $location
        }
    }
    $servers
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


# Options for "ngx-attest proxy", whose nginx keeps nothing of our surroundings:
# a script puts back what sanitizers need.
sub nginx_preloaded {
    my ($path) = @_;
    my $env = nginx_env();

    return if !asan();
    write_file($path, join "\n", '#!/bin/sh',
        (map { "export $_='$env->{$_}'" } sort keys %$env),
        'exec ' . nginx() . ' "$@"', '');
    chmod 0755, $path or die "$path: $!\n";

    return ('--nginx', $path);
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
        '--suppressions=' . top() . "/t/lib/valgrind.supp",
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


1;
