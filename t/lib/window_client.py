#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that shuts and opens its window: it reads an answer in
steps, and in between its backend comes to an end.

    window_client.py HOST PORT PATH TYPE STEP [FIELD: VALUE]... < BODIES

BODIES: a line of hex for each request; all are streams of one connection.
Writes a line of JSON for each: {"ended": bool, "body": HEX}; ended: by
END_STREAM.
"""

import json
import ssl
import socket
import struct
import sys

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, UPDATE = 0, 1, 3, 4, 6, 7, 8
END = 1


def frame(kind, flags, stream, payload):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
            + struct.pack(">I", stream) + payload)


def string(text):
    raw = text.encode()
    return (bytes([len(raw)]) if len(raw) < 127
            else bytes([127, (len(raw) - 127) & 127 | 128,
                        (len(raw) - 127) >> 7])) + raw


def head(path, fields):
    """Literals that are not indexed, RFC 7541 section 6.2.2."""
    pairs = [(":method", "POST"), (":scheme", "https"), (":path", path),
             (":authority", "localhost")] + fields
    return b"".join(b"\0" + string(n) + string(v) for n, v in pairs)


class Connection:
    def __init__(self, host, port):
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        tls.set_alpn_protocols(["h2"])
        self.sock = tls.wrap_socket(socket.create_connection((host, port), 60),
                                    server_hostname="localhost")
        self.data = b""
        # a small window for answers, opened step by step
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                          + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1000))
                          + frame(UPDATE, 0, 0, struct.pack(">I", 1 << 28)))

    def read(self):
        while True:
            if len(self.data) >= 9:
                size = int.from_bytes(self.data[:3], "big")
                if len(self.data) >= 9 + size:
                    kind, flags = self.data[3], self.data[4]
                    stream = struct.unpack(">I", self.data[5:9])[0]
                    payload = self.data[9:9 + size]
                    self.data = self.data[9 + size:]
                    return kind, flags, stream, payload
            more = self.sock.recv(65536)
            if not more:
                return None
            self.data += more


def main():
    host, port, path, kind, step = sys.argv[1:6]
    fields = [("content-type", kind)] + [
        tuple(f.split(": ", 1)) for f in sys.argv[6:]]
    bodies = [bytes.fromhex(line) for line in sys.stdin]
    answers = {1 + 2 * i: {"ended": False, "body": b"", "open": True}
               for i in range(len(bodies))}
    c = Connection(host, int(port))

    for stream, body in zip(answers, bodies):
        c.sock.sendall(frame(HEADERS, 4, stream, head(path, fields
                             + [("content-length", str(len(body)))]))
                       + frame(DATA, END, stream, body))

    while any(a["open"] for a in answers.values()):
        got = c.read()
        if got is None:
            break
        kind, flags, stream, payload = got
        a = answers.get(stream)
        if kind == PING and not flags & 1:
            c.sock.sendall(frame(PING, 1, 0, payload))
        if kind == GOAWAY:
            break
        if a is None:
            continue
        if kind == DATA:
            a["body"] += payload
        if kind in (DATA, HEADERS) and flags & END:
            a["ended"], a["open"] = True, False
        if kind == RST:
            a["open"] = False
        if kind in (DATA, HEADERS) and a["open"]:
            c.sock.sendall(frame(UPDATE, 0, stream,
                                 struct.pack(">I", int(step))))

    for a in answers.values():
        print(json.dumps({"ended": a["ended"], "body": a["body"].hex()}))


if __name__ == "__main__":
    main()
