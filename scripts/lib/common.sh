# SPDX-License-Identifier: Apache-2.0

# Sourced by the scripts beside it: paths, messages, privileges.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
script=${0##*/}

say()
{
    printf '%s\n' "$*" >&2
}

die()
{
    say "$script: $*"
    exit 1
}

have()
{
    command -v "$1" > /dev/null 2>&1
}

# nginx lives in /usr/sbin, which an ordinary user's PATH often lacks.
case ":$PATH:" in
*:/usr/sbin:*)
    ;;
*)
    PATH=$PATH:/usr/sbin:/sbin
    ;;
esac

export PATH

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo -n -- "$@" 2> /dev/null || sudo -- "$@"
    else
        die "need root (or sudo) for: $*"
    fi
}

# Ends one process that we started, politely first.
stop_pid()
{
    local pid=${1:-} i

    [ -n "$pid" ] || return 0
    kill "$pid" 2> /dev/null || return 0

    for i in $(seq 50); do
        kill -0 "$pid" 2> /dev/null || return 0
        sleep 0.1
    done

    kill -9 "$pid" 2> /dev/null || true
}

# Prints one free TCP port of 127.0.0.1, the wished one if it is free.
free_port()
{
    python3 - "${1:-0}" <<'PY'
import socket
import sys

for port in (int(sys.argv[1]), 0):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            continue
        print(s.getsockname()[1])
        break
PY
}

# Waits until something accepts on 127.0.0.1:PORT, or the process has ended.
wait_port()
{
    local port=$1 pid=$2 i

    for i in $(seq 100); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
            return 0
        fi
        kill -0 "$pid" 2> /dev/null || return 1
        sleep 0.1
    done

    return 1
}
