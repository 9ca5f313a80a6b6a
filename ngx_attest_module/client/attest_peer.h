/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A gateway, asked and judged from outside: one connection, everything that
 * an appraisal wants, the verdict, and what a caller needs to use what was
 * judged.  Blocks, until its limits: for a thread, or a program that has
 * nothing else to do.  Several at once are possible; no two on one peer.
 */


#ifndef ATTEST_PEER_H_INCLUDED
#define ATTEST_PEER_H_INCLUDED


#include "core/policy/attest_policy.h"
#include "core/appraisal/attest_verify.h"
#include "client/attest_fetch.h"
#include "client/attest_peer_options.h"


typedef struct attest_peer_s  attest_peer_t;

struct attest_peer_s {
    char             err[ATTEST_CLIENT_ERR];   /* where nothing was judged */

    /* a trusted verdict alone fills these; else they are 0 */

    unsigned         trusted:1;
    unsigned         key_bound:1;       /* the claims name spki's key */
    unsigned         exporter_bound:1;  /* and this very connection */
    unsigned         has_claims:1;      /* in a collection, not in CCC's form */
    unsigned         has_validity:1;
    unsigned         has_spki:1;
    unsigned         keys_only:1;       /* who ends TLS is not the gateway:
                                           nothing but what is sealed for
                                           keys reaches what was judged */
    uint8_t          spki[ATTEST_SHA256_LEN];  /* SHA-256 of the certificate's
                                           SubjectPublicKeyInfo; without a
                                           certificate, as the claims say */
    attest_bytes_t   keys;              /* the list of prompt keys, hashed in
                                           the claims; none: n = 0 */
    unsigned         root;              /* of trust: res->root */
    uint64_t         generation;        /* as the gateway counts; 0: unknown */
    int64_t          not_before;        /* while claims and certificate are */
    int64_t          not_after;         /* both valid */
    const char      *ohttp;             /* opt->ohttp, when a gateway is there
                                           whose keys are all of the list */

    /* whatever the verdict is, when a connection stood */

    unsigned         has_end:1;
    uint8_t          end[ATTEST_SHA256_LEN];  /* as spki, of who ends TLS */

    attest_fetch_t   seen;              /* all that was told, unjudged */
};


/* Once in a process, before it has threads.  ATTEST_OK, or err is set. */
int attest_peer_init(char err[ATTEST_CLIENT_ERR]);

/*
 * ATTEST_OK: there is a verdict in res, any.  ATTEST_ECLIENT: there was nobody
 * to judge, peer->err says why; the verdict is ATTEST_UNDECIDED then and says
 * the same.  Asks anew when keys changed between two answers, or the gateway
 * closed the connection.  attest_peer_clear() after both.
 *
 * About 100 KB with res: neither belongs on the stack of an event loop.
 */
int attest_peer_appraise(attest_peer_t *peer,
    const attest_peer_options_t *opt, const attest_policy_t *policy,
    attest_result_t *res);
/* The same for what is in peer->seen already: nobody is asked. */
void attest_peer_judge(attest_peer_t *peer, const attest_peer_options_t *opt,
    const attest_policy_t *policy, attest_result_t *res);
void attest_peer_clear(attest_peer_t *peer);
/* The verdict of what was told, and no more. */
void attest_peer_verdict(const attest_fetch_t *ev,
    const attest_peer_options_t *opt, const attest_policy_t *policy,
    attest_result_t *res);


#endif /* ATTEST_PEER_H_INCLUDED */
