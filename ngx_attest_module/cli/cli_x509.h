/* SPDX-License-Identifier: Apache-2.0 */

#ifndef CLI_X509_H_INCLUDED
#define CLI_X509_H_INCLUDED


#include <openssl/x509.h>


/* Names, serial number, times and key, of one of a chain. */
void cli_x509_show(const char *what, X509 *x);
/* Type, size and SHA-256 of a key. */
void cli_x509_key(const char *what, EVP_PKEY *key);


#endif /* CLI_X509_H_INCLUDED */
