/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The roots below which the doubles of Nitro and of NVIDIA's devices sign,
 * in PEM, for a policy's simulated_roots:
 *
 *   double_roots nitro|gpu
 */

#include <stdio.h>
#include <string.h>

#include "gpu_double.h"
#include "nitro_double.h"


int
main(int argc, char **argv)
{
    char             pem[8192];
    size_t           n = 0;
    gpu_double_t     gpu = GPU_DOUBLE_HOPPER;
    nitro_double_t   nitro = NITRO_DOUBLE;

    if (argc == 2 && strcmp(argv[1], "gpu") == 0) {
        n = gpu_double_root(&gpu, pem, sizeof(pem));

    } else if (argc == 2 && strcmp(argv[1], "nitro") == 0) {
        n = nitro_double_root(&nitro, pem, sizeof(pem));
    }

    return n != 0 && fwrite(pem, 1, n, stdout) == n ? 0 : 1;
}
