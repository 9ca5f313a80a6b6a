/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads what a client asks of the evidence endpoint: arguments, a JSON body.
 */


#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attest_cbor.h"
#include "core/base/attest_hex.h"
#include "core/base/attest_json.h"
#include "core/evidence/attest_accept.h"
#include "core/evidence/attest_request.h"
#include "core/base/attest_wire.h"


#define ATTEST_BINDING_EXPORTER  "tls-exporter"


static int attest_request_fail(attest_request_t *req, const char *why);
static int attest_request_nonce(attest_request_t *req, attest_span_t hex);
static int attest_request_binding(attest_request_t *req, attest_span_t s);
static int attest_request_tpm2b(attest_request_t *req, attest_span_t hex,
    uint8_t *out, size_t room, size_t *len);
static int attest_request_member(attest_request_t *req, attest_span_t name,
    attest_span_t value, int post);
static bool attest_request_is_plain(const uint8_t *p, size_t n);
static int attest_request_members(attest_request_t *req, const cJSON *root);
static int attest_request_complete(attest_request_t *req);




static int
attest_request_fail(attest_request_t *req, const char *why)
{
    req->why = why;
    return ATTEST_EFORMAT;
}


static int
attest_request_nonce(attest_request_t *req, attest_span_t hex)
{
    if (req->nonce_len != 0) {
        return attest_request_fail(req, "nonce is given twice");
    }

    if (hex.n < 2 * ATTEST_NONCE_MIN || hex.n > 2 * ATTEST_NONCE_MAX
        || hex.n % 2 != 0
        || attest_hex_decode(hex, req->nonce, sizeof(req->nonce),
                             &req->nonce_len)
           != ATTEST_OK)
    {
        return attest_request_fail(req, "nonce must be 64 to 128 hexadecimal "
                                   "digits, an even number of them");
    }

    return ATTEST_OK;
}


static int
attest_request_binding(attest_request_t *req, attest_span_t s)
{
    if (req->exporter) {
        return attest_request_fail(req, "binding is given twice");
    }

    if (!attest_span_is(s, ATTEST_BINDING_EXPORTER)) {
        return attest_request_fail(req, "binding must be "
                                   ATTEST_BINDING_EXPORTER);
    }

    req->exporter = 1;
    return ATTEST_OK;
}


/*
 * A sized buffer of TPM 2.0 part 2, section 10.4: u16be size, then so many
 * bytes.  Checked here, so that the TPM is not bothered with anything else.
 */

static int
attest_request_tpm2b(attest_request_t *req, attest_span_t hex, uint8_t *out,
    size_t room, size_t *len)
{
    if (*len != 0) {
        return attest_request_fail(req, "a member is given twice");
    }

    if (hex.n > 2 * room
        || attest_hex_decode(hex, out, room, len) != ATTEST_OK
        || *len < 3 || attest_wire_get_be16(out) != *len - 2)
    {
        *len = 0;
        return attest_request_fail(req, "credential and secret must be "
                                   "TPM2B structures in hexadecimal");
    }

    return ATTEST_OK;
}


static int
attest_request_member(attest_request_t *req, attest_span_t name,
    attest_span_t value, int post)
{
    if (attest_span_is(name, "nonce")) {
        return attest_request_nonce(req, value);
    }

    if (attest_span_is(name, "binding")) {
        return attest_request_binding(req, value);
    }

    if (!post) {
        return attest_request_fail(req, "the only arguments are nonce and "
                                   "binding");
    }

    if (attest_span_is(name, "credential")) {
        return attest_request_tpm2b(req, value, req->cred, sizeof(req->cred),
                                    &req->cred_len);
    }

    if (attest_span_is(name, "secret")) {
        return attest_request_tpm2b(req, value, req->enc, sizeof(req->enc),
                                    &req->enc_len);
    }

    return attest_request_fail(req, "the only members are nonce and binding, "
                               "or credential and secret");
}


/* Either form, whole, and not a mixture of both. */

static int
attest_request_complete(attest_request_t *req)
{
    if (req->cred_len != 0 || req->enc_len != 0) {

        if (req->cred_len == 0 || req->enc_len == 0 || req->nonce_len != 0
            || req->exporter)
        {
            return attest_request_fail(req, "credential and secret go "
                                       "together, and without a nonce");
        }

        return ATTEST_OK;
    }

    if (req->nonce_len == 0) {
        return attest_request_fail(req, "nonce is missing");
    }

    return ATTEST_OK;
}


int
attest_request_args(const uint8_t *p, size_t n, attest_request_t *req)
{
    int             rc;
    const uint8_t  *end, *amp, *eq;
    attest_span_t   name, value;

    memset(req, 0, sizeof(attest_request_t));

    if (n == 0) {
        return attest_request_complete(req);
    }

    end = p + n;

    /* no percent-decoding: nothing that is allowed here needs it */

    for ( ;; ) {
        amp = memchr(p, '&', (size_t) (end - p));
        if (amp == NULL) {
            amp = end;
        }

        eq = memchr(p, '=', (size_t) (amp - p));
        if (eq == NULL) {
            return attest_request_fail(req, "the only arguments are "
                                       "nonce=HEX and binding=tls-exporter");
        }

        name = attest_span(p, (size_t) (eq - p));
        value = attest_span(eq + 1, (size_t) (amp - eq) - 1);

        rc = attest_request_member(req, name, value, 0);
        if (rc != ATTEST_OK) {
            return rc;
        }

        if (amp == end) {
            return attest_request_complete(req);
        }

        p = amp + 1;
    }
}


/*
 * No name and no value of ours needs an escape, a control character or a
 * byte above 7f.  Without them cJSON's C strings are the bytes that were
 * sent: no embedded zero can shorten a name.
 */

static bool
attest_request_is_plain(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (p[i] == '\t' || p[i] == '\r' || p[i] == '\n') {
            continue;
        }

        if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '\\') {
            return 0;
        }
    }

    return 1;
}


static int
attest_request_members(attest_request_t *req, const cJSON *root)
{
    int            rc;
    const cJSON   *m;
    attest_span_t  name, value;

    if (!cJSON_IsObject(root)) {
        return attest_request_fail(req, "the body must be a JSON object");
    }

    cJSON_ArrayForEach(m, root) {
        if (!cJSON_IsString(m) || m->string == NULL) {
            return attest_request_fail(req, "members must be strings");
        }

        name = attest_span_text(m->string);
        value = attest_span_text(m->valuestring);

        rc = attest_request_member(req, name, value, 1);
        if (rc != ATTEST_OK) {
            return rc;
        }
    }

    return attest_request_complete(req);
}


int
attest_request_json(const uint8_t *p, size_t n, attest_request_t *req)
{
    int                                rc;
    cJSON                             *root;
    attest_json_fault_e                fault;
    static const attest_json_rules_t   rules = {
        .flags = ATTEST_JSON_MEMBERS
    };

    memset(req, 0, sizeof(attest_request_t));

    if (n > ATTEST_REQUEST_MAX_BODY) {
        req->why = "the body must be at most 4096 bytes";
        return ATTEST_ELIMIT;
    }

    if (n == 0 || !attest_request_is_plain(p, n)) {
        return attest_request_fail(req, "the body must be a JSON object "
                                   "without escapes");
    }

    rc = attest_json_parse(attest_span(p, n), &rules, &root, &fault);
    if (rc != ATTEST_OK) {
        return attest_request_fail(req, fault == ATTEST_JSON_TRAILING
                                   ? "something follows the JSON object"
                                   : "the body must be a JSON object");
    }

    rc = attest_request_members(req, root);

    cJSON_Delete(root);
    return rc;
}


bool
attest_request_is_json(const uint8_t *p, size_t n)
{
    return attest_accept_names(p, n, "application/json");
}
