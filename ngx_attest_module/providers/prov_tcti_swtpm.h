/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_TCTI_SWTPM_H_INCLUDED
#define PROV_TCTI_SWTPM_H_INCLUDED


#include "providers/prov_tcti_common.h"


/* Each is bounded by t->deadline; conf is what is behind "swtpm:". */
int prov_tcti_swtpm_connect(prov_tcti_t *t, const char *conf);
TSS2_RC prov_tcti_swtpm_send(prov_tcti_t *t);
/* *len: room in, bytes out. */
TSS2_RC prov_tcti_swtpm_recv(prov_tcti_t *t, uint8_t *p, size_t *len);


#endif /* PROV_TCTI_SWTPM_H_INCLUDED */
