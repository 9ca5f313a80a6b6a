# SPDX-License-Identifier: Apache-2.0

package AttestTest;

# Software TPMs: made once and copied, their CA, PCRs as a boot log has them,
# and what clouds keep in them.
# A part of AttestTest.pm, which loads it.

use strict;
use warnings;

use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Copy ();
use File::Path qw(make_path remove_tree);


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
    my $template = top() . "/build/tpm-template";

    return make_tpm_state($state) if $self->{fresh_tpm};

    make_path(top() . "/build");
    open my $lock, '>', top() . "/build/.tpm-template.lock" or die $!;
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


1;
