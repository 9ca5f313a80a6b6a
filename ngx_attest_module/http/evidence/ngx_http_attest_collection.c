/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The collection that carries evidence to a client: claims, evidence, keys,
 * configuration record, logs, encoded in CBOR or in JSON.
 */


#include "http/evidence/ngx_http_attest_collection.h"


static void ngx_http_attest_collection_item(attest_cmw_item_t *item,
    const char *label, const char *type, attest_span_t value, unsigned ind);
static ngx_uint_t ngx_http_attest_collection_is_log(
    const prov_evidence_item_t *item);


ngx_int_t
ngx_http_attest_collection(ngx_pool_t *pool, const char *ctype,
    attest_span_t claims, attest_span_t key_list, attest_span_t record,
    const prov_evidence_item_t *items, ngx_uint_t nitems, ngx_uint_t json,
    ngx_str_t *out)
{
    int                rc;
    size_t             len;
    ngx_uint_t         i, n, logs;
    attest_span_t      value;
    attest_cmw_item_t  list[ATTEST_EVIDENCE_MAX + 3];

    if (nitems > ATTEST_EVIDENCE_MAX) {
        return NGX_ERROR;
    }

    n = 0;
    ngx_http_attest_collection_item(&list[n++], ATTEST_ITEM_CLAIMS,
                                    ATTEST_TYPE_CLAIMS, claims,
                                    ATTEST_CMW_IND_EVIDENCE);

    /* the logs are long: last, so that a reader sees the rest first */

    for (logs = 0; logs < 2; logs++) {
        for (i = 0; i < nitems; i++) {
            if (ngx_http_attest_collection_is_log(&items[i]) != logs) {
                continue;
            }

            value.p = items[i].data;
            value.n = items[i].len;
            ngx_http_attest_collection_item(&list[n++], items[i].item,
                                            items[i].type, value,
                                            ATTEST_CMW_IND_EVIDENCE);
        }

        if (logs == 0) {
            if (key_list.n > 0) {
                ngx_http_attest_collection_item(&list[n++],
                                                ATTEST_ITEM_HPKE_KEYS,
                                                ATTEST_TYPE_HPKE_KEYS,
                                                key_list, 0);
            }

            if (record.n > 0) {
                ngx_http_attest_collection_item(&list[n++], ATTEST_ITEM_CONFIG,
                                                ATTEST_TYPE_CONFIG, record, 0);
            }
        }
    }

    len = 0;
    rc = json ? attest_cmw_encode_json(ctype, list, n, NULL, &len)
              : attest_cmw_encode_cbor(ctype, list, n, NULL, &len);

    if (rc != ATTEST_ENOSPACE) {
        return NGX_ERROR;
    }

    out->data = ngx_pnalloc(pool, len);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    rc = json ? attest_cmw_encode_json(ctype, list, n, (char *) out->data,
                                       &len)
              : attest_cmw_encode_cbor(ctype, list, n, out->data, &len);

    if (rc != ATTEST_OK) {
        return NGX_ERROR;
    }

    out->len = len;

    return NGX_OK;
}


static void
ngx_http_attest_collection_item(attest_cmw_item_t *item, const char *label,
    const char *type, attest_span_t value, unsigned ind)
{
    ngx_memzero(item, sizeof(attest_cmw_item_t));

    item->label = label;
    item->type = type;
    item->value = value;
    item->ind = ind;
}


static ngx_uint_t
ngx_http_attest_collection_is_log(const prov_evidence_item_t *item)
{
    attest_span_t  label;

    label.p = (const uint8_t *) item->item;
    label.n = ngx_strlen(item->item);

    return attest_cmw_is_large(label);
}
