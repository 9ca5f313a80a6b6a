# SPDX-License-Identifier: Apache-2.0

# The load generator of scripts/bench and scripts/soak: build/bench/bench.

build_load()
{
    mkdir -p "$build/bench"

    (
        flock 9
        "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow \
            -Wstrict-prototypes -Wmissing-prototypes -Werror \
            -I"$top/ngx_attest_module" "$top"/t/bench/{bare,bench,seal}.c \
            "$build/libattest_core.a" -o "$build/bench/bench.$$" -lssl \
            $(pkg-config --libs libcrypto libsodium libcjson libcbor) \
            -lpthread
        mv "$build/bench/bench.$$" "$build/bench/bench"
    ) 9> "$build/bench/.lock"
}
