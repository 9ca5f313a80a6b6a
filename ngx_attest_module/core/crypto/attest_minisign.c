/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures by minisign: keys, the two lines that count, and Ed25519 over
 * the BLAKE2b hash of what is signed.
 */


#include <string.h>

#include <sodium.h>

#include "core/base/attest_base64.h"
#include "core/crypto/attest_minisign.h"


#define ATTEST_MINISIGN_UNTRUSTED  "untrusted comment: "
#define ATTEST_MINISIGN_TRUSTED    "trusted comment: "
#define ATTEST_MINISIGN_TIME       "timestamp:"
#define ATTEST_MINISIGN_DIGITS     12


static bool attest_minisign_line(attest_span_t *text, attest_span_t *line);
static bool attest_minisign_prefix(attest_span_t *line, const char *prefix);
static bool attest_minisign_base64(attest_span_t line, uint8_t *out,
    size_t want);
static bool attest_minisign_is_blank(attest_span_t text);
static int attest_minisign_parse(attest_span_t text, uint8_t sig[74],
    attest_span_t *comment, uint8_t global[crypto_sign_BYTES]);
static int attest_minisign_global(const attest_minisign_key_t *key,
    const uint8_t sig[crypto_sign_BYTES], attest_span_t comment,
    const uint8_t global[crypto_sign_BYTES]);
static void attest_minisign_copy(char *out, attest_span_t comment);


/* "Ed" || key id || public key */

int
attest_minisign_key(const char *text, size_t n, attest_minisign_key_t *key)
{
    uint8_t        raw[42];
    attest_span_t  rest = attest_span(text, n), line;

    if (n > ATTEST_MINISIGN_MAX || !attest_minisign_line(&rest, &line)) {
        return ATTEST_EFORMAT;
    }

    if (attest_minisign_prefix(&line, ATTEST_MINISIGN_UNTRUSTED)
        && !attest_minisign_line(&rest, &line))
    {
        return ATTEST_EFORMAT;
    }

    if (!attest_minisign_base64(line, raw, sizeof(raw))
        || memcmp(raw, "Ed", 2) != 0 || !attest_minisign_is_blank(rest))
    {
        return ATTEST_EFORMAT;
    }

    memcpy(key->id, raw + 2, sizeof(key->id));
    memcpy(key->pk, raw + 10, sizeof(key->pk));
    return ATTEST_OK;
}


int
attest_minisign_verify(const attest_minisign_key_t *key, const char *sig,
    size_t sig_len, const uint8_t *msg, size_t n,
    char comment[ATTEST_MINISIGN_COMMENT])
{
    int            rc;
    uint8_t        raw[74], global[crypto_sign_BYTES], hash[64];
    attest_span_t  text = attest_span(sig, sig_len), trusted;

    if (sig_len > ATTEST_MINISIGN_MAX) {
        return ATTEST_ELIMIT;
    }

    rc = attest_minisign_parse(text, raw, &trusted, global);
    if (rc != ATTEST_OK) {
        return rc;
    }

    if (memcmp(raw, "ED", 2) != 0) {
        return memcmp(raw, "Ed", 2) == 0 ? ATTEST_EUNSUPPORTED
                                         : ATTEST_EFORMAT;
    }

    if (memcmp(raw + 2, key->id, sizeof(key->id)) != 0) {
        return ATTEST_EMISMATCH;
    }

    if (crypto_generichash(hash, sizeof(hash), msg, n, NULL, 0) != 0
        || crypto_sign_verify_detached(raw + 10, hash, sizeof(hash), key->pk)
           != 0)
    {
        return ATTEST_ECRYPTO;
    }

    rc = attest_minisign_global(key, raw + 10, trusted, global);

    if (rc == ATTEST_OK && comment != NULL) {
        attest_minisign_copy(comment, trusted);
    }

    return rc;
}


int64_t
attest_minisign_time(const char *comment)
{
    size_t    n, label = sizeof(ATTEST_MINISIGN_TIME) - 1;
    int64_t   t = 0;

    if (strncmp(comment, ATTEST_MINISIGN_TIME, label) != 0) {
        return -1;
    }

    for (n = label; comment[n] >= '0' && comment[n] <= '9'; n++) {

        if (n - label >= ATTEST_MINISIGN_DIGITS) {
            return -1;
        }

        t = t * 10 + (comment[n] - '0');
    }

    /* what follows is a tab, which was replaced, a blank or nothing */

    return n != label && (comment[n] == '\0' || comment[n] == ' '
                          || comment[n] == '?') ? t : -1;
}


/* Four lines: comment, algorithm || key id || signature, comment, signature */

static int
attest_minisign_parse(attest_span_t text, uint8_t sig[74],
    attest_span_t *comment, uint8_t global[crypto_sign_BYTES])
{
    attest_span_t  line;

    if (!attest_minisign_line(&text, &line)
        || !attest_minisign_prefix(&line, ATTEST_MINISIGN_UNTRUSTED)
        || !attest_minisign_line(&text, &line)
        || !attest_minisign_base64(line, sig, 74)
        || !attest_minisign_line(&text, comment)
        || !attest_minisign_prefix(comment, ATTEST_MINISIGN_TRUSTED)
        || !attest_minisign_line(&text, &line)
        || !attest_minisign_base64(line, global, crypto_sign_BYTES)
        || !attest_minisign_is_blank(text)
        || comment->n >= ATTEST_MINISIGN_COMMENT)
    {
        return ATTEST_EFORMAT;
    }

    return ATTEST_OK;
}


static int
attest_minisign_global(const attest_minisign_key_t *key,
    const uint8_t sig[crypto_sign_BYTES], attest_span_t comment,
    const uint8_t global[crypto_sign_BYTES])
{
    uint8_t  buf[crypto_sign_BYTES + ATTEST_MINISIGN_COMMENT];

    memcpy(buf, sig, crypto_sign_BYTES);
    memcpy(buf + crypto_sign_BYTES, comment.p, comment.n);

    return crypto_sign_verify_detached(global, buf,
                                       crypto_sign_BYTES + comment.n, key->pk)
           == 0 ? ATTEST_OK : ATTEST_ECRYPTO;
}


static void
attest_minisign_copy(char *out, attest_span_t comment)
{
    size_t  i;

    for (i = 0; i < comment.n; i++) {
        out[i] = comment.p[i] >= 0x20 && comment.p[i] < 0x7f
                 ? (char) comment.p[i] : '?';
    }

    out[i] = '\0';
}


/* The next line without its end; 0 when there is none. */

static bool
attest_minisign_line(attest_span_t *text, attest_span_t *line)
{
    const uint8_t  *end;

    if (text->n == 0) {
        return 0;
    }

    end = memchr(text->p, '\n', text->n);

    *line = attest_span(text->p,
                        end == NULL ? text->n : (size_t) (end - text->p));

    text->p += line->n + (end != NULL);
    text->n -= line->n + (end != NULL);

    if (line->n != 0 && line->p[line->n - 1] == '\r') {
        line->n--;
    }

    return 1;
}


static bool
attest_minisign_prefix(attest_span_t *line, const char *prefix)
{
    size_t  n = strlen(prefix);

    if (line->n < n || memcmp(line->p, prefix, n) != 0) {
        return 0;
    }

    line->p += n;
    line->n -= n;
    return 1;
}


static bool
attest_minisign_base64(attest_span_t line, uint8_t *out, size_t want)
{
    size_t  n;

    return attest_base64_decode(line, ATTEST_BASE64, out, want, &n)
           == ATTEST_OK && n == want;
}


static bool
attest_minisign_is_blank(attest_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] != '\n' && text.p[i] != '\r') {
            return 0;
        }
    }

    return 1;
}
