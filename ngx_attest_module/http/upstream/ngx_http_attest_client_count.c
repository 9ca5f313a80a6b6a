/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What "attest_verify_client" has judged and refused, counted by all workers
 * in memory that they share, and the clock of that memory, which is never set
 * back.
 */


#include "http/upstream/ngx_http_attest_client_count.h"


typedef struct {
    ngx_http_attest_clock_t    clock;
    ngx_atomic_t               counts[NGX_HTTP_ATTEST_CLIENT_NCOUNTS];
} ngx_http_attest_client_zone_t;


static ngx_int_t ngx_http_attest_client_count_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_http_attest_client_zone_t *ngx_http_attest_client_count_of(
    ngx_http_attest_main_conf_t *amcf);


static const struct {
    const char    *name;           /* in JSON */
    const char    *metric;         /* for Prometheus, with its label */
    const char    *help;           /* NULL: the metric above, once more */
} ngx_http_attest_client_counts[] = {

    { "judged", "client_certificates_total",
      "Certificates of clients whose evidence was judged." },
    { "trusted", "client_trusted_total",
      "Certificates of clients whose evidence was accepted." },
    { "refused_missing", "client_refused_total{reason=\"missing\"}",
      "Requests refused for their client's evidence, by reason." },
    { "refused_evidence", "client_refused_total{reason=\"evidence\"}",
      NULL },
    { "refused_expired", "client_refused_total{reason=\"expired\"}",
      NULL },
    { "refused_misdirected", "client_refused_total{reason=\"misdirected\"}",
      NULL }
};


ngx_int_t
ngx_http_attest_client_count_zone(ngx_conf_t *cf,
    ngx_http_attest_main_conf_t *amcf)
{
    static ngx_str_t  name = ngx_string("ngx_attest_clients");

    amcf->run.clients = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                              &ngx_http_attest_module);
    if (amcf->run.clients == NULL) {
        return NGX_ERROR;
    }

    amcf->run.clients->init = ngx_http_attest_client_count_init;
    amcf->run.clients->data = amcf;

    return NGX_OK;
}


/* In the master; a reload goes on counting. */

static ngx_int_t
ngx_http_attest_client_count_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_attest_client_zone_t  *zone;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shpool->data != NULL) {
        return NGX_OK;
    }

    zone = ngx_slab_calloc(shpool, sizeof(ngx_http_attest_client_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ngx_http_attest_clock_init(&zone->clock);
    shpool->data = zone;

    return NGX_OK;
}


static ngx_http_attest_client_zone_t *
ngx_http_attest_client_count_of(ngx_http_attest_main_conf_t *amcf)
{
    return ((ngx_slab_pool_t *) amcf->run.clients->shm.addr)->data;
}


void
ngx_http_attest_client_count(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_client_count_e what)
{
    ngx_http_attest_client_zone_t  *zone;

    zone = ngx_http_attest_client_count_of(amcf);

    (void) ngx_atomic_fetch_add(&zone->counts[what], 1);
}


void
ngx_http_attest_client_count_time(ngx_http_attest_main_conf_t *amcf,
    ngx_http_attest_time_t *t)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) amcf->run.clients->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    ngx_http_attest_clock_read(&ngx_http_attest_client_count_of(amcf)->clock,
                               t);
    ngx_shmtx_unlock(&shpool->mutex);
}


u_char *
ngx_http_attest_client_count_json(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last)
{
    ngx_uint_t                      i;
    ngx_http_attest_client_zone_t  *zone;

    if (amcf->run.clients == NULL) {
        return ngx_slprintf(p, last, "null");
    }

    zone = ngx_http_attest_client_count_of(amcf);

    for (i = 0; i < NGX_HTTP_ATTEST_CLIENT_NCOUNTS; i++) {
        p = ngx_slprintf(p, last, "%s\"%s\":%uA", i ? "," : "{",
                         ngx_http_attest_client_counts[i].name,
                         zone->counts[i]);
    }

    return ngx_slprintf(p, last, "}");
}


u_char *
ngx_http_attest_client_count_metrics(ngx_http_attest_main_conf_t *amcf,
    u_char *p, u_char *last)
{
    size_t                          len;
    const char                     *metric, *help;
    ngx_uint_t                      i;
    ngx_http_attest_client_zone_t  *zone;

    if (amcf->run.clients == NULL) {
        return p;
    }

    zone = ngx_http_attest_client_count_of(amcf);

    for (i = 0; i < NGX_HTTP_ATTEST_CLIENT_NCOUNTS; i++) {
        metric = ngx_http_attest_client_counts[i].metric;
        help = ngx_http_attest_client_counts[i].help;
        len = strcspn(metric, "{");

        if (help != NULL) {
            p = ngx_slprintf(p, last, "# HELP ngx_attest_%*s %s\n"
                             "# TYPE ngx_attest_%*s counter\n", len, metric,
                             help, len, metric);
        }

        p = ngx_slprintf(p, last, "ngx_attest_%s %uA\n", metric,
                         zone->counts[i]);
    }

    return p;
}
