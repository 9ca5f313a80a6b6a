# SPDX-License-Identifier: Apache-2.0

# A real model server, llama.cpp's, behind the gateway, with a model that
# model_server.py writes: OpenAI's and Anthropic's stock clients and curl get
# through "ngx-attest proxy" what the server says, in both sealed formats; so
# do the programs of README and docs/client.md, and "ngx-attest chat".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Docs;
use Interop;
use JSON::PP qw(encode_json);
use Test::More;

my $why = AttestTest::missing(qw(nginx swtpm node npm curl))
    || Interop::no_venv();
my $server = eval { $why ? '' : Interop::venv('model') };

die $@ if $@ && $ENV{CI};
$why ||= "no packages for Python: $@" if $@;
plan skip_all => $why if $why;

my $t = AttestTest->new();
my $dir = $t->path('client');
my ($model, $embeddings) = map { '127.0.0.1:' . $t->port($_) } qw(MODEL EMBED);
my %proxy = map { ($_ => AttestTest::free_port()) } qw(ehbp ohttp);

$t->backend();
AttestTest::make_path($dir);
start_model();
$t->swtpm();
gateway();
$t->start();
start_proxy($_) for sort keys %proxy;

for my $seal (sort keys %proxy) {
    my @urls = map { "http://$_" } $model, $embeddings,
        "127.0.0.1:$proxy{$seal}";
    my $before = opened();

    checks($seal, 18, Interop::venv(), "$FindBin::Bin/model.py", @urls);
    checks($seal, 9, AttestTest::which('node'), Interop::npm()
        . '/model.mjs', @urls);
    cmp_ok(opened() - $before, '>', 120, "$seal: all of it was sealed");
}

documents();
chat();

$t->stop_proc("proxy-$_", 'INT', 20) for sort keys %proxy;
AttestTest::done();


sub start_model {
    $t->spawn('model', [ $server, "$FindBin::Bin/model_server.py",
        "$dir/model.gguf", $t->port('MODEL'), $t->port('EMBED') ]);
    AttestTest::until_true(60, sub {
        return -1 if !$t->alive('model');
        return AttestTest::read_file($t->path('logs/model.out'))
            =~ /^serving/m;
    }) == 1 or die "no model\n" . AttestTest::read_file(
        $t->path('logs/model.out'));
}


sub gateway {
    my $to = sub { "attest_prompt ehbp; proxy_pass http://$_[0]; "
        . 'proxy_http_version 1.1; proxy_buffering off;' };

    $t->gateway(backend => $model, server => <<"END");
        client_max_body_size 32m;
        attest_prompt_max_size 16m;
        location = /v1/models {
            attest_prompt_mode optional;
            ${\ $to->($model) }
        }
        location = /v1/embeddings { ${\ $to->($embeddings) } }
        location = /v1/files { ${\ $to->('%%BACKEND%%/request') } }
        location = /.well-known/ohttp-gateway {
            attest_prompt ohttp;
            attest_ohttp_allow localhost:%%PORT_TLS%%;
        }
END
}


sub start_proxy {
    my ($seal) = @_;
    my $log = $t->path("logs/proxy-$seal.out");

    $t->spawn("proxy-$seal", [ AttestTest::cli(), 'proxy', $t->url(),
        '--policy', $t->policy(), '--listen', "127.0.0.1:$proxy{$seal}",
        '--seal', $seal, AttestTest::nginx_preloaded("$dir.nginx") ],
        env => { TMPDIR => $dir });
    AttestTest::until_true(60, sub {
        return AttestTest::read_file($log) =~ /until Ctrl-C/;
    }) or die "no proxy\n" . AttestTest::read_file($log);
}


sub opened {
    return AttestTest::json($t->get('/attest-status'))->{counters}
        {prompts_opened};
}


sub checks {
    my ($what, $n, @cmd) = @_;
    my ($status, $out, @checks) = Interop::checks(\@cmd,
        no_proxy => '127.0.0.1', Interop::node_env());

    is($status, 0, "$what: ends well") or diag($out);
    ok($_->{ok}, "$what: $_->{name}") or diag("got: $_->{got}") for @checks;
    is(scalar @checks, $n, "$what: all of it");
}


# The programs of the page: with the addresses of the proxies, and with the
# server's own, they say the same.
sub documents {
    my %run = map { ($_->{heading} => $_->{text}) } grep {
        $_->{text} =~ /127\.0\.0\.1:8080/ } Docs::snippets('docs/client.md');
    my %with = (
        README     => [ Interop::venv(), 'readme.py' ],
        Python     => [ Interop::venv(), 'program.py' ],
        JavaScript => [ AttestTest::which('node'), 'program.mjs' ],
        curl       => [ 'sh', 'program.sh' ],
        'Any OpenAI client' => [ 'sh', 'program-any.sh' ],
        "Anthropic's protocol" => [ 'sh', 'program-other.sh' ],
    );

    $run{README} = Docs::snippet('README.md', 'python');
    symlink Interop::npm() . '/node_modules', "$dir/node_modules";
    any_program();
    for my $heading (sort keys %with) {
        my ($want, @got) = map { program($run{$heading},
            @{ $with{$heading} }, $_) } $model,
            map { "127.0.0.1:$_" } @proxy{qw(ehbp ohttp)};

        like($want, qr/(?:\w+\W+){20}/, "$heading: the model has spoken");
        is($_, $want, "$heading: the same, sealed") for @got;
    }
}


# A program of anybody's, which finds its address in the environment.
sub any_program {
    AttestTest::write_file("$dir/program", '#!' . Interop::venv() . "\n"
        . <<'END');
import anthropic, openai, os
if "ANTHROPIC_BASE_URL" in os.environ:
    print(anthropic.Anthropic().messages.create(
        model="any", max_tokens=24, messages=[
            {"role": "user", "content": "Hello"}]).content[0].text)
else:
    print(openai.OpenAI().completions.create(
        model="any", prompt="Hello").choices[0].text)
END
    chmod 0755, "$dir/program" or die "$dir/program: $!\n";
}


# What it said, less of what differs each time.
sub program {
    my ($text, $with, $name, $address) = @_;

    $text =~ s{127\.0\.0\.1:8080}{$address}g or die "$name: no address\n";
    AttestTest::write_file("$dir/$name", $text);
    my $out = AttestTest::run_out([ $with, "$dir/$name" ], env => {
        no_proxy => '127.0.0.1', PATH => "$dir:$ENV{PATH}",
        Interop::node_env() }, sec => 120);

    is($?, 0, "$name at $address: ends well") or diag($out);
    return join "\n", $out =~ /"content":"([^"]*)"/g
        if $out =~ /^data: \[DONE\]/m;
    return $out;
}


# No proxy here: the command seals for the gateway itself.
sub chat {
    my $policy = $t->policy();
    my $body = encode_json({ messages => [ { role => 'user',
        content => 'Hello' } ] });
    my $want = AttestTest::json($t->get('/v1/chat/completions', plain => 1,
        port => $t->port('MODEL'), body => $body));

    # what is said beside it goes to another stream, at any time
    my $file = $t->path('client/said');
    my $why = AttestTest::run_out([ AttestTest::cli(), 'chat', $t->url(),
        '--policy', $policy, 'Hello' ], stdout => $file);

    is($? >> 8, 0, 'chat: ends well') or diag($why);
    like(AttestTest::read_file($file),
        qr/\Q$want->{choices}[0]{message}{content}\E/,
        'chat: what the server says');
}
