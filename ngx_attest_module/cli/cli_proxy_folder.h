/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_PROXY_FOLDER_H_INCLUDED
#define CLI_PROXY_FOLDER_H_INCLUDED


#include <sys/types.h>

#include "cli/cli_proxy.h"


/*
 * The private folder of a running nginx, and a process that removes it when
 * this one has ended, however it has.
 */

typedef struct {
    char    path[CLI_MAX_PATH];
    int     parent;                 /* the folder that it is in */
    int     fd;                     /* itself, whatever its name leads to */
    uid_t   worker;                 /* whose files are in it, beside ours */
    pid_t   keeper;
    int     pipe;                   /* to it; closed: it is time */
} cli_proxy_folder_t;


/* With all files in it.  CLI_OK, or an error that was reported. */
int cli_proxy_folder_make(cli_proxy_folder_t *folder, const cli_proxy_t *px,
    const char *conf);
/* The group of processes that has to be gone first. */
void cli_proxy_folder_group(const cli_proxy_folder_t *folder, pid_t group);
/* Waits until nothing is left; CLI_OK, or an error that was reported. */
int cli_proxy_folder_remove(cli_proxy_folder_t *folder);


#endif /* CLI_PROXY_FOLDER_H_INCLUDED */
