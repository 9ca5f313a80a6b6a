/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command: its subcommands, their options and help.
 */


#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/cli_archive.h"
#include "cli/cli_proxy.h"
#include "cli/cli_show.h"


typedef struct {
    const char   *name;
    int         (*run)(const cli_options_t *opt);
    const char   *options;          /* letters of cli_option_table */
    const char   *help;
} cli_command_t;

typedef enum {
    CLI_OPTION_TEXT = 0,
    CLI_OPTION_FLAG,
    CLI_OPTION_TIME
} cli_option_e;

typedef struct {
    char           letter;
    const char    *name;
    size_t         offset;          /* in cli_options_t */
    cli_option_e   kind;
} cli_option_t;


static bool cli_main_streams(void);
static int cli_main_usage(FILE *out, const cli_command_t *cmd);
static int cli_main_parse(const cli_command_t *cmd, int argc, char **argv,
    cli_options_t *opt);
static int cli_main_argument(const cli_command_t *cmd, const char *arg,
    cli_options_t *opt);
static int cli_main_complete(const cli_command_t *cmd, cli_options_t *opt);
static int cli_main_option(const cli_command_t *cmd, const cli_option_t *o,
    const char *value, cli_options_t *opt);
static const cli_option_t *cli_main_option_find(const cli_command_t *cmd,
    const char *name);
static bool cli_main_time(const char *text, int64_t *now);
static int cli_main_bad(const cli_command_t *cmd, const char *what,
    const char *arg);


static const cli_option_t  cli_option_table[] = {
    { 'p', "--policy", offsetof(cli_options_t, policy), CLI_OPTION_TEXT },
    { 'j', "--json", offsetof(cli_options_t, json), CLI_OPTION_FLAG },
    { 'f', "--format", offsetof(cli_options_t, format), CLI_OPTION_TEXT },
    { 'g', "--sign", offsetof(cli_options_t, sign), CLI_OPTION_TEXT },
    { 't', "--time", offsetof(cli_options_t, now), CLI_OPTION_TIME },
    { 'c', "--connect", offsetof(cli_options_t, connect), CLI_OPTION_TEXT },
    { 'a', "--path", offsetof(cli_options_t, path), CLI_OPTION_TEXT },
    { 'm', "--model", offsetof(cli_options_t, model), CLI_OPTION_TEXT },
    { 'k', "--policy-key", offsetof(cli_options_t, policy_key),
      CLI_OPTION_TEXT },
    { 'r', "--policy-state", offsetof(cli_options_t, policy_state),
      CLI_OPTION_TEXT },
    { 's', "--save", offsetof(cli_options_t, save), CLI_OPTION_TEXT },
    { 'n', "--nonce", offsetof(cli_options_t, nonce), CLI_OPTION_TEXT },
    { 'C', "--cert", offsetof(cli_options_t, cert), CLI_OPTION_TEXT },
    { 'K', "--key", offsetof(cli_options_t, key), CLI_OPTION_TEXT },
    { 'l', "--listen", offsetof(cli_options_t, listen), CLI_OPTION_TEXT },
    { 'S', "--seal", offsetof(cli_options_t, seal), CLI_OPTION_TEXT },
    { 'R', "--relay", offsetof(cli_options_t, relay), CLI_OPTION_TEXT },
    { 'T', "--relay-ca", offsetof(cli_options_t, relay_ca), CLI_OPTION_TEXT },
    { 'B', "--ca", offsetof(cli_options_t, ca), CLI_OPTION_TEXT },
    { 'o', "--keys-only", offsetof(cli_options_t, keys_only),
      CLI_OPTION_FLAG },
    { 'A', "--api-key-file", offsetof(cli_options_t, api_key_file),
      CLI_OPTION_TEXT },
    { 'x', "--cache-salt", offsetof(cli_options_t, cache_salt),
      CLI_OPTION_TEXT },
    { 'M', "--module", offsetof(cli_options_t, module), CLI_OPTION_TEXT },
    { 'N', "--nginx", offsetof(cli_options_t, nginx), CLI_OPTION_TEXT },
    { 'P', "--print-config", offsetof(cli_options_t, print_config),
      CLI_OPTION_FLAG },
    { 0, NULL, 0, CLI_OPTION_FLAG }
};

static const cli_command_t  cli_commands[] = {
    { "verify", cli_verify, "pkrojfgtcsnCK",
      "ngx-attest verify URL|FOLDER|FILE [--policy FILE [--policy-key FILE]]\n"
      "                      [--json | --format json|ear|cwt [--sign FILE]]\n"
      "                      [--time UNIX] [--connect HOST:PORT]\n"
      "                      [--save FOLDER] [--nonce HEX] [--keys-only]\n"
      "                      [--cert FILE --key FILE]\n"
      "\n"
      "Fetches evidence from https://host[:port][/path] (path: "
      ATTEST_URL_EVIDENCE ")\n"
      "for a nonce of its own and its own TLS connection, and appraises it.\n"
      "One line per check: PASS, FAIL, ???? (could not be decided), NOTE.\n"
      "Or appraises what was saved earlier, or a file with one certificate\n"
      "or collection.\n"
      "\n"
      "  --policy FILE        reference values and accepted roots of trust;\n"
      "                       without it only TEEs are accepted\n"
      "  --policy-key FILE    minisign public key that must have signed the\n"
      "                       policy: the signature is in FILE.minisig\n"
      "  --policy-state FILE  keeps when the newest policy was signed, and\n"
      "                       refuses older ones\n"
      "  --keys-only          where somebody else ends TLS (a CDN) and the\n"
      "                       policy wants no exporter: judge the keys for\n"
      "                       prompts, and nothing else\n"
      "  --save FOLDER        keep all that was seen in a new folder\n"
      "  --nonce HEX          the nonce that evidence in a file is for\n"
      "  --json               one JSON object instead of lines\n"
      "  --format FORMAT      json: the same; ear: an EAT attestation result,\n"
      "                       which other systems read; cwt: the same in CBOR\n"
      "  --sign FILE          sign the result with this key (PEM: P-256,\n"
      "                       P-384 or Ed25519): ear becomes a JWT\n"
      "  --time UNIX          appraise as of this time\n"
      "  --connect HOST:PORT  connect there instead of to the URL's host\n"
      "  --cert FILE          certificates of this client, PEM, for gateways\n"
      "                       that ask for one (ssl_verify_client)\n"
      "  --key FILE           its key, PEM, not encrypted\n"
      "\n"
      "Exit status: 0 trusted, 1 not trusted, 2 could not be decided.\n" },

    { "show", cli_show, "cCK",
      "ngx-attest show URL|FOLDER|FILE [--connect HOST:PORT]\n"
      "                         [--cert FILE --key FILE]\n"
      "\n"
      "Explains a certificate (PEM or DER), a collection of evidence (CBOR\n"
      "or JSON), what a gateway serves or what --save kept of one, in words,\n"
      "without judging it.\n" },

    { "policy", cli_policy, "ptcnCK",
      "ngx-attest policy URL|FOLDER|FILE [--policy FILE] [--time UNIX]\n"
      "                      [--connect HOST:PORT] [--nonce HEX]\n"
      "                      [--cert FILE --key FILE]\n"
      "\n"
      "Checks that a gateway's evidence is sound, and prints a policy that\n"
      "accepts what it runs now.  Use it on a gateway that you trust now,\n"
      "and compare the values with ones that you know to be good.  Members\n"
      "of --policy FILE (simulated_roots, for example) are taken over.\n" },

    { "chat", cli_chat, "pkrtcamCK",
      "ngx-attest chat URL --policy FILE [--path PATH] [--model NAME]\n"
      "                    [--connect HOST:PORT] [--cert FILE --key FILE]\n"
      "                    [--] PROMPT\n"
      "\n"
      "Verifies the gateway, then sends one chat request that only it can\n"
      "open, and prints the tokens as they come.  Refuses to send anything\n"
      "unless the verdict is \"trusted\".\n"
      "\n"
      "  PROMPT               what to ask; - reads it from standard input:\n"
      "                       arguments show in the list of processes\n"
      "  --path PATH          default: " CLI_CHAT_PATH "\n"
      "  --model NAME         default: default\n"
      "\n"
      "Exit status: 0 complete answer, 1 not trusted, 2 anything else.\n" },

    { "proxy", cli_proxy, "pkrtclSRTBAxMNP",
      "ngx-attest proxy URL --policy FILE [--policy-key FILE]\n"
      "                     [--listen ADDRESS:PORT]\n"
      "                     [--relay URL [--relay-ca FILE]]\n"
      "                     [--seal auto|ehbp|ohttp|off] [--ca FILE]\n"
      "                     [--api-key-file FILE]\n"
      "                     [--cache-salt request|caller|FILE|off]\n"
      "\n"
      "Runs nginx here, so that any client of OpenAI's protocol can use\n"
      "http://127.0.0.1:8080/v1 as if it were the model: nginx verifies the\n"
      "gateway before it sends anything, and seals what it sends.  Ends with\n"
      "Ctrl-C, and leaves nothing.  / says what is verified now, /healthz\n"
      "whether it is.\n"
      "\n"
      "  --policy FILE        what the gateway has to prove\n"
      "  --policy-key FILE    minisign public key that has signed the policy\n"
      "  --listen WHERE       default: 127.0.0.1:8080; also unix:PATH\n"
      "  --seal FORMAT        default: auto, what the gateway opens; off:\n"
      "                       nothing but TLS to the verified gateway\n"
      "  --ca FILE            who has signed the certificate where the URL's\n"
      "                       TLS ends, PEM; default: nobody, but where a CDN\n"
      "                       ends it the public authorities\n"
      "  --relay URL          a relay of Oblivious HTTP to send through\n"
      "  --relay-ca FILE      who has signed its certificate, PEM; default:\n"
      "                       the public authorities that this system knows\n"
      "  --api-key-file FILE  the key that the gateway wants, instead of the\n"
      "                       callers'; nobody else may read the file\n"
      "  --cache-salt WHAT    keeps callers apart in the model's cache: a new\n"
      "                       salt for each request, one for each caller's\n"
      "                       key, or the one in a file\n"
      "  --print-config       print nginx's configuration, and do nothing\n"
      "  --nginx FILE         default: the one in PATH or /usr/sbin\n"
      "  --module FILE        default: beside this command, or where nginx\n"
      "                       has its modules\n"
      "  --connect HOST:PORT  connect there instead of to the URL's host\n"
      "\n"
      "Exit status: 0 ended by a signal, 1 not trusted, 2 anything else.\n" },

    { NULL, NULL, NULL, NULL }
};


int
main(int argc, char **argv)
{
    int                    rc;
    cli_options_t          opt;
    const cli_command_t   *cmd;

    (void) signal(SIGPIPE, SIG_IGN);

    if (!cli_main_streams()) {
        return CLI_UNDECIDED;
    }

    if (argc < 2) {
        (void) cli_main_usage(stderr, NULL);
        return CLI_UNDECIDED;
    }

    if (strcmp(argv[1], "--version") == 0) {
        cli_printf("ngx-attest %s, %s\n", ATTEST_VERSION,
                   OpenSSL_version(OPENSSL_VERSION));
        return CLI_OK;
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return cli_main_usage(stdout, NULL);
    }

    for (cmd = cli_commands; cmd->name != NULL; cmd++) {
        if (strcmp(cmd->name, argv[1]) == 0) {
            break;
        }
    }

    if (cmd->name == NULL) {
        return cli_main_bad(NULL, "unknown command", argv[1]);
    }

    rc = cli_main_parse(cmd, argc - 2, argv + 2, &opt);
    if (rc != CLI_OK || opt.command == NULL) {
        return rc;
    }

    rc = cmd->run(&opt);

    /* a verdict that never reached its reader is none */

    if (fflush(stdout) != 0 || ferror(stdout)) {
        return cli_error("cannot write to standard output");
    }

    return rc;
}


/*
 * Where a stream of ours is closed, a file or a connection would get its
 * number, and then what we print.  There is something now that cannot be
 * written to, so that this is still an error.
 */

static bool
cli_main_streams(void)
{
    int  fd;

    do {
        fd = open("/dev/null", O_RDONLY|O_CLOEXEC);
    } while (fd != -1 && fd <= STDERR_FILENO);

    return fd != -1 && close(fd) == 0;
}


static int
cli_main_usage(FILE *out, const cli_command_t *cmd)
{
    if (cmd != NULL) {
        cli_print_text(out, (const uint8_t *) cmd->help, strlen(cmd->help), 1);
        return CLI_OK;
    }

    cli_fprintf(out, "Usage: ngx-attest COMMAND ...\n"
                "\n"
                "  verify URL        is this gateway what it says, and do I "
                "trust it?\n"
                "  show FILE|URL     explain a certificate or evidence\n"
                "  policy URL        write a first policy from a gateway\n"
                "  chat URL PROMPT   verify, then one encrypted chat request\n"
                "  proxy URL         verify and encrypt for any application\n"
                "\n"
                "  ngx-attest COMMAND --help     options of a command\n"
                "  ngx-attest --version\n");
    return CLI_OK;
}


/* opt->command stays NULL when only help was wanted. */

static int
cli_main_parse(const cli_command_t *cmd, int argc, char **argv,
    cli_options_t *opt)
{
    int                  i, rc, ended = 0;
    const cli_option_t  *o;

    memset(opt, 0, sizeof(*opt));
    opt->now = -1;

    for (i = 0; i < argc; i++) {

        if (!ended && strcmp(argv[i], "--help") == 0) {
            return cli_main_usage(stdout, cmd);
        }

        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = 1;
            continue;
        }

        if (ended || strncmp(argv[i], "--", 2) != 0) {
            rc = cli_main_argument(cmd, argv[i], opt);
            if (rc != CLI_OK) {
                return rc;
            }

            continue;
        }

        o = cli_main_option_find(cmd, argv[i]);
        if (o == NULL) {
            return cli_main_bad(cmd, "unknown option", argv[i]);
        }

        if (o->kind != CLI_OPTION_FLAG && i + 1 == argc) {
            return cli_main_bad(cmd, "no value for", argv[i]);
        }

        rc = cli_main_option(cmd, o,
                             o->kind != CLI_OPTION_FLAG ? argv[++i] : NULL,
                             opt);
        if (rc != CLI_OK) {
            return rc;
        }
    }

    return cli_main_complete(cmd, opt);
}


static int
cli_main_argument(const cli_command_t *cmd, const char *arg, cli_options_t *opt)
{
    if (opt->target == NULL) {
        opt->target = arg;

    } else if (opt->prompt == NULL && cmd->run == cli_chat) {
        opt->prompt = arg;

    } else {
        return cli_main_bad(cmd, "too many arguments at", arg);
    }

    return CLI_OK;
}


static int
cli_main_complete(const cli_command_t *cmd, cli_options_t *opt)
{
    if (opt->target == NULL) {
        return cli_main_bad(cmd, "no URL", "given");
    }

    if (cmd->run == cli_chat && opt->prompt == NULL) {
        return cli_main_bad(cmd, "no prompt", "given");
    }

    if (cmd->run == cli_chat && opt->policy == NULL) {
        return cli_main_bad(cmd, "chat needs", "--policy FILE");
    }

    if (cmd->run == cli_chat && !cli_archive_is_url(opt->target)) {
        return cli_main_bad(cmd, "chat wants a URL, not", opt->target);
    }

    if (cmd->run == cli_proxy && opt->policy == NULL && !opt->print_config) {
        return cli_main_bad(cmd, "proxy needs", "--policy FILE");
    }

    if ((opt->cert != NULL) != (opt->key != NULL)) {
        return cli_main_bad(cmd, "--cert and --key", "belong together");
    }

    if (opt->keys_only && !cli_archive_is_url(opt->target)) {
        return cli_main_bad(cmd, "--keys-only wants a URL, not", opt->target);
    }

    /* who then sends nothing but what is sealed for them need not say it */

    opt->keys_only |= cmd->run == cli_chat || cmd->run == cli_proxy;

    opt->command = cmd->name;
    return CLI_OK;
}


static const cli_option_t *
cli_main_option_find(const cli_command_t *cmd, const char *name)
{
    const cli_option_t  *o;

    for (o = cli_option_table; o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0
            && strchr(cmd->options, o->letter) != NULL)
        {
            return o;
        }
    }

    return NULL;
}


static int
cli_main_option(const cli_command_t *cmd, const cli_option_t *o,
    const char *value, cli_options_t *opt)
{
    char  *member = (char *) opt + o->offset;

    switch (o->kind) {
    case CLI_OPTION_TEXT:
        *(const char **) (void *) member = value;
        break;

    case CLI_OPTION_FLAG:
        *(int *) (void *) member = 1;
        break;

    default: /* CLI_OPTION_TIME */
        return cli_main_time(value, &opt->now) ? CLI_OK
               : cli_main_bad(cmd, "--time wants seconds since 1970, not",
                              value);
    }

    return CLI_OK;
}


static bool
cli_main_time(const char *text, int64_t *now)
{
    size_t  n = strlen(text);

    if (n == 0 || n > 12 || strspn(text, "0123456789") != n) {
        return false;
    }

    *now = strtoll(text, NULL, 10);
    return true;
}


static int
cli_main_bad(const cli_command_t *cmd, const char *what, const char *arg)
{
    return cli_error("%s %s (see ngx-attest %s%s--help)", what, arg,
                     cmd != NULL ? cmd->name : "",
                     cmd != NULL ? " " : "");
}
