# SPDX-License-Identifier: Apache-2.0

# Everything that the code knows has its entry in the documents, everything
# that they describe exists, and every link leads somewhere.
#
# Computed from the sources and from what was built: directives with their
# contexts, variables, problem types, messages of nginx's log and of "nginx
# -t", metrics and members of the status, check ids, items, commands and
# options.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use AttestTest;
use Docs;
use File::Basename ();
use File::Find ();
use Test::More;

my $top = AttestTest::top();
my $str = qr/"(?:\\.|[^"\\])*"/;
my %source = sources();
my %level;                      # of a message's format
my $all = join "\n", map { $source{$_} } sort keys %source;

test_directives();
test_variables();
test_problems();
test_status();
test_messages();
test_checks();
test_members();
test_items();
test_command();
test_links();
test_contents();
test_files();

done_testing();


# C without comments, strings joined.
sub sources {
    my %text;

    File::Find::find({ no_chdir => 1, wanted => sub {
        return if !/\.[ch]$/;
        my $text = AttestTest::read_file($_);
        $text =~ s{/\*.*?\*/}{ }gs;
        $text =~ s/\\\n/ /g;
        $text =~ s/'\\?"'/0/g;
        $text =~ s/($str(?:\s*$str)*)/joined_strings($1)/ge;
        s{^\Q$top\E/}{};
        $text{$_} = $text;
    } }, "$top/ngx_attest_module");

    return %text;
}


sub joined_strings {
    my ($strings) = @_;

    return '"' . join('', map { substr $_, 1, -1 } $strings =~ /$str/g) . '"';
}


# The texts of $re's sources.
sub in_rooms {
    my ($re) = @_;

    return join "\n", map { $source{$_} } grep { /$re/ } sort keys %source;
}


# Two lists are the same set.
sub same {
    my ($what, $known, $described, $where) = @_;
    my %known = map { $_ => 1 } @$known;
    my %described;

    $described{$_}++ for @$described;

    cmp_ok(scalar keys %known, '>', 0, "$what: the code knows some");

    for (sort keys %known) {
        ok($described{$_}, "$what: $_ has an entry in $where");
    }

    for (sort keys %described) {
        ok($known{$_}, "$what: $_ of $where exists");
        is($described{$_}, 1, "$what: $_ is in $where once");
    }
}


sub test_directives {
    my %level = (MAIN => 'http', SRV => 'server', LOC => 'location',
        UPS => 'upstream');
    my (%context, %entry);

    my $flags = qr/(?:NGX_\w+[|\s]*)+/;

    while ($all =~ /\{\s*ngx_string\("(attest_\w+)"\),\s*($flags),/g) {
        my ($name, $flags) = ($1, $2);
        $context{$name} = join ', ', map { $level{$_} }
            grep { $flags =~ /NGX_HTTP_${_}_CONF/ } qw(MAIN SRV LOC UPS);
    }

    my $file = 'docs/directives.md';
    my $text = Docs::text($file);

    same('directive', [ keys %context ],
        [ grep { /^attest_/ } Docs::entries($file) ], $file);

    while ($text =~ /^### `(attest_\w+)`\n(.*?)(?=^##|\z)/gms) {
        $entry{$1} = $2;
    }

    for (sort keys %context) {
        my $body = $entry{$_} // '';
        my ($said) = $body =~ /^    Context: +(.*)$/m;

        is($said, $context{$_}, "directive: context of $_");
        like($body, qr/^    Syntax: +$_\b/m, "directive: syntax of $_");
        like($body, qr/^    Default: +\S/m, "directive: default of $_");
        like($body, qr/appeared in version \d/, "directive: version of $_");
        like($body, qr/^```nginx[^\n]*\n[^`]*\b$_\b/m,
            "directive: example of $_");
        like($body, qr/^\| in `\w+`.*\| refused with \|$/m,
            "directive: $_ says what is refused");
        like($text, qr/\[$_\]\(#$_\)/, "directive: $_ is in the index");
    }
}


sub test_variables {
    my @known = $all =~ /\{\s*ngx_string\("(attest_\w+)"\),\s*NULL,/g;

    same('variable', [ map { "\$$_" } @known ],
        [ Docs::entries('docs/variables.md') ], 'docs/variables.md');
}


# As they stand in the module that was built.
sub test_problems {
    my $so = AttestTest::read_file(AttestTest::module());
    my %known;

    $known{$1} = 1 while $so =~ m{
        (urn:ngx-attest:problem:[a-z-]+ | urn:ietf:params:ehbp:error:[a-z-]+
        | https://iana\.org/assignments/http-problem-types\#[a-z-]+)}gx;

    same('problem type', [ keys %known ],
        [ Docs::entries('docs/problems.md') ], 'docs/problems.md');
}


# Members and metrics of attest_status.
sub test_status {
    my ($code) = grep { /ngx_http_attest_counters\[\]/ } values %source;
    my $text = Docs::text('docs/endpoints.md');

    $text =~ s/.*^### `attest_status`//ms;
    $code or die "no counters\n";

    my @counters = $code =~ /ATTEST_COUNTER\((\w+), "/g;
    my @gauges = $code =~ /status_gauge\(p, last,\s*"(\w+)"/g;
    my @members = $code =~ /\\"(\w+)\\":/g;

    cmp_ok(scalar @counters, '>', 10, 'status: counters');
    cmp_ok(scalar @gauges, '>', 10, 'status: gauges');
    like($text, qr/`$_`/, "status: counter $_") for @counters;
    like($text, qr/`(?:\w+`, `)*$_\b/, "status: metric $_")
        for @gauges, map { "${_}_total" }
            $code =~ /ATTEST_COUNTER\(\w+, "(\w+)"/g;
    like($text, qr/\b$_\b/, "status: member $_") for @members;
}


# What is said at "notice" and above: each call's format, with what the
# documents may have in the place of its arguments.
sub test_messages {
    my @docs = ('docs/log-messages.md', 'docs/directives.md');
    my @said = map { s/\\\|/|/gr } map { Docs::prose($_) =~ /`([^`]+)`/g }
        @docs;
    my %row = reverse Docs::text($docs[0])
        =~ /^\| (emerg|alert|error|warn|notice) \| `([^`]+)` \|/mg;
    my @rows = sort keys %row;
    my @devices = Docs::text($docs[0])
        =~ /^\| (?:all|TPM|CPU|Azure|Nitro|GPU) \| `([^`]+)` \|/mg;
    my $http = in_rooms(qr{ngx_attest_module/(?:http/|ngx_http)});
    my @formats = formats($http);

    s/\n/ /g for @said;
    cmp_ok(scalar @formats, '>', 80, 'messages: there are some');

    for my $format (@formats) {
        my $re = format_pattern($format);

        # all of it is an argument, which stands in tables of its own
        next if $format =~ /^(?:attest: )?%s(?: in location "%V".*)?$/;

        ok(scalar(grep { /^$re$/ } @said), "message: $format")
            or diag("in none of @docs");
    }

    for my $row (@rows) {
        my @known = map { keys %{ $level{$_} } } grep { says($_)
            && $row =~ /^${\ format_pattern($_) }$/ } keys %level;

        ok(!@known || scalar(grep { $_ eq $row{$row} } @known),
            "message: level of $row") or diag("it is @known");
    }

    # and back: no text that no code says
    said_by($http, \@formats, @rows);
    said_by(in_rooms(qr/(?:http|providers|core)/), [], @devices);
}


# Each of these messages, or its beginning, is made of a text of the code.
sub said_by {
    my ($code, $formats, @messages) = @_;
    my %seen;
    my @texts = grep { says($_) && !$seen{$_}++ } @$formats,
        map { s/\\(.)/$1/gr } $code =~ /"((?:\\.|[^"\\])*)"/g;
    my @whole = map { my $re = format_pattern($_); qr/^(?:$re)$/ } @texts;
    my @parts = map { my $re = format_pattern($_); qr/^(?:$re)/ }
        grep { /%s/ } @texts;

    for my $message (grep { !/^attest: \xe2\x80\xa6$/ } @messages) {
        ok(scalar(grep { $message =~ $_ } @whole, @parts),
            "message exists: $message");
    }
}


# A format that is more than its arguments.
sub says {
    (my $text = $_[0]) =~ s/^attest: |%[\d.*]*\w+//g;

    return $text =~ /\w\w/ && length $text > 9;
}


# The formats of calls that log at "notice" or above.
sub formats {
    my ($text) = @_;
    my @found;

    while ($text =~ /\b(?:ngx_log_error|ngx_conf_log_error)\s*\(\s*
        (NGX_LOG_\w+|\w+)\s*,/gx)
    {
        my $level = $1;
        my $rest = substr $text, pos $text, 2000;
        my ($args) = $rest =~ /^((?:[^"();]|"(?:\\.|[^"\\])*"
            |(\((?:[^()"]|"(?:\\.|[^"\\])*"|(?2))*\)))*)\)\s*[;\n]/x;

        next if $level =~ /NGX_LOG_(?:INFO|DEBUG)/;
        defined $args or die "a call of the log cannot be read: "
            . substr($rest, 0, 100) . "\n";
        $args =~ s/"\s*(ngx_open_file_n|ngx_read_fd_n)\s*"/
            $1 eq 'ngx_open_file_n' ? 'open()' : 'read()'/ge;

        my ($format) = $args =~ /"((?:\\.|[^"\\])*)"/ or next;
        $format =~ s/\\(.)/$1/g;
        push @found, $format;
        $level{$format}{lc $1 =~ s/^ERR$/error/r} = 1
            if $level =~ /^NGX_LOG_(\w+)/;
    }

    # texts that stand in front of "in the attested server" and the like
    push @found, map { s/\\(.)/$1/gr } $text
        =~ /ngx_http_attest_tls_conflict\(cf, ascf,\s*"((?:\\.|[^"\\])*)"/g;
    push @found, map { s/\\(.)/$1/gr } grep { /\\"|needed|conflicts/ } $text
        =~ /\bbad = "((?:\\.|[^"\\])*)"/g;
    push @found, map { s/\\(.)/$1/gr } $text
        =~ /\breturn "((?:\\.|[^"\\])*\\"(?:\\.|[^"\\])*)"/g;
    push @found, map { s/\\(.)/$1/gr } $text
        =~ /\breturn "(conflicts (?:\\.|[^"\\])*)"/g;

    my %seen;
    return grep { /^\S*\w\w/ && !$seen{$_}++ } @found;
}


# nginx's and C's formats; a text may be followed by where it holds.
sub format_pattern {
    my ($format) = @_;
    my $place = qr/%[\d.*]*(?:zu|ld|lu|u?z|u?[LTiDxXdA]+|[uVsSmc]|08x|04x)/;

    $format =~ s/%s:%ui/%s/g;
    $format =~ s/%%/PER CENT/g;
    my $re = join '.+', map { quotemeta } split /$place/, $format, -1;
    $re =~ s/PER\\ CENT/%/g;

    # the documents leave out where a message is from, and end with "in ..."
    return "(?:\"attest_\\w+\" directive |attest: )?$re"
        . '(?: (?:in|with|exclude).*)?(?:; attested servers.*)?';
}


# An id is a text with a hyphen in the files of the appraisal, or the word
# behind the report in a call; those of a part have the part's name in front.
sub test_checks {
    my $core = in_rooms(qr{core/(?:appraisal/)?attest_verify});
    my @doc = Docs::entries('docs/checks.md');
    my %doc = map { $_ => 1 } @doc;
    my %not = map { $_ => 1 } qw(cloud-vtpm host-vtpm tee-vtpm);
    my $call = qr/\battest_verify_(?:add|kind)\(\s*&?[\w>-]+,
        (?:\s*[\w>-]+,)?/x;
    my @texts = map { substr $_, 1, -1 } $core =~ /$str/g;

    my %id = map { $_ => 1 } $core =~ /$call\s*"([a-z]+)"/g,
        grep { /^[a-z]+(?:-[a-z0-9]+)+(?:%\w+)?$/ && !$not{$_} } @texts;

    for my $tail ($core =~ /\bp "(-[a-z-]+)"/g) {
        $id{"$_$tail"} = 1 for qw(certificate cached fresh);
    }

    # a number at the end
    for my $id (grep { s/%\w+$// } my @copy = keys %id) {
        delete @id{ grep { /^\Q$id\E%/ } keys %id };
        $id{$_} = 1 for grep { /^\Q$id\E\d+$/ } @doc;
    }

    cmp_ok(scalar keys %id, '>=', 120, 'checks: there are some');
    same('check', [ keys %id ], \@doc, 'docs/checks.md');
}


# A member that a verdict's text names is written as in a policy: what stands in
# brackets, and every word with an underscore.
sub test_members {
    my $room = 'ngx_attest_module/core';
    my $entry = qr/ATTEST_POLICY_(?:OWN|FLAG|HEX|HEX_LIST|TEXTS|CERTS)\(\s*
        "(\w+)"/x;
    my %member = (none => 1);

    for my $file (grep { m{^$room/policy/} } sort keys %source) {
        my ($of) = $source{$file} =~ /\.member = "(\w+)"/;

        $member{ defined $of ? "$of.$_" : $_ } = 1
            for $source{$file} =~ /$entry/g;
    }

    cmp_ok(scalar keys %member, '>', 60, 'members: there are some');

    my $says = qr{^$room/(?:appraisal/attest_verify|evidence/attest_label)};

    for my $file (grep { /$says/ } sort keys %source) {
        for my $text (grep { / / } $source{$file} =~ /$str/g) {
            my @named = ($text =~ /\(([a-z]\w*(?:\.\w+)*)\)/g,
                $text =~ /([a-z.]+_[a-z_.]*\w)/g);

            ok($member{$_}, "member: $_ of " . File::Basename::basename($file)
                . ' is one of policies') for @named;
        }
    }
}


sub test_items {
    same('item', [ $all =~ /define\s+ATTEST_ITEM_\w+\s+"([a-z-]+)"/g ],
        [ Docs::entries('docs/evidence.md') ], 'docs/evidence.md');
}


# Commands and options, as the command says them, and as it takes them.
sub test_command {
    my $cli = AttestTest::cli();
    my $man = AttestTest::read_file("$top/docs/ngx-attest.1");
    my $help = AttestTest::run_out([ $cli, '--help' ]);
    my @commands = $help =~ /^  ([a-z]+) +[A-Z]/mg;
    my %options = map { $_ => 1 } in_rooms(qr{/cli/})
        =~ /\{\s*'\w',\s*"(--[a-z-]+)"/g;

    cmp_ok(scalar @commands, '>=', 4, 'command: there are subcommands');
    cmp_ok(scalar keys %options, '>=', 10, 'command: there are options');

    $man =~ s/\\-/-/g;

    for my $command (@commands) {
        $help .= AttestTest::run_out([ $cli, $command, '--help' ]);
        like($man, qr/^\.TP\n\.B $command$/m, "command: $command");
    }

    $options{$_} = 1 for $help =~ /(?<![\w-])(--[a-z][a-z-]*)/g;

    my %said = map { $_ => 1 } $man =~ /^\.BI? (--[a-z-]+)/mg;

    ok($said{$_}, "command: option $_ is in the man page")
        for sort keys %options;
    ok($options{$_}, "command: option $_ of the man page exists")
        for sort keys %said;

    my ($version) = $source{ (grep { m{/attest_core\.h$} } keys %source)[0] }
        =~ /ATTEST_VERSION\s+"([^"]+)"/;

    like($man, qr/^\.TH NGX-ATTEST 1 \S+ "\S+ \Q$version\E"/m,
        'command: version of the man page');
    like(AttestTest::read_file("$top/CHANGES"),
        qr/\A\nChanges with ngx_attest_module \Q$version\E +\d+ \w+ \d{4}\n/,
        'CHANGES begins with the version and its date');

    SKIP: {
        skip 'no man', 1 if !AttestTest::which('man');

        is(AttestTest::run_out([ 'sh', '-c', 'man --warnings -l "$1" 2>&1 '
            . '> /dev/null', 'sh', "$top/docs/ngx-attest.1" ]), '',
            'man has nothing to say against the page');
    }
}


sub test_links {
    for my $file (Docs::files()) {
        my @bad = Docs::broken($file);

        ok(!@bad, "$file: its links") or diag(join "\n", @bad);
    }
}


# Every page is in the table of contents.
sub test_contents {
    my $contents = Docs::text('docs/README.md');

    for (map { m{([^/]+)$} } glob "$top/docs/*") {
        next if $_ eq 'README.md';
        like($contents, qr/\]\(\Q$_\E\)/, "$_ is in docs/README.md");
    }
}


# Files that the architecture names are there: whole paths, and names like
# "_zone" in the row of a room.  NAME stands for what is to be added.
sub test_files {
    my $file = 'docs/architecture.md';
    my $dir = "$top/ngx_attest_module";
    my @paths = Docs::prose($file)
        =~ m{`((?:core|http|providers|cli|lib)/[\w/]+\.[ch])`}g;

    for (grep { !/NAME/ } @paths) {
        ok(-f "$dir/$_", "$file: $_ is there");
    }

    for (grep { m{^\| `http/} } split /\n/, Docs::prose($file)) {
        my ($room) = m{^\| `(http/[\w/]*)` \|};
        my @names = /`(_\w+)(?:\.h)?(?:…)?`/g;

        for my $name (@names) {
            my @found = glob "$dir/${room}ngx_http_attest${name}*.[ch]";

            ok(scalar @found, "$file: $room has $name");
        }
    }
}
