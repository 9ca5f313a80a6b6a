/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The SGX extensions of a PCK certificate: each item once, each of its size.
 */


#include <string.h>

#include <openssl/objects.h>

#include "core/base/attest_der.h"
#include "core/evidence/attest_pck.h"


#define ATTEST_PCK_OID           "1.2.840.113741.1.13.1"
#define ATTEST_PCK_MAX_ITEMS     32


typedef int (*attest_pck_pt)(attest_tdx_pck_t *pck, unsigned arc,
    unsigned tag, attest_span_t value);


static int attest_pck_items(attest_span_t seq, attest_tdx_pck_t *pck,
    size_t depth, uint32_t *seen, attest_pck_pt handler);
static int attest_pck_item(attest_tdx_pck_t *pck, unsigned arc, unsigned tag,
    attest_span_t value);
static int attest_pck_tcb_item(attest_tdx_pck_t *pck, unsigned arc,
    unsigned tag, attest_span_t value);
static int attest_pck_copy(uint8_t *out, size_t n, unsigned tag,
    attest_span_t value);
static int attest_pck_uint(unsigned tag, attest_span_t value, unsigned max,
    unsigned *out);


int
attest_pck_read(X509 *cert, attest_tdx_pck_t *pck)
{
    int                 at, again;
    uint32_t            seen = 0;
    unsigned            tag;
    ASN1_OBJECT        *oid;
    attest_wire_t       w;
    attest_span_t       seq;
    ASN1_OCTET_STRING  *os;

    memset(pck, 0, sizeof(*pck));

    oid = OBJ_txt2obj(ATTEST_PCK_OID, 1);
    if (oid == NULL) {
        return ATTEST_EINTERNAL;
    }

    at = X509_get_ext_by_OBJ(cert, oid, -1);
    again = at < 0 ? -1 : X509_get_ext_by_OBJ(cert, oid, at);
    ASN1_OBJECT_free(oid);

    if (at < 0 || again >= 0) {
        return ATTEST_EFORMAT;
    }

    os = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    attest_wire_init(&w, ASN1_STRING_get0_data(os),
                     (size_t) ASN1_STRING_length(os));
    seq = attest_der_next(&w, &tag);

    if (attest_wire_done(&w) != ATTEST_OK || tag != ATTEST_DER_SEQUENCE
        || attest_pck_items(seq, pck, 9, &seen, attest_pck_item)
           != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    /* PPID, TCB, PCEID, FMSPC and the type must be there */

    return (seen & 0x3e) == 0x3e ? ATTEST_OK : ATTEST_EFORMAT;
}


/*
 * SEQUENCE OF SEQUENCE { OID of ATTEST_PCK_OID and further arcs, value };
 * `depth` is the octets of the OID above the last arc.  The arcs are small,
 * and each may come once.
 */

static int
attest_pck_items(attest_span_t seq, attest_tdx_pck_t *pck, size_t depth,
    uint32_t *seen, attest_pck_pt handler)
{
    size_t         count;
    unsigned       tag, arc;
    attest_wire_t  w, item;
    attest_span_t  s, oid, value;

    static const uint8_t  base[] = {
        0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, 0x02
    };

    attest_wire_init(&w, seq.p, seq.n);

    for (count = 0; w.n != 0; count++) {
        s = attest_der_next(&w, &tag);
        if (w.bad || tag != ATTEST_DER_SEQUENCE
            || count == ATTEST_PCK_MAX_ITEMS)
        {
            return ATTEST_EFORMAT;
        }

        attest_wire_init(&item, s.p, s.n);
        oid = attest_der_next(&item, &tag);
        if (item.bad || tag != ATTEST_DER_OID || oid.n != depth + 1
            || memcmp(oid.p, base, depth) != 0)
        {
            return ATTEST_EFORMAT;
        }

        arc = oid.p[depth];
        value = attest_der_next(&item, &tag);

        if (attest_wire_done(&item) != ATTEST_OK
            || arc >= ATTEST_PCK_MAX_ITEMS || (*seen >> arc & 1)
            || handler(pck, arc, tag, value) != ATTEST_OK)
        {
            return ATTEST_EFORMAT;
        }

        *seen |= (uint32_t) 1 << arc;
    }

    return w.bad ? ATTEST_EFORMAT : ATTEST_OK;
}


static int
attest_pck_item(attest_tdx_pck_t *pck, unsigned arc, unsigned tag,
    attest_span_t value)
{
    uint32_t  seen = 0;

    switch (arc) {

    case 1:
        return attest_pck_copy(pck->ppid, sizeof(pck->ppid), tag, value);

    case 2:
        if (tag != ATTEST_DER_SEQUENCE
            || attest_pck_items(value, pck, 10, &seen, attest_pck_tcb_item)
               != ATTEST_OK)
        {
            return ATTEST_EFORMAT;
        }

        /* 1 to 16 the components, 17 PCESVN, 18 CPUSVN: all of them */

        return seen == 0x7fffe ? ATTEST_OK : ATTEST_EFORMAT;

    case 3:
        return attest_pck_copy(pck->pceid, sizeof(pck->pceid), tag, value);

    case 4:
        return attest_pck_copy(pck->fmspc, sizeof(pck->fmspc), tag, value);

    case 5:
        return attest_pck_uint(tag, value, 255, &pck->sgx_type);

    default:
        return ATTEST_OK;            /* platform instance, configuration */
    }
}


static int
attest_pck_tcb_item(attest_tdx_pck_t *pck, unsigned arc, unsigned tag,
    attest_span_t value)
{
    unsigned  v = 0;

    if (arc == 18) {
        return attest_pck_copy(pck->cpusvn, sizeof(pck->cpusvn), tag, value);
    }

    if (arc == 17) {
        if (attest_pck_uint(tag, value, 65535, &v) != ATTEST_OK) {
            return ATTEST_EFORMAT;
        }

        pck->pcesvn = (uint16_t) v;
        return ATTEST_OK;
    }

    if (arc < 1 || arc > ATTEST_TDX_SVNS
        || attest_pck_uint(tag, value, 255, &v) != ATTEST_OK)
    {
        return ATTEST_EFORMAT;
    }

    pck->svn[arc - 1] = (uint8_t) v;
    return ATTEST_OK;
}


static int
attest_pck_copy(uint8_t *out, size_t n, unsigned tag, attest_span_t value)
{
    if (tag != ATTEST_DER_OCTETS || value.n != n) {
        return ATTEST_EFORMAT;
    }

    memcpy(out, value.p, n);
    return ATTEST_OK;
}


static int
attest_pck_uint(unsigned tag, attest_span_t value, unsigned max,
    unsigned *out)
{
    if ((tag != ATTEST_DER_INTEGER && tag != ATTEST_DER_ENUM) || value.n == 0
        || value.n > 3 || (value.p[0] & 0x80))
    {
        return ATTEST_EFORMAT;
    }

    *out = (unsigned) attest_wire_get_be(value.p, value.n);

    return *out <= max ? ATTEST_OK : ATTEST_EFORMAT;
}
