/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plays a firmware: event logs in the crypto-agile form, of a TPM or of
 * Intel's CCEL table, and the values that the registers then have, computed
 * here and by nothing of ours.  OpenSSL and the C library only, no I/O.
 *
 *     log_double_t  *l = calloc(1, sizeof(*l));
 *
 *     log_double_tpm(l, algs, n)          a whole boot, in these banks
 *     log_double_ccel(l)                  a TD's, padded to 64 KiB
 *
 * or, by hand, log_double_start() and log_double_event().
 */


#ifndef LOG_DOUBLE_H_INCLUDED
#define LOG_DOUBLE_H_INCLUDED


#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>


#define LOG_DOUBLE_ROOM      65536
#define LOG_DOUBLE_BANKS     3
#define LOG_DOUBLE_PCRS      24

#define LOG_DOUBLE_SHA1      0x0004
#define LOG_DOUBLE_SHA256    0x000b
#define LOG_DOUBLE_SHA384    0x000c


typedef struct {
    uint8_t    p[LOG_DOUBLE_ROOM];
    size_t     n;                    /* with padding */
    size_t     end;                  /* of the last event */
    size_t     events;               /* with the header */
    size_t     banks;
    uint16_t   alg[LOG_DOUBLE_BANKS];
    uint8_t    value[LOG_DOUBLE_BANKS][LOG_DOUBLE_PCRS][64];
    uint32_t   extended;             /* a bit for each register */
} log_double_t;


static inline const EVP_MD *
log_double_md(uint16_t alg)
{
    return alg == LOG_DOUBLE_SHA1 ? EVP_sha1()
           : alg == LOG_DOUBLE_SHA256 ? EVP_sha256() : EVP_sha384();
}


static inline void
log_double_put(log_double_t *l, const void *p, size_t n)
{
    if (n <= sizeof(l->p) - l->n) {
        memcpy(l->p + l->n, p, n);
        l->n += n;
    }
}


static inline void
log_double_le(log_double_t *l, uint32_t v, int bytes)
{
    uint8_t  out[4] = { (uint8_t) v, (uint8_t) (v >> 8),
                        (uint8_t) (v >> 16), (uint8_t) (v >> 24) };

    log_double_put(l, out, (size_t) bytes);
}


/* The header, which is an event of SHA-1's form: its digest is zero. */

static inline void
log_double_start(log_double_t *l, const uint16_t *algs, size_t n)
{
    size_t         i;
    const uint8_t  zero[20] = { 0 };

    memset(l, 0, sizeof(*l));
    l->banks = n;
    l->events = 1;

    log_double_le(l, 0, 4);
    log_double_le(l, 3, 4);
    log_double_put(l, zero, sizeof(zero));
    log_double_le(l, (uint32_t) (16 + 8 + 4 + 4 * n + 1), 4);
    log_double_put(l, "Spec ID Event03", 16);
    log_double_put(l, "\0\0\0\0\0\2\0\2", 8);
    log_double_le(l, (uint32_t) n, 4);

    for (i = 0; i < n; i++) {
        l->alg[i] = algs[i];
        log_double_le(l, algs[i], 2);
        log_double_le(l, (uint32_t) EVP_MD_get_size(log_double_md(algs[i])),
                      2);
    }

    log_double_le(l, 0, 1);
    l->end = l->n;
}


/*
 * Measured is what the event shows, but for the NUL of a boot loader's text;
 * EV_NO_ACTION (3) extends nothing.
 */

static inline void
log_double_event(log_double_t *l, uint32_t pcr, uint32_t type,
    const void *data, size_t len)
{
    size_t         i, size, measured = len - (type == 13);
    uint8_t        both[128];
    const EVP_MD  *md;

    log_double_le(l, pcr, 4);
    log_double_le(l, type, 4);
    log_double_le(l, (uint32_t) l->banks, 4);

    for (i = 0; i < l->banks; i++) {
        md = log_double_md(l->alg[i]);
        size = (size_t) EVP_MD_get_size(md);
        memset(both, 0, sizeof(both));

        if (type != 3) {
            memcpy(both, l->value[i][pcr], size);
            (void) EVP_Digest(data, measured, both + size, NULL, md, NULL);
            (void) EVP_Digest(both, 2 * size, l->value[i][pcr], NULL, md,
                              NULL);
            l->extended |= 1u << pcr;
        }

        log_double_le(l, l->alg[i], 2);
        log_double_put(l, both + size, size);
    }

    log_double_le(l, (uint32_t) len, 4);
    log_double_put(l, data, len);
    l->events++;
    l->end = l->n;
}


static inline void
log_double_text(log_double_t *l, uint32_t pcr, uint32_t type,
    const char *text)
{
    log_double_event(l, pcr, type, text, strlen(text) + (type == 13));
}


/* An EFI_VARIABLE's name and content, as EV_EFI_VARIABLE_* show it. */

static inline void
log_double_variable(log_double_t *l, uint32_t pcr, uint32_t type,
    const char *name, const char *content)
{
    size_t   i, n = 0;
    uint8_t  data[512];

    memset(data, 0, sizeof(data));
    memcpy(data, "\xd0\xd0\xe4\x8b\xca\x93\xd2\x11"
           "\xaa\x0d\x00\xe0\x98\x03\x2b\x8c", 16);
    data[16] = (uint8_t) strlen(name);
    data[24] = (uint8_t) strlen(content);

    for (i = 0, n = 32; name[i] != '\0'; i++, n += 2) {
        data[n] = (uint8_t) name[i];
    }

    memcpy(data + n, content, strlen(content));
    log_double_event(l, pcr, type, data, n + strlen(content));
}


/* UEFI_IMAGE_LOAD_EVENT: where it lies, and no device path. */

static inline void
log_double_image(log_double_t *l, uint32_t pcr, uint8_t at)
{
    uint8_t  data[32] = { 0 };

    data[2] = at;
    data[9] = at;
    log_double_event(l, pcr, 0x80000003, data, sizeof(data));
}


/* What firmware, boot loader and kernel measure in one boot. */

static inline void
log_double_boot(log_double_t *l, const uint32_t pcr[24])
{
    unsigned  i;
    char      text[64];

    static const char *const  variables[] = {
        "SecureBoot", "PK", "KEK", "db", "dbx"
    };

    log_double_event(l, pcr[0], 8, "F\0W\0" "1\0\0", 8);
    log_double_event(l, pcr[0], 0x80000008,
                     "\0\0\x82\0\0\0\0\0\0\0\x0e\0\0\0\0", 16);

    for (i = 0; i < 5; i++) {
        log_double_variable(l, pcr[7], 0x80000001, variables[i],
                            i == 0 ? "\1" : "");
    }

    log_double_variable(l, pcr[1], 0x80000002, "BootOrder", "");
    log_double_text(l, pcr[4], 0x80000007,
                    "Calling the loader of the first option");

    for (i = 0; i < 8; i++) {
        log_double_event(l, pcr[i], 4, "\0\0\0", 4);
    }

    log_double_image(l, pcr[4], 0x10);
    log_double_variable(l, pcr[7], 0x800000e0, "db",
                        "a GUID of sixtee: the maker's key");
    log_double_image(l, pcr[4], 0x20);

    for (i = 0; i < 10; i++) {
        (void) snprintf(text, sizeof(text), "grub_cmd: set line=%u", i);
        log_double_text(l, pcr[8], 13, text);
        (void) snprintf(text, sizeof(text), "(hd0,gpt1)/file-%u", i);
        log_double_text(l, pcr[9], 13, text);
    }

    log_double_text(l, pcr[14], 13, "MokList");
    log_double_text(l, pcr[5], 0x80000007,
                    "Leaving what the firmware offers");
}


static inline void
log_double_tpm(log_double_t *l, const uint16_t *algs, size_t n)
{
    uint32_t  i, pcr[24];

    for (i = 0; i < 24; i++) {
        pcr[i] = i;
    }

    log_double_start(l, algs, n);
    log_double_boot(l, pcr);
}


/* Register 1 of the table is RTMR 0; ff fills it up. */

static inline void
log_double_ccel(log_double_t *l)
{
    uint32_t                i, pcr[24];
    static const uint16_t   alg = LOG_DOUBLE_SHA384;

    for (i = 0; i < 24; i++) {
        pcr[i] = i == 1 || i == 7 ? 1 : i == 0 ? 1 : i < 7 ? 2 : 3;
    }

    log_double_start(l, &alg, 1);
    l->p[0] = 1;
    log_double_boot(l, pcr);
    memset(l->p + l->n, 0xff, sizeof(l->p) - l->n);
    l->n = sizeof(l->p);
}


#endif /* LOG_DOUBLE_H_INCLUDED */
