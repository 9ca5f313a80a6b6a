#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

# A relay of TCP connections that tries again while nobody answers behind it,
# as a gateway that is just started again: holding_relay.py PORT TARGET_PORT.

import socket
import sys
import threading
import time


def copy(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


# The first bytes of an answer, by the connection that they came on.
def first(data):
    for _ in range(600):
        try:
            b = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
            b.sendall(data)
            answer = b.recv(65536)
            if answer:
                return b, answer
            b.close()
        except OSError:
            pass
        time.sleep(0.05)
    return None, b''


def serve(a):
    try:
        data = a.recv(65536)
        b, answer = first(data) if data else (None, b'')
        if b is None:
            a.close()
            return
        a.sendall(answer)
    except OSError:
        a.close()
        return
    t = threading.Thread(target=copy, args=(b, a), daemon=True)
    t.start()
    copy(a, b)
    t.join()
    a.close()
    b.close()


listener = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=512)
while True:
    conn, _ = listener.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
