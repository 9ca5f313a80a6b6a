/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A certificate of a chain, in words.
 */


#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "core/base/attest_hex.h"
#include "core/crypto/attest_x509.h"
#include "cli/cli.h"
#include "cli/cli_print.h"
#include "cli/cli_x509.h"


static void cli_x509_name(const char *what, const X509_NAME *name);
static void cli_x509_time(const char *what, const ASN1_TIME *t);
static void cli_x509_serial(X509 *x);


void
cli_x509_show(const char *what, X509 *x)
{
    EVP_PKEY  *key = X509_get0_pubkey(x);

    cli_x509_name(what, X509_get_subject_name(x));
    cli_x509_name("  issued by", X509_get_issuer_name(x));
    cli_x509_serial(x);
    cli_x509_time("  valid from", X509_get0_notBefore(x));
    cli_x509_time("  valid until", X509_get0_notAfter(x));

    if (key != NULL) {
        cli_x509_key("  its key", key);
    }
}


void
cli_x509_key(const char *what, EVP_PKEY *key)
{
    char     hex[65];
    uint8_t  spki[ATTEST_SHA256_LEN];

    if (attest_x509_spki_hash(key, spki) != ATTEST_OK) {
        cli_printf("%-24s%s\n", what, "?");
        return;
    }

    attest_hex_encode(hex, spki, sizeof(spki));
    cli_printf("%-24s%s %d bits, SHA-256 %s\n", what,
               EVP_PKEY_is_a(key, "RSA") ? "RSA"
               : EVP_PKEY_is_a(key, "EC") ? "EC" : "unknown",
               EVP_PKEY_get_bits(key), hex);
}


/* RFC 2253 escapes what is no printable character. */

static void
cli_x509_name(const char *what, const X509_NAME *name)
{
    BIO            *bio = BIO_new(BIO_s_mem());
    char           *p;
    long            n = 0;
    attest_span_t   s = { (const uint8_t *) "", 0 };

    if (bio != NULL
        && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
    {
        n = BIO_get_mem_data(bio, &p);
        s = attest_span(p, n > 0 ? (size_t) n : 0);
    }

    cli_print_line(what, s);
    BIO_free(bio);
}


static void
cli_x509_time(const char *what, const ASN1_TIME *t)
{
    struct tm  tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1) {
        cli_printf("%-24s%s\n", what, "?");
        return;
    }

    cli_print_time(what, (int64_t) timegm(&tm));
}


static void
cli_x509_serial(X509 *x)
{
    uint8_t              bytes[64];
    const ASN1_INTEGER  *serial = X509_get0_serialNumber(x);
    int                  n = ASN1_STRING_length(serial);

    if (n < 0 || (size_t) n > sizeof(bytes)) {
        return;
    }

    memcpy(bytes, ASN1_STRING_get0_data(serial), (size_t) n);
    cli_print_hex("  serial number", bytes, (size_t) n);
}
