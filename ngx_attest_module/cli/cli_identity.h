/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_IDENTITY_H_INCLUDED
#define CLI_IDENTITY_H_INCLUDED


#include <openssl/ssl.h>

#include "cli/cli.h"


/* Certificate and key of --cert and --key; reports errors. */
int cli_identity(SSL_CTX *ctx, const cli_options_t *opt);


#endif /* CLI_IDENTITY_H_INCLUDED */
