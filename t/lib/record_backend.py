#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A backend that says what a plan tells it, byte for byte, whatever protocol
that is: it reads a request as something that has come, and knows no more.

    record_backend.py PORT PLAN LOG

PLAN is read anew for each request: {"records": [HEX...], "then": T}, and

    close   closes behind the records, which arrive all the same
    stay    says nothing more, whatever comes
    keep    waits for another request on the connection
    late    keep, and before it answers that one it sends "late": [HEX...]

In records "%WHO%" is the request's X-Who field.  LOG gets a line of JSON for
each request: {"connection": N, "who": TEXT, "head": TEXT}.
"""

import json
import re
import socket
import sys
import threading

numbers = iter(range(1, 1 << 30))
lock = threading.Lock()


def who(data):
    found = re.search(rb"\r\nx-who: *([^\r]*)\r\n", data, re.I)
    return found.group(1) if found else b""


def body_length(data):
    found = re.search(rb"\r\ncontent-length: *(\d+)\r\n", data, re.I)
    return int(found.group(1)) if found else 0


def request(sock):
    """HTTP to its end; of others what comes first, which is all of it."""
    data = sock.recv(65536)
    while re.match(rb"[A-Z]+ /", data):
        end = data.find(b"\r\n\r\n")
        if end >= 0 and len(data) >= end + 4 + body_length(data[:end + 2]):
            break
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def say(sock, records, name):
    for record in records:
        sock.sendall(bytes.fromhex(record).replace(b"%WHO%", name))


def serve(sock, plan_file, log):
    number, late, before = next(numbers), [], b""
    try:
        while True:
            data = request(sock)
            if not data:
                break
            say(sock, late, before)
            late = []
            with open(plan_file) as f:
                plan = json.load(f)
            name = who(data)
            with lock:
                print(json.dumps({"connection": number, "who": name.decode(),
                                  "head": data.decode("latin-1")}),
                      file=log, flush=True)
            say(sock, plan["records"], name)
            if plan["then"] in ("close", "stay"):
                if plan["then"] == "close":
                    sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
                break
            if plan["then"] == "late":
                late, before = plan["late"], name
    except OSError:
        pass
    finally:
        sock.close()


def main():
    port, plan_file, log_file = sys.argv[1:]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(64)
    with open(log_file, "w") as log:
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(sock, plan_file, log),
                             daemon=True).start()


if __name__ == "__main__":
    main()
