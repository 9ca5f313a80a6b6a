/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Wipes that a sanitizer sees: in sanitized builds a wipe of memory that is
 * somebody else's by now ends the program, which is what tests of whole
 * gateways rely on (t/doubles/visible_wipes.c).  Elsewhere it is only shown
 * that they wipe.
 */

#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sodium.h>

#include "unit.h"


typedef void (*wipe_pt)(void *p, size_t n);


static int
wipes(wipe_pt wipe)
{
    char    text[64], zero[64] = { 0 };
    size_t  i;

    memset(text, 'x', sizeof(text));
    wipe(text, sizeof(text) - 1);

    for (i = 0; i < sizeof(text) - 1; i++) {
        if (text[i] != zero[i]) {
            return 0;
        }
    }

    return text[sizeof(text) - 1] == 'x';
}


/* 1 when a child that wipes freed memory is ended for it. */

static int
is_seen(wipe_pt wipe)
{
    int             status;
    pid_t           pid;
    void *volatile  p = malloc(4096);

    pid = fork();

    if (pid == 0) {
        (void) close(STDERR_FILENO);
        free(p);
        wipe(p, 4096);
        _exit(0);
    }

    free(p);

    return pid > 0 && waitpid(pid, &status, 0) == pid
           && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}


int
main(void)
{
    size_t  i;

    static const struct {
        const char  *name;
        wipe_pt      wipe;
    } all[] = {
        { "sodium_memzero()", sodium_memzero },
        { "OPENSSL_cleanse()", OPENSSL_cleanse },
        { "explicit_bzero()", explicit_bzero }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        OK(wipes(all[i].wipe), "%s wipes", all[i].name);

#ifdef __SANITIZE_ADDRESS__
        OK(is_seen(all[i].wipe), "%s of freed memory is seen", all[i].name);
#else
        (void) is_seen;
#endif
    }

    DONE();
}
