# SPDX-License-Identifier: Apache-2.0

package ProxyTest;

# What the tests of "ngx-attest proxy" share: a gateway ($t) with a policy that
# trusts it, and how the command is run before it, as an ordinary user.
#
#   ProxyTest::start();
#   my ($name, $url) = proxy('--seal', 'ehbp');
#   my ($status, $body) = chat($url, 'Hello');
#   stopped($name);

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use AttestTest;

our @EXPORT = qw($t $tmp $policy proxy as_nobody said stopped nothing_left
    curl chat nginx_of refused);

our ($t, $tmp, $policy);
my $proxies = 0;


sub start {
    $t = AttestTest->new();
    $tmp = $t->path('client/tmp');

    $t->swtpm();
    $t->backend();
    $t->gateway(location => 'attest_prompt_mode optional; '
        . 'proxy_read_timeout 5m;', server => <<'END');
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost:%%PORT_TLS%%;
        }
END
    $t->start();

    make_path($tmp);
    chmod 01777, $tmp;
    $policy = $t->policy();
}


# Its name among our processes, and the URL that it serves.  What is in %with
# comes first: as, who runs it; env, more of that.
sub proxy {
    my %with = ref $_[0] ? %{ shift() } : ();
    my (@args) = @_;
    my $name = 'proxy' . ++$proxies;
    my $port = AttestTest::free_port();

    $t->spawn($name, [ @{ $with{as} || [ as_nobody() ] }, AttestTest::cli(),
        'proxy', $t->url(), '--policy', $policy, '--listen',
        "127.0.0.1:$port", AttestTest::nginx_preloaded("$tmp.nginx"), @args ],
        env => { TMPDIR => $tmp, SECRET_OF_THE_USER => 'CANARY-7f3a',
            %{ $with{env} || {} } });

    AttestTest::until_true(60, sub { said($name) =~ /until Ctrl-C/
        || !$t->alive($name) });
    return ($name, "http://127.0.0.1:$port", $port);
}


# What nobody can do as root: it is for ordinary users.
sub as_nobody {
    return if $> != 0;
    return (AttestTest::which('setpriv'), '--reuid=nobody', '--regid=nogroup',
        '--clear-groups', '--');
}


sub said { return AttestTest::read_file($t->path("logs/$_[0].out")) }


sub stopped {
    my ($name, $signal) = @_;
    my $status = $t->stop_proc($name, $signal || 'INT', 20);

    is($status, 0, "$name: ends by itself, and well");
    like(said($name), qr/^Stopped\.$/m, "$name: says so");
    nothing_left($name);
}


sub nothing_left {
    my ($name) = @_;
    my (@files, @procs);

    AttestTest::until_true(10, sub {
        @files = glob "$tmp/*";
        @procs = @files ? () : grep { AttestTest::cmdline($_)
            =~ /\Q$tmp\E|ngx-attest proxy .*\Q$policy\E/ }
            map { m{^/proc/(\d+)} } glob '/proc/[0-9]*';
        sleep 0.2 if @files || @procs;
        return !@files && !@procs;
    });

    is("@files", '', "$name: no file left");
    is("@procs", '', "$name: no process left");
}


sub curl {
    my (@args) = @_;
    my $out = AttestTest::run_out([ AttestTest::which('curl'), '-q', '-sS',
        '--noproxy', '*', '--max-time', 60, '-w', '\n%{http_code}', @args ]);

    return $out =~ /\A(.*)\n(\d+)\z/s ? ($2, $1) : (0, $out);
}


sub chat {
    my ($url, $prompt, %more) = @_;
    my $fields = delete $more{fields} // [];

    return curl('-N', '-H', 'Content-Type: application/json', '-d',
        JSON::PP::encode_json({ model => 'm', %more, messages => [
            { role => 'user', content => $prompt } ] }),
        "$url/v1/chat/completions", map { ('-H', $_) } @$fields);
}


sub nginx_of {
    my ($name) = @_;
    my $pid = $t->{procs}{$name};
    my @all = split ' ', AttestTest::read_file(
        "/proc/$pid/task/$pid/children");

    # its keeper is told of nginx, too
    return grep { AttestTest::cmdline($_) =~ /nginx/
        && AttestTest::cmdline($_) !~ /ngx-attest proxy / } @all;
}


# Its exit status and what it says; a URL may come first.
sub refused {
    my %with = ref $_[0] ? %{ shift() } : ();
    my (@args) = @_;
    my $url = @args && $args[0] =~ m{^https?://} ? shift @args : $t->url();
    my $out = AttestTest::run_out([ @{ $with{as} || [ as_nobody() ] },
        AttestTest::cli(), 'proxy', $url, '--policy', $policy,
        AttestTest::nginx_preloaded("$tmp.nginx"), @args ],
        env => { TMPDIR => $tmp, %{ $with{env} || {} } }, sec => 60);

    return ($? >> 8, $out);
}


1;
