
/*
 * ngx-attest: verify, show and use an attested gateway from outside.
 */


#ifndef CLI_H_INCLUDED
#define CLI_H_INCLUDED


#include <cjson/cJSON.h>
#include <openssl/ssl.h>

#include "core/evidence/attest_cmw.h"
#include "core/policy/attest_policy.h"
#include "core/evidence/attest_tsm.h"
#include "core/appraisal/attest_verify.h"


#define CLI_EVIDENCE_PATH      "/.well-known/attestation"
#define CLI_KEYS_PATH          "/.well-known/hpke-keys"
#define CLI_CHAT_PATH          "/v1/chat/completions"

#define CLI_MAX_TRIES          3

#define CLI_MAX_PATH           4096
#define CLI_MAX_ANSWER         (8 * 1024 * 1024)   /* JSON of base64 logs */
#define CLI_MAX_CERT           (128 * 1024)        /* what TLS may bring */
#define CLI_MAX_SMALL          (64 * 1024)         /* keys, problems, proofs */
#define CLI_TIMEOUT            30000               /* ms, one exchange */
#define CLI_STREAM_TIMEOUT     300000              /* ms between two tokens */

#define CLI_OK                 0
#define CLI_FAILED             1                   /* not trusted */
#define CLI_UNDECIDED          2


typedef struct {
    int    tls;
    char   host[256];
    char   port[8];
    char   authority[280];          /* for the Host field */
    char   path[1024];
} cli_url_t;

typedef enum {
    CLI_BODY_NONE = 0,
    CLI_BODY_LENGTH,
    CLI_BODY_CHUNKED,
    CLI_BODY_CLOSE
} cli_body_e;


/* One connection with one exchange at a time. */

typedef struct {
    int          fd;                /* non-blocking */
    SSL_CTX     *ctx;
    SSL         *ssl;
    int64_t      deadline;          /* monotonic ms; 0: none */
    int64_t      idle;              /* ms, one read or write without it */
    char         err[256];

    uint8_t      buf[16384];
    size_t       pos;
    size_t       last;

    int          status;            /* of the answer being read */
    cli_body_e   framing;
    uint64_t     left;
    int          first_chunk;
    int          done;              /* its body was read to the end */
    int          close;             /* no further exchange is possible */
    int          lost;              /* it was wanted, but the gateway closed */
    char         type[128];         /* Content-Type */
    char         ehbp_nonce[65];    /* Ehbp-Response-Nonce, 64 hex digits */
    char         etag[80];
} cli_conn_t;


typedef struct {
    const char   *method;
    const char   *path;
    const char   *accept;
    const char   *type;             /* of the body */
    const char   *extra;            /* further fields, each with CRLF */
    const void   *body;
    size_t        len;
} cli_request_t;

/* Fetched bytes, malloc()ed. */
typedef struct {
    uint8_t  *p;
    size_t    n;
} cli_bytes_t;


typedef struct {
    const char   *command;
    const char   *target;           /* URL or file */
    const char   *policy;
    const char   *policy_key;       /* minisign public key, file */
    const char   *policy_state;     /* the newest that was seen, file */
    const char   *save;             /* folder for an archive */
    const char   *nonce;            /* hex, of evidence in a file */
    const char   *connect;
    const char   *cert;             /* PEM files, of the client */
    const char   *key;
    const char   *path;
    const char   *model;
    const char   *prompt;
    int64_t       now;              /* -1: the clock */
    int           json;
} cli_options_t;


/* Everything that one connection told about a gateway. */

typedef struct {
    cli_url_t     url;
    cli_conn_t    conn;
    cli_bytes_t   cert;
    cli_bytes_t   cached;
    cli_bytes_t   fresh;
    cli_bytes_t   hpke;
    uint64_t      generation;       /* as the gateway counts; 0: not known */
    uint8_t       nonce[64];
    size_t        nonce_len;        /* 0: none was sent, or is known */
    uint8_t       exporter[32];
    uint8_t       secret[32];
    uint8_t       proof[32];
    int           has_exporter;
    int           has_proof;
    int           told;             /* by a folder, not seen by us */
    int           rotated;          /* keys changed between two answers */
    char          notes[5][320];    /* what could not be fetched, and why */
    size_t        nnotes;
} cli_evidence_t;


/* cli_http.c: CLI_OK, or CLI_UNDECIDED with conn->err set. */
int cli_url_parse(const char *text, cli_url_t *url, char err[256]);
int cli_connect(cli_conn_t *c, const cli_url_t *url,
    const cli_options_t *opt);
void cli_close(cli_conn_t *c);
/* Sends and reads the answer's head. */
int cli_exchange(cli_conn_t *c, const cli_url_t *url,
    const cli_request_t *req);
/* Bytes read, 0 at the clean end of the body, -1: cut, timeout, garbage. */
long cli_read(cli_conn_t *c, uint8_t *p, size_t n);
/* The whole body, at most `cap`; out->p is 0-terminated. */
int cli_read_all(cli_conn_t *c, size_t cap, cli_bytes_t *out);
int64_t cli_monotonic(void);
void cli_set_timeout(cli_conn_t *c, int64_t ms, int total);

/* cli_identity.c: certificate and key of --cert and --key; reports errors. */
int cli_identity(SSL_CTX *ctx, const cli_options_t *opt);

/* cli_fetch.c */
int cli_collect(cli_evidence_t *ev, const cli_options_t *opt, int activate);
void cli_evidence_clear(cli_evidence_t *ev);
/* Appraises what was collected. */
void cli_appraise(const cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res);

/*
 * cli_archive.c: what was seen, as a folder that can be verified later; or a
 * file with one certificate or collection.
 */
int cli_is_url(const char *target);
int cli_archive_create(const cli_options_t *opt);
void cli_archive_drop(const cli_options_t *opt);
int cli_archive_save(const cli_evidence_t *ev, const cli_options_t *opt);
int cli_archive_load(cli_evidence_t *ev, const cli_options_t *opt);

/*
 * cli_input.c.  A file's bytes, 0 behind, are a collection or a certificate,
 * in DER then.  Else they are freed, and what they are is said.
 */
int cli_input(const char *name, cli_bytes_t *b);

/* cli_verify.c */
int cli_verify(const cli_options_t *opt);
int cli_policy(const cli_options_t *opt);
/*
 * The policy file, or the default policy; reports errors itself.  kept, if
 * not NULL: the bytes of the file, which the caller frees; none without one.
 */
int cli_policy_load(const cli_options_t *opt, attest_policy_t *policy,
    cli_bytes_t *kept);
void cli_print_result(FILE *out, const attest_result_t *res, int all);
/* The exit status for a verdict. */
int cli_status(const attest_result_t *res);
/* Collects and appraises; again when keys rotated or the gateway closed. */
int cli_run(cli_evidence_t *ev, const cli_options_t *opt,
    const attest_policy_t *policy, int activate, attest_result_t *res);

/* cli_show.c */
int cli_show(const cli_options_t *opt);

/*
 * cli_kind_<kind>.c: every field of an item in words; and what a first policy
 * should say of it, added to the policy's object.
 */
void cli_tsm_show(attest_span_t value);
void cli_snp_show(const attest_tsm_t *tsm);
void cli_tdx_show(const attest_tsm_t *tsm);
/* An Intel quote, of a TD or of an enclave. */
void cli_quote_show(attest_span_t quote);
void cli_ccel_show(attest_span_t value);
void cli_azure_show(attest_span_t value);
void cli_ak_cert_show(attest_span_t value);
void cli_nitro_show(attest_span_t value);
void cli_gpu_show(attest_span_t value);
/* 0: it cannot be read, nothing was added. */
int cli_snp_policy(const attest_tsm_t *tsm, cJSON *policy);
int cli_tdx_policy(const attest_tsm_t *tsm, cJSON *policy);
int cli_azure_policy(attest_span_t value, cJSON *policy);
int cli_ak_cert_policy(attest_span_t value, cJSON *policy);
int cli_nitro_policy(attest_span_t value, cJSON *policy);
int cli_gpu_policy(attest_span_t value, cJSON *policy);

/* cli_x509.c: names, serial number, times and key, of one of a chain. */
void cli_x509_show(const char *what, X509 *x);
/* Type, size and SHA-256 of a key. */
void cli_x509_key(const char *what, EVP_PKEY *key);

/* cli_chat.c */
int cli_chat(const cli_options_t *opt);

/* cli_util.c */
int64_t cli_now(const cli_options_t *opt);
void cli_hex(char *out, const uint8_t *p, size_t n);
/* Exactly `want` bytes of hex; 0 when it is not. */
int cli_unhex(const char *hex, uint8_t *out, size_t want);
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

/* The name of a file, which must fit. */
int cli_path(char path[CLI_MAX_PATH], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A file of at most `cap` bytes; reports errors itself. */
int cli_file(const char *name, size_t cap, cli_bytes_t *out);
void cli_bytes_free(cli_bytes_t *b);
attest_span_t cli_span(const cli_bytes_t *b);
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


#endif /* CLI_H_INCLUDED */
