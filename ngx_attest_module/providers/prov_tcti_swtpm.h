/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROV_TCTI_SWTPM_H_INCLUDED
#define PROV_TCTI_SWTPM_H_INCLUDED


#include "providers/prov_tcti_common.h"


/* Each is bounded by t->deadline; conf is what is behind "swtpm:". */
int attest_tcti_swtpm_connect(attest_tcti_t *t, const char *conf);
TSS2_RC attest_tcti_swtpm_send(attest_tcti_t *t);
/* *len: room in, bytes out. */
TSS2_RC attest_tcti_swtpm_recv(attest_tcti_t *t, uint8_t *p, size_t *len);


#endif /* PROV_TCTI_SWTPM_H_INCLUDED */
