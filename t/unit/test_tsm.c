/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The TSM's item: its one encoding, both ways, and what is refused.
 */

#include "core/base/attest_cbor.h"
#include "core/evidence/attest_tsm.h"
#include "unit.h"


#define ROOM  65536


static uint8_t  buf[2 * ROOM], out[2 * ROOM];


static attest_span_t text(const char *s);
static int same(attest_span_t a, attest_span_t b);
static void full(attest_tsm_t *tsm);
static int parsed(const char *hex);
static void roundtrip(const attest_tsm_t *tsm, const char *what);
static void test_roundtrip(void);
static void test_encode_refused(void);
static void test_bytes(void);
static void test_parse_refused(void);
static void test_cuts(void);
static void test_limits(void);


int
main(void)
{
    test_roundtrip();
    test_encode_refused();
    test_bytes();
    test_parse_refused();
    test_cuts();
    test_limits();

    DONE();
}


static attest_span_t
text(const char *s)
{
    attest_span_t  span = { (const uint8_t *) s, strlen(s) };

    return span;
}


static int
same(attest_span_t a, attest_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


static void
full(attest_tsm_t *tsm)
{
    tsm->provider = text("sev_guest");
    tsm->outblob = text("the report");
    tsm->auxblob = text("the certificates");
    tsm->manifestblob = text("the manifest");
    tsm->service_provider = text("svsm");
}


static void
roundtrip(const attest_tsm_t *tsm, const char *what)
{
    size_t         len = 0, want;
    attest_tsm_t   back;

    IS_INT(attest_tsm_encode(tsm, NULL, &len), ATTEST_ENOSPACE,
           "%s: measures", what);
    want = len--;
    IS_INT(attest_tsm_encode(tsm, out, &len), ATTEST_ENOSPACE,
           "%s: a byte short", what);
    IS_INT(len, want, "%s: says what it needs", what);
    IS_INT(attest_tsm_encode(tsm, out, &len), ATTEST_OK, "%s: encodes", what);
    IS_INT(len, want, "%s: as measured", what);
    IS_INT(attest_tsm_parse(out, len, &back), ATTEST_OK, "%s: parses", what);
    OK(same(back.provider, tsm->provider)
       && same(back.outblob, tsm->outblob)
       && same(back.auxblob, tsm->auxblob)
       && same(back.manifestblob, tsm->manifestblob)
       && same(back.service_provider, tsm->service_provider),
       "%s: comes back", what);
}


static void
test_roundtrip(void)
{
    attest_tsm_t  tsm;

    full(&tsm);
    roundtrip(&tsm, "all");

    tsm.auxblob.n = 0;
    roundtrip(&tsm, "no certificates");

    tsm.manifestblob.n = 0;
    tsm.service_provider.n = 0;
    roundtrip(&tsm, "a report alone");

    memset(buf, 0x5a, 40000);
    tsm.outblob.p = buf;
    tsm.outblob.n = 40000;
    roundtrip(&tsm, "a long report");
}


static void
test_encode_refused(void)
{
    size_t        len;
    attest_tsm_t  tsm;

    full(&tsm);
    tsm.provider.n = 0;
    len = ROOM;
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG, "no provider");

    full(&tsm);
    tsm.outblob.n = 0;
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG, "no report");

    full(&tsm);
    tsm.service_provider.n = 0;
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG,
           "a manifest by nobody");

    full(&tsm);
    tsm.manifestblob.n = 0;
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG,
           "a service without a manifest");

    full(&tsm);
    tsm.provider = text("a name of more than 31 characters");
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG, "a long name");

    full(&tsm);
    tsm.service_provider = text("a name of more than 31 characters");
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_EARG,
           "a service's long name");
}


#define AUX       "67" "617578626c6f62" "41aa"
#define OUTBLOB   "67" "6f7574626c6f62" "41bb"
#define PROVIDER  "68" "70726f7669646572" "69" "7365765f6775657374"
#define MANIFEST  "6c" "6d616e6966657374626c6f62" "41cc"
#define SERVICE   "70" "736572766963655f70726f7669646572" "64" "7376736d"

static int
parsed(const char *hex)
{
    size_t        n = unit_hex(hex, buf, ROOM);
    attest_tsm_t  tsm;
    int           rc = attest_tsm_parse(buf, n, &tsm);

    if (rc != ATTEST_OK
        && (tsm.provider.n != 0 || tsm.outblob.n != 0 || tsm.auxblob.n != 0
            || tsm.manifestblob.n != 0 || tsm.service_provider.n != 0))
    {
        return 1;                          /* it must leave nothing behind */
    }

    return rc;
}


static void
test_bytes(void)
{
    size_t        n, len = ROOM;
    attest_tsm_t  tsm;

    n = unit_hex("a5" AUX OUTBLOB PROVIDER MANIFEST SERVICE, buf, ROOM);
    IS_INT(attest_tsm_parse(buf, n, &tsm), ATTEST_OK, "by hand");
    OK(tsm.outblob.n == 1 && tsm.outblob.p[0] == 0xbb
       && tsm.auxblob.p[0] == 0xaa && tsm.manifestblob.p[0] == 0xcc
       && attest_span_is(tsm.provider, "sev_guest")
       && attest_span_is(tsm.service_provider, "svsm"), "every member");
    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_OK, "and back");
    OK(len == n && memcmp(out, buf, n) == 0, "to the same bytes");
}


static void
test_parse_refused(void)
{
    IS_INT(parsed("a2" OUTBLOB PROVIDER), ATTEST_OK, "the least");
    IS_INT(parsed("a2" PROVIDER OUTBLOB), ATTEST_OK, "in another order");
    IS_INT(parsed("a1" OUTBLOB), ATTEST_EFORMAT, "no provider");
    IS_INT(parsed("a1" PROVIDER), ATTEST_EFORMAT, "no report");
    IS_INT(parsed("a2" PROVIDER "67" "6f7574626c6f62" "40"), ATTEST_EFORMAT,
           "an empty report");
    IS_INT(parsed("a3" OUTBLOB OUTBLOB PROVIDER), ATTEST_EFORMAT,
           "a report twice");
    IS_INT(parsed("a3" OUTBLOB PROVIDER PROVIDER), ATTEST_EFORMAT,
           "a provider twice");
    IS_INT(parsed("a4" AUX AUX OUTBLOB PROVIDER), ATTEST_EFORMAT,
           "certificates twice");
    IS_INT(parsed("a3" OUTBLOB PROVIDER "6161" "4100"), ATTEST_EFORMAT,
           "an unknown key");
    IS_INT(parsed("a3" OUTBLOB PROVIDER "01" "4100"), ATTEST_EFORMAT,
           "a number for a key");
    IS_INT(parsed("a3" OUTBLOB PROVIDER MANIFEST), ATTEST_EFORMAT,
           "a manifest by nobody");
    IS_INT(parsed("a3" OUTBLOB PROVIDER SERVICE), ATTEST_EFORMAT,
           "a service without a manifest");
    IS_INT(parsed("a2" OUTBLOB PROVIDER "00"), ATTEST_EFORMAT,
           "a byte behind");
    IS_INT(parsed("a3" OUTBLOB PROVIDER), ATTEST_EFORMAT, "one too few");
    IS_INT(parsed("a2" PROVIDER "67" "6f7574626c6f62" "61bb"),
           ATTEST_EFORMAT, "a report that is text");
    IS_INT(parsed("a2" OUTBLOB "68" "70726f7669646572" "41aa"),
           ATTEST_EFORMAT, "a provider that is bytes");
    IS_INT(parsed("bf" OUTBLOB PROVIDER "ff"), ATTEST_EFORMAT,
           "indefinite length");
    IS_INT(parsed("b802" OUTBLOB PROVIDER), ATTEST_EFORMAT,
           "a longer head than needed");
    IS_INT(parsed("82" OUTBLOB PROVIDER), ATTEST_EFORMAT, "an array");
    IS_INT(parsed("a2" OUTBLOB "68" "70726f7669646572" "7820"
                  "6161616161616161616161616161616161616161616161616161616161"
                  "616161"), ATTEST_EFORMAT, "a provider of 32 characters");
    IS_INT(parsed("a2" OUTBLOB "68" "70726f7669646572" "6473657600"),
           ATTEST_EFORMAT, "a NUL in a name");
    IS_INT(parsed("a2" OUTBLOB "68" "70726f7669646572" "62c3a4"),
           ATTEST_EFORMAT, "a name that is not ASCII");
    IS_INT(attest_tsm_parse(buf, 0, &(attest_tsm_t) { .provider.n = 1 }),
           ATTEST_EFORMAT, "nothing");
}


/* Each prefix of a good one, and each length in it one up or down. */

static void
test_cuts(void)
{
    int           bad = 0;
    size_t        i, n;
    attest_tsm_t  tsm;

    static const size_t  heads[] = { 0, 1, 9, 11, 19, 21, 30, 40, 53, 55, 72 };

    n = unit_hex("a5" AUX OUTBLOB PROVIDER MANIFEST SERVICE, buf, ROOM);

    for (i = 0; i < n; i++) {
        bad += attest_tsm_parse(buf, i, &tsm) == ATTEST_OK;
    }

    IS_INT(bad, 0, "no cut of %zu bytes parses", n);

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        buf[heads[i]]++;
        bad += attest_tsm_parse(buf, n, &tsm) == ATTEST_OK;
        buf[heads[i]] -= 2;
        bad += attest_tsm_parse(buf, n, &tsm) == ATTEST_OK;
        buf[heads[i]]++;
    }

    IS_INT(bad, 0, "no length that is off by one parses");
    IS_INT(attest_tsm_parse(buf, n, &tsm), ATTEST_OK, "as it was");
}


static void
test_limits(void)
{
    size_t        len = sizeof(out);
    attest_tsm_t  tsm;

    full(&tsm);
    memset(buf, 0x5a, ROOM);
    tsm.outblob.p = buf;
    tsm.outblob.n = ROOM;

    IS_INT(attest_tsm_encode(&tsm, out, &len), ATTEST_OK, "64 KiB encode");
    IS_INT(attest_tsm_parse(out, len, &tsm), ATTEST_ELIMIT,
           "but no item is that long");
}
