/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ngx-attest: verify, show and use an attested gateway from outside.
 */


#ifndef CLI_H_INCLUDED
#define CLI_H_INCLUDED


#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "core/evidence/attest_cmw.h"
#include "core/policy/attest_policy.h"
#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify.h"
#include "client/attest_fetch.h"


#define CLI_CHAT_PATH          "/v1/chat/completions"

#define CLI_MAX_PATH           4096

#define CLI_OK                 0
#define CLI_FAILED             1                   /* not trusted */
#define CLI_UNDECIDED          2


typedef struct {
    const char   *command;
    const char   *target;           /* URL or file */
    const char   *policy;
    const char   *policy_key;       /* minisign public key, file */
    const char   *policy_state;     /* the newest that was seen, file */
    const char   *save;             /* folder for an archive */
    const char   *nonce;            /* hex, of evidence in a file */
    const char   *format;           /* of the report */
    const char   *sign;             /* PEM file, key for the report */
    const char   *connect;
    const char   *cert;             /* PEM files, of the client */
    const char   *key;
    const char   *path;
    const char   *model;
    const char   *prompt;
    const char   *listen;           /* of a proxy */
    const char   *seal;
    const char   *relay;
    const char   *relay_ca;
    const char   *ca;               /* knows who ends a gateway's TLS */
    const char   *api_key_file;
    const char   *cache_salt;       /* a word, or a file */
    const char   *nginx;            /* files */
    const char   *module;
    int64_t       now;              /* -1: the clock */
    int           json;
    int           print_config;
    int           keys_only;        /* will do, where TLS ends elsewhere */
} cli_options_t;


/*
 * cli_input.c.  The bytes of a file (followed by a 0) are a collection or a
 * certificate, which becomes DER.  Anything else is freed, and a message says
 * what it looks like.
 */
int cli_input(const char *name, attest_bytes_t *b);

/* cli_verify.c */
int cli_verify(const cli_options_t *opt);

/* cli_policy.c */
int cli_policy(const cli_options_t *opt);

/* cli_chat.c */
int cli_chat(const cli_options_t *opt);

/* cli_util.c */
int64_t cli_now(const cli_options_t *opt);
/*
 * All output goes through these.  Control characters, what is no whole
 * character of UTF-8, what changes the order of letters and what nobody sees
 * become '?'; without newlines they and tabs are blanks.  The first two let
 * no argument begin a line.
 */
void cli_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_fprintf(FILE *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void cli_print_text(FILE *out, const uint8_t *p, size_t n, int newlines);
/* A chat's answer: with joiners and variation selectors. */
void cli_print_answer(FILE *out, const uint8_t *p, size_t n);
/* A JSON text and a newline: escaped, not replaced. */
void cli_print_json(FILE *out, const char *json);
/* For programs; reports errors. */
int cli_print_bytes(FILE *out, const void *p, size_t n);

/* The name of a file, which must fit. */
int cli_path(char path[CLI_MAX_PATH], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A file of at most `cap` bytes; reports errors itself. */
int cli_file(const char *name, size_t cap, attest_bytes_t *out);
/* All of it; 0, or -1 and errno. */
int cli_write(int fd, const uint8_t *p, size_t n);
/* A few bytes for another process of ours, or none when it is gone. */
void cli_pass(int fd, const void *p, size_t n);
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


#endif /* CLI_H_INCLUDED */
