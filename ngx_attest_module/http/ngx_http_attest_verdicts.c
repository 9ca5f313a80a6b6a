/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is known of the peers of verified groups, for the report: copied out
 * of the zone once, for the page and for JSON, with the words for it.
 */


#include "http/ngx_http_attest_verdicts.h"


static ngx_int_t ngx_http_attest_verdicts_group(ngx_http_request_t *r,
    ngx_http_attest_verify_t *v, ngx_array_t *peers);
static ngx_uint_t ngx_http_attest_verdicts_group_is_good(
    ngx_http_attest_verify_t *v);


static const char *const  ngx_http_attest_verdicts_failures[] = {
    "It is asked again before its evidence expires, and does not answer, or "
        "its evidence is not what the policy wants any more.",
    "It shows another TLS key than the one that was verified: then nothing is "
        "sent on that connection until the new key is verified, too.",
    "Its firmware, kernel or configuration is another than the policy names.",
    "Somebody in between ends TLS, or hands on the evidence of another "
        "machine.",
    "The policy here is replaced: what was verified by the old one does not "
        "count.",
    NULL
};


ngx_array_t *
ngx_http_attest_verdicts(ngx_http_request_t *r,
    ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_array_t                *peers;
    ngx_http_attest_verify_t  **v;

    peers = ngx_array_create(r->pool, 4, sizeof(ngx_http_attest_verdict_t *));
    if (peers == NULL) {
        return NULL;
    }

    v = amcf->verified->elts;

    for (i = 0; i < amcf->verified->nelts; i++) {
        if (ngx_http_attest_verdicts_group(r, v[i], peers) != NGX_OK) {
            return NULL;
        }
    }

    return peers;
}


static ngx_int_t
ngx_http_attest_verdicts_group(ngx_http_request_t *r,
    ngx_http_attest_verify_t *v, ngx_array_t *peers)
{
    ngx_uint_t                   slot;
    ngx_http_attest_verdict_t   *peer, **p;

    peer = NULL;

    for (slot = 0; /* void */ ; slot++) {

        if (peer == NULL) {
            peer = ngx_palloc(r->pool, sizeof(ngx_http_attest_verdict_t));
            if (peer == NULL) {
                return NGX_ERROR;
            }
        }

        if (ngx_http_attest_identity_state(v, slot, &peer->state) != NGX_OK) {
            break;
        }

        if (peer->state.name[0] == '\0') {
            continue;
        }

        peer->verify = v;
        peer->told_len = ngx_http_attest_identity_checks(v, slot, peer->told);

        p = ngx_array_push(peers);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *p = peer;
        peer = NULL;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_attest_verdicts_check(ngx_http_attest_verdict_t *peer, size_t *p,
    ngx_http_attest_verdict_check_t *check)
{
    if (*p >= peer->told_len) {
        return NGX_DONE;
    }

    check->state = peer->told[(*p)++];

    check->id = (const char *) &peer->told[*p];
    *p += ngx_strlen(check->id) + 1;

    check->text = (const char *) &peer->told[*p];
    *p += ngx_strlen(check->text) + 1;

    return NGX_OK;
}


ngx_uint_t
ngx_http_attest_verdicts_are_good(ngx_http_attest_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_attest_verify_t  **v;

    v = amcf->verified->elts;

    for (i = 0; i < amcf->verified->nelts; i++) {
        if (!ngx_http_attest_verdicts_group_is_good(v[i])) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_attest_verdicts_is_good(const ngx_http_attest_peer_state_t *state)
{
    return state->valid && state->verdict != ATTEST_NOT_TRUSTED;
}


static ngx_uint_t
ngx_http_attest_verdicts_group_is_good(ngx_http_attest_verify_t *v)
{
    ngx_uint_t                     slot;
    ngx_http_attest_peer_state_t   state;

    for (slot = 0; ngx_http_attest_identity_state(v, slot, &state) == NGX_OK;
         slot++)
    {
        if (state.name[0] != '\0'
            && ngx_http_attest_verdicts_is_good(&state))
        {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_http_attest_verdicts_state(ngx_uint_t state)
{
    switch (state) {

    case ATTEST_CHECK_PASS:
        return "pass";

    case ATTEST_CHECK_FAIL:
        return "fail";

    case ATTEST_CHECK_NOTE:
        return "note";

    default: /* ATTEST_CHECK_UNKNOWN */
        return "unknown";
    }
}


void
ngx_http_attest_verdicts_policy(ngx_http_attest_verify_t *v, ngx_str_t *name)
{
    size_t  i;

    *name = v->file->path;

    for (i = name->len; i > 0; i--) {
        if (name->data[i - 1] == '/') {
            name->data += i;
            name->len -= i;
            break;
        }
    }
}


const char *
ngx_http_attest_verdicts_fails(ngx_uint_t n)
{
    return ngx_http_attest_verdicts_failures[n];
}
