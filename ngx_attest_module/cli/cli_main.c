/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The command: its subcommands, their options and help.
 */


#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/cli_archive.h"
#include "cli/cli_show.h"


typedef struct {
    const char   *name;
    int         (*run)(const cli_options_t *opt);
    const char   *options;          /* letters of cli_option_table */
    const char   *help;
} cli_command_t;

typedef struct {
    char          letter;
    const char   *name;
    int           has_value;
} cli_option_t;


static int cli_usage(FILE *out, const cli_command_t *cmd);
static int cli_parse(const cli_command_t *cmd, int argc, char **argv,
    cli_options_t *opt);
static int cli_argument(const cli_command_t *cmd, const char *arg,
    cli_options_t *opt);
static int cli_complete(const cli_command_t *cmd, cli_options_t *opt);
static int cli_option(const cli_command_t *cmd, const cli_option_t *o,
    const char *value, cli_options_t *opt);
static const cli_option_t *cli_option_find(const cli_command_t *cmd,
    const char *name);
static int cli_time(const char *text, int64_t *now);
static int cli_bad(const cli_command_t *cmd, const char *what,
    const char *arg);


static const cli_option_t  cli_option_table[] = {
    { 'p', "--policy", 1 },
    { 'j', "--json", 0 },
    { 't', "--time", 1 },
    { 'c', "--connect", 1 },
    { 'a', "--path", 1 },
    { 'm', "--model", 1 },
    { 'k', "--policy-key", 1 },
    { 'r', "--policy-state", 1 },
    { 's', "--save", 1 },
    { 'n', "--nonce", 1 },
    { 'C', "--cert", 1 },
    { 'K', "--key", 1 },
    { 0, NULL, 0 }
};

static const cli_command_t  cli_commands[] = {
    { "verify", cli_verify, "pkrjtcsnCK",
      "ngx-attest verify URL|FOLDER|FILE [--policy FILE [--policy-key FILE]]\n"
      "                      [--json] [--time UNIX] [--connect HOST:PORT]\n"
      "                      [--save FOLDER] [--nonce HEX]\n"
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
      "  --save FOLDER        keep all that was seen in a new folder\n"
      "  --nonce HEX          the nonce that evidence in a file is for\n"
      "  --json               one JSON object instead of lines\n"
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

    { NULL, NULL, NULL, NULL }
};


int
main(int argc, char **argv)
{
    int                    rc;
    cli_options_t          opt;
    const cli_command_t   *cmd;

    (void) signal(SIGPIPE, SIG_IGN);

    if (argc < 2) {
        (void) cli_usage(stderr, NULL);
        return CLI_UNDECIDED;
    }

    if (strcmp(argv[1], "--version") == 0) {
        cli_printf("ngx-attest %s, %s\n", ATTEST_VERSION,
                   OpenSSL_version(OPENSSL_VERSION));
        return CLI_OK;
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return cli_usage(stdout, NULL);
    }

    for (cmd = cli_commands; cmd->name != NULL; cmd++) {
        if (strcmp(cmd->name, argv[1]) == 0) {
            break;
        }
    }

    if (cmd->name == NULL) {
        return cli_bad(NULL, "unknown command", argv[1]);
    }

    rc = cli_parse(cmd, argc - 2, argv + 2, &opt);
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


static int
cli_usage(FILE *out, const cli_command_t *cmd)
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
                "\n"
                "  ngx-attest COMMAND --help     options of a command\n"
                "  ngx-attest --version\n");
    return CLI_OK;
}


/* opt->command stays NULL when only help was wanted. */

static int
cli_parse(const cli_command_t *cmd, int argc, char **argv,
    cli_options_t *opt)
{
    int                  i, rc, ended = 0;
    const cli_option_t  *o;

    memset(opt, 0, sizeof(*opt));
    opt->now = -1;

    for (i = 0; i < argc; i++) {

        if (!ended && strcmp(argv[i], "--help") == 0) {
            return cli_usage(stdout, cmd);
        }

        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = 1;
            continue;
        }

        if (ended || strncmp(argv[i], "--", 2) != 0) {
            rc = cli_argument(cmd, argv[i], opt);
            if (rc != CLI_OK) {
                return rc;
            }

            continue;
        }

        o = cli_option_find(cmd, argv[i]);
        if (o == NULL) {
            return cli_bad(cmd, "unknown option", argv[i]);
        }

        if (o->has_value && i + 1 == argc) {
            return cli_bad(cmd, "no value for", argv[i]);
        }

        rc = cli_option(cmd, o, o->has_value ? argv[++i] : NULL, opt);
        if (rc != CLI_OK) {
            return rc;
        }
    }

    return cli_complete(cmd, opt);
}


static int
cli_argument(const cli_command_t *cmd, const char *arg, cli_options_t *opt)
{
    if (opt->target == NULL) {
        opt->target = arg;

    } else if (opt->prompt == NULL && cmd->run == cli_chat) {
        opt->prompt = arg;

    } else {
        return cli_bad(cmd, "too many arguments at", arg);
    }

    return CLI_OK;
}


static int
cli_complete(const cli_command_t *cmd, cli_options_t *opt)
{
    if (opt->target == NULL) {
        return cli_bad(cmd, "no URL", "given");
    }

    if (cmd->run == cli_chat && opt->prompt == NULL) {
        return cli_bad(cmd, "no prompt", "given");
    }

    if (cmd->run == cli_chat && opt->policy == NULL) {
        return cli_bad(cmd, "chat needs", "--policy FILE");
    }

    if (cmd->run == cli_chat && !cli_is_url(opt->target)) {
        return cli_bad(cmd, "chat wants a URL, not", opt->target);
    }

    if ((opt->cert != NULL) != (opt->key != NULL)) {
        return cli_bad(cmd, "--cert and --key", "belong together");
    }

    opt->command = cmd->name;
    return CLI_OK;
}


static const cli_option_t *
cli_option_find(const cli_command_t *cmd, const char *name)
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
cli_option(const cli_command_t *cmd, const cli_option_t *o,
    const char *value, cli_options_t *opt)
{
    switch (o->letter) {
    case 'p':
        opt->policy = value;
        break;

    case 'j':
        opt->json = 1;
        break;

    case 'c':
        opt->connect = value;
        break;

    case 'a':
        opt->path = value;
        break;

    case 'm':
        opt->model = value;
        break;

    case 'k':
        opt->policy_key = value;
        break;

    case 'r':
        opt->policy_state = value;
        break;

    case 's':
        opt->save = value;
        break;

    case 'n':
        opt->nonce = value;
        break;

    case 'C':
        opt->cert = value;
        break;

    case 'K':
        opt->key = value;
        break;

    default:
        return cli_time(value, &opt->now) ? CLI_OK
               : cli_bad(cmd, "--time wants seconds since 1970, not", value);
    }

    return CLI_OK;
}


static int
cli_time(const char *text, int64_t *now)
{
    size_t  n = strlen(text);

    if (n == 0 || n > 12 || strspn(text, "0123456789") != n) {
        return 0;
    }

    *now = strtoll(text, NULL, 10);
    return 1;
}


static int
cli_bad(const cli_command_t *cmd, const char *what, const char *arg)
{
    return cli_error("%s %s (see ngx-attest %s%s--help)", what, arg,
                     cmd != NULL ? cmd->name : "",
                     cmd != NULL ? " " : "");
}
