/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes a table of variables known to nginx.
 */


#include "http/ngx_http_attest_declare.h"


ngx_int_t
ngx_http_attest_declare_variables(ngx_conf_t *cf, ngx_http_variable_t *table)
{
    ngx_http_variable_t  *var, *v;

    for (v = table; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}
