/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence that was kept: an auditor can appraise it again, as of then, with
 * another policy or a later verifier.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/base/attest_cbor.h"
#include "core/evidence/attest_claims.h"
#include "cli/cli_archive.h"


#define CLI_ARCHIVE_SESSION    "session.json"


static int cli_archive_session(const attest_fetch_t *ev,
    const cli_options_t *opt);
static void cli_archive_hex(cJSON *root, const char *name, const uint8_t *p,
    size_t n);
static int cli_archive_write(const cli_options_t *opt, const char *name,
    const uint8_t *p, size_t n);
static int cli_archive_folder(attest_fetch_t *ev, const cli_options_t *opt);
static int cli_archive_read(const cli_options_t *opt, const char *name,
    size_t cap, attest_bytes_t *out);
static int cli_archive_read_session(attest_fetch_t *ev,
    const cli_options_t *opt);
static bool cli_archive_get(const cJSON *root, const char *name, uint8_t *out,
    size_t min, size_t max, size_t *len);
static int cli_archive_file(attest_fetch_t *ev, const cli_options_t *opt);


/* Files of a folder, where they belong, and how much is read and fetched. */

typedef struct {
    const char   *name;
    size_t        offset;
    size_t        cap;
} cli_archive_item_t;

static const cli_archive_item_t  cli_archive_items[] = {
    { "certificate.der", offsetof(attest_fetch_t, cert), ATTEST_CONN_MAX_CERT },
    { "cached.cmw", offsetof(attest_fetch_t, cached), ATTEST_FETCH_MAX_ANSWER },
    { "fresh.cmw", offsetof(attest_fetch_t, fresh), ATTEST_FETCH_MAX_ANSWER },
    { "hpke-keys", offsetof(attest_fetch_t, hpke), ATTEST_FETCH_MAX_SMALL },
    { NULL, 0, 0 }
};


bool
cli_archive_is_url(const char *target)
{
    return strncmp(target, "https://", 8) == 0
           || strncmp(target, "http://", 7) == 0;
}


/*
 * A folder of its own, before anybody is asked: nothing that is there is
 * written over.
 */

int
cli_archive_create(const cli_options_t *opt)
{
    return mkdir(opt->save, 0777) == 0 ? CLI_OK
           : cli_error("--save wants a new folder: %s: %s", opt->save,
                       strerror(errno));
}


/* Of a folder with nothing in it. */

void
cli_archive_drop(const cli_options_t *opt)
{
    (void) rmdir(opt->save);
}


int
cli_archive_save(const attest_fetch_t *ev, const cli_options_t *opt)
{
    int                        rc = CLI_OK;
    const attest_bytes_t         *b;
    const cli_archive_item_t  *item;

    for (item = cli_archive_items; item->name != NULL; item++) {
        b = (const attest_bytes_t *) ((const char *) ev + item->offset);

        if (rc == CLI_OK && b->n > item->cap) {
            rc = cli_error("%s is longer than an archive may have it",
                           item->name);
        }

        if (rc == CLI_OK && b->n != 0) {
            rc = cli_archive_write(opt, item->name, b->p, b->n);
        }
    }

    return rc == CLI_OK ? cli_archive_session(ev, opt) : rc;
}


static int
cli_archive_session(const attest_fetch_t *ev, const cli_options_t *opt)
{
    int     rc;
    char   *text;
    cJSON  *root;

    root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON_AddStringToObject(root, "url", opt->target);
    cJSON_AddNumberToObject(root, "time", (double) cli_now(opt));
    cli_archive_hex(root, "nonce", ev->nonce, ev->nonce_len);

    if (ev->generation != 0) {
        cJSON_AddNumberToObject(root, "generation",
                                (double) ev->generation);
    }

    if (ev->has_exporter) {
        cli_archive_hex(root, "exporter", ev->exporter,
                        sizeof(ev->exporter));
    }

    /* spent: it proved one thing once, to whoever made it */

    if (ev->has_proof) {
        cli_archive_hex(root, "secret", ev->secret, sizeof(ev->secret));
        cli_archive_hex(root, "proof", ev->proof, sizeof(ev->proof));
    }

    text = cJSON_Print(root);
    cJSON_Delete(root);

    if (text == NULL) {
        return cli_error("out of memory");
    }

    rc = cli_archive_write(opt, CLI_ARCHIVE_SESSION, (const uint8_t *) text,
                           strlen(text));
    cJSON_free(text);
    return rc;
}


static void
cli_archive_hex(cJSON *root, const char *name, const uint8_t *p, size_t n)
{
    char  hex[129];

    attest_hex_encode(hex, p, n);
    cJSON_AddStringToObject(root, name, hex);
}


static int
cli_archive_write(const cli_options_t *opt, const char *name,
    const uint8_t *p, size_t n)
{
    int    ok;
    char   path[CLI_MAX_PATH];
    FILE  *f;

    if (cli_path(path, "%s/%s", opt->save, name) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    f = fopen(path, "wx");
    ok = f != NULL && fwrite(p, 1, n, f) == n;

    if (f != NULL && fclose(f) != 0) {
        ok = 0;
    }

    return ok ? CLI_OK : cli_error("%s: %s", path, strerror(errno));
}


int
cli_archive_load(attest_fetch_t *ev, const cli_options_t *opt)
{
    size_t       n;
    struct stat  st;

    memset(ev, 0, sizeof(*ev));

    if (stat(opt->target, &st) == -1) {
        return cli_error("%s: not an https:// URL, and no file: %s",
                         opt->target, strerror(errno));
    }

    if (opt->nonce != NULL) {
        n = strlen(opt->nonce) / 2;

        if (n < ATTEST_NONCE_MIN || n > ATTEST_NONCE_MAX
            || attest_hex_exact(attest_span_text(opt->nonce), ev->nonce, n)
               != ATTEST_OK)
        {
            return cli_error("--nonce wants 64 to 128 hex digits");
        }

        ev->nonce_len = n;
    }

    return S_ISDIR(st.st_mode) ? cli_archive_folder(ev, opt)
                               : cli_archive_file(ev, opt);
}


static int
cli_archive_folder(attest_fetch_t *ev, const cli_options_t *opt)
{
    int                        rc;
    attest_bytes_t               *b;
    const cli_archive_item_t  *item;

    rc = cli_archive_read_session(ev, opt);
    ev->told = true;

    for (item = cli_archive_items; item->name != NULL; item++) {
        b = (attest_bytes_t *) ((char *) ev + item->offset);

        if (rc == CLI_OK) {
            rc = cli_archive_read(opt, item->name, item->cap, b);
        }
    }

    return rc;
}


/* A file that is not there was not seen. */

static int
cli_archive_read(const cli_options_t *opt, const char *name, size_t cap,
    attest_bytes_t *out)
{
    char         path[CLI_MAX_PATH];
    struct stat  st;

    if (cli_path(path, "%s/%s", opt->target, name) != CLI_OK) {
        return CLI_UNDECIDED;
    }

    if (stat(path, &st) == -1) {
        return errno == ENOENT ? CLI_OK
               : cli_error("%s: %s", path, strerror(errno));
    }

    /* to open a pipe could wait for ever */

    if (!S_ISREG(st.st_mode)) {
        return cli_error("%s is no file", path);
    }

    return cli_file(path, cap, out);
}


static int
cli_archive_read_session(attest_fetch_t *ev, const cli_options_t *opt)
{
    int             ok;
    cJSON          *root = NULL;
    double          number;
    size_t          n = 0, secret = 0, proof = 0;
    attest_bytes_t  file = { NULL, 0 };

    static const attest_json_rules_t  rules = { 0 };

    if (cli_archive_read(opt, CLI_ARCHIVE_SESSION, ATTEST_FETCH_MAX_SMALL,
                         &file)
        != CLI_OK)
    {
        return CLI_UNDECIDED;
    }

    if (file.n == 0) {
        attest_bytes_free(&file);
        return cli_error("%s is a folder, but no archive of --save: it has no "
                         "%s", opt->target, CLI_ARCHIVE_SESSION);
    }

    (void) attest_json_parse(attest_bytes_span(&file), &rules, &root, NULL);
    attest_bytes_free(&file);

    ok = cJSON_IsObject(root)
         && (opt->nonce != NULL
             || cli_archive_get(root, "nonce", ev->nonce, ATTEST_NONCE_MIN,
                                ATTEST_NONCE_MAX, &ev->nonce_len))
         && cli_archive_get(root, "exporter", ev->exporter, 32, 32, &n)
         && cli_archive_get(root, "secret", ev->secret, 32, 32, &secret)
         && cli_archive_get(root, "proof", ev->proof, 32, 32, &proof);

    number = cJSON_GetNumberValue(
                 cJSON_GetObjectItemCaseSensitive(root, "generation"));
    ev->generation = number >= 1 && number < 1e15 ? (uint64_t) number : 0;
    cJSON_Delete(root);

    ev->has_exporter = (n != 0);
    ev->has_proof = (secret != 0 && proof != 0);

    return ok ? CLI_OK : cli_error("%s/%s cannot be understood", opt->target,
                                   CLI_ARCHIVE_SESSION);
}


/* A member that is missing leaves *len alone. */

static bool
cli_archive_get(const cJSON *root, const char *name, uint8_t *out,
    size_t min, size_t max, size_t *len)
{
    size_t        n;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(root, name);
    if (v == NULL) {
        return true;
    }

    if (!cJSON_IsString(v)) {
        return false;
    }

    n = strlen(v->valuestring) / 2;

    if (n < min || n > max
        || attest_hex_exact(attest_span_text(v->valuestring), out, n)
           != ATTEST_OK)
    {
        return false;
    }

    *len = n;
    return true;
}


/* A certificate, or a collection that says itself whether it is fresh. */

static int
cli_archive_file(attest_fetch_t *ev, const cli_options_t *opt)
{
    int            rc;
    attest_bytes_t    file;
    attest_cmw_t   cmw;

    rc = cli_file(opt->target, ATTEST_FETCH_MAX_ANSWER, &file);

    if (rc == CLI_OK) {
        rc = cli_input(opt->target, &file);
    }

    if (rc != CLI_OK) {
        return rc;
    }

    if (file.p[0] == 0x30) {
        ev->cert = file;
        return CLI_OK;
    }

    rc = attest_cmw_parse(file.p, file.n, &cmw);

    if (rc == ATTEST_OK && attest_span_is(cmw.ctype, ATTEST_CMWC_FRESH)) {
        ev->fresh = file;

    } else {
        ev->cached = file;
    }

    if (rc == ATTEST_OK) {
        attest_cmw_free(&cmw);
    }

    return CLI_OK;
}
