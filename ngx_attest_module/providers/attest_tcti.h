
/*
 * How commands reach the TPM: a TCTI of our own around every transport, so
 * that one deadline bounds a whole call, answers are bounded and checked
 * before tpm2-tss parses them, and a busy TPM is asked again.
 */


#ifndef ATTEST_TCTI_H_INCLUDED
#define ATTEST_TCTI_H_INCLUDED


#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tss2/tss2_tcti.h>

#include "attest_core.h"


#define ATTEST_TCTI_MAX       4096     /* TPM2_MAX_COMMAND_SIZE */
#define ATTEST_TCTI_HEADER    10       /* tag, size, code */


typedef struct attest_tcti_s  attest_tcti_t;

struct attest_tcti_s {
    TSS2_TCTI_CONTEXT_COMMON_V1   v1;        /* first: tpm2-tss casts to it */
    int64_t                       deadline;  /* monotonic milliseconds */
    int                           fd;        /* swtpm, -1: not open */
    TSS2_TCTI_CONTEXT            *inner;     /* all others */
    int                           broken;    /* out of step with the TPM */
    uint8_t                       command[ATTEST_TCTI_MAX];
    size_t                        command_len;
    uint8_t                      *answer;    /* where the last one was put */
    size_t                        answer_len;
    char                          reason[128];
};

/* A "swtpm:" string, taken apart. */
typedef struct {
    union {
        struct sockaddr           sa;
        struct sockaddr_in        in;
        struct sockaddr_in6       in6;
        struct sockaddr_un        un;
    }                             addr;
    socklen_t                     len;
} attest_tcti_addr_t;


/* Monotonic clock, and what is left of the time, never negative. */
int64_t attest_tcti_now(void);
int attest_tcti_left(attest_tcti_t *t);

/*
 * Opens the transport.  On failure t->reason says why and nothing is open;
 * on success v1.finalize (Tss2_Tcti_Finalize) closes it.
 */
int attest_tcti_open(attest_tcti_t *t, const char *tcti, int64_t deadline);

/* Wipes the last answer, where tpm2-tss keeps it until it is finalized. */
void attest_tcti_wipe(attest_tcti_t *t);

/* Remembers why the transport can be used no more. */
TSS2_RC attest_tcti_break(attest_tcti_t *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Is it a "swtpm:" string?  Syntax of what is behind the colon. */
int attest_tcti_is_swtpm(const char *tcti);
int attest_tcti_swtpm_parse(const char *conf, attest_tcti_addr_t *addr,
    char *err, size_t err_len);

/* The swtpm transport: each bounded by t->deadline. */
int attest_tcti_swtpm_connect(attest_tcti_t *t, const char *conf);
TSS2_RC attest_tcti_swtpm_send(attest_tcti_t *t);
TSS2_RC attest_tcti_swtpm_recv(attest_tcti_t *t, uint8_t *p, size_t *len);


#endif /* ATTEST_TCTI_H_INCLUDED */
