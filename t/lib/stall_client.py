#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that announce a sealed request, send a little of it, and wait.

Reads one JSON object per line from standard input, writes one per line:

  {"op": "stall", "host": H, "port": N, "path": P, "keys": HEX,
   "format": "ehbp" or "ohttp", "connections": N, "streams": N,
   "announce": N, "send": N}
      On each connection so many streams of HTTP/2, or with 0 one request of
      HTTP/1.1: bodies of which "announce" bytes are announced and "send" are
      sent.  keys: a bare key configuration, or a list for ohttp.
      -> {"sent": BYTES of bodies, in all}
  {"op": "more", "send": N}  each of them N bytes more.  -> {"sent": BYTES}
  {"op": "leave"}            closes them all.  -> {}

Nothing of it could be opened: the keys are good, the rest is noise.
"""

import json
import os
import socket
import ssl
import struct
import sys

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW = 0, 1, 4, 8
END_HEADERS = 4

stalled = []


def frame(kind, flags, stream, payload):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
            + struct.pack(">I", stream) + payload)


def literal(index, name, value):
    """RFC 7541 section 6.2.2: without indexing, no Huffman."""
    head = bytes([index]) if index else bytes([0, len(name)]) + name
    return head + bytes([len(value)]) + value


def fields(o, enc):
    """Of a request, as HPACK; :method POST and :scheme https are 3 and 7."""
    block = (b"\x83\x87" + literal(4, b"", o["path"].encode())
             + literal(1, b"", b"localhost")
             + literal(0, b"content-length", b"%d" % o["announce"]))
    for name, value in sealed(o, enc):
        block += literal(0, name, value)
    return block


def sealed(o, enc):
    if o["format"] == "ohttp":
        return [(b"content-type", b"message/ohttp-req")]
    return [(b"ehbp-encapsulated-key", enc.hex().encode())]


def body(o, enc):
    """The first bytes; any 32 bytes are a key of X25519."""
    noise = os.urandom(o["send"])
    keys = bytes.fromhex(o["keys"])
    if o["format"] == "ohttp":
        start = keys[2:5] + keys[39:43] + enc
    else:
        start = struct.pack(">I", o["announce"] - 4)
    return (start + noise)[:o["send"]]


def connect(o):
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    if o["streams"]:
        tls.set_alpn_protocols(["h2"])
    sock = socket.create_connection((o["host"], o["port"]), 60)
    return tls.wrap_socket(sock, server_hostname="localhost")


def op_stall(o):
    for _ in range(o["connections"]):
        sock = connect(o)
        streams = range(1, 2 * o["streams"], 2)

        if o["streams"]:
            out = PREFACE + frame(SETTINGS, 0, 0, b"")
            for s in streams:
                enc = os.urandom(32)
                out += frame(HEADERS, END_HEADERS, s, fields(o, enc))
                out += frame(DATA, 0, s, body(o, enc))
        else:
            enc = os.urandom(32)
            out = b"POST %s HTTP/1.1\r\nHost: localhost\r\n" % (
                o["path"].encode())
            for name, value in [(b"content-length", b"%d" % o["announce"])
                                ] + sealed(o, enc):
                out += name + b": " + value + b"\r\n"
            out += b"\r\n" + body(o, enc)

        sock.sendall(out)
        stalled.append((sock, streams))

    return {"sent": o["connections"] * max(1, o["streams"]) * o["send"]}


def op_more(o):
    sent = 0
    for sock, streams in stalled:
        noise = os.urandom(o["send"])
        for s in streams:
            sock.sendall(frame(DATA, 0, s, noise))
        if not streams:
            sock.sendall(noise)
        sent += len(noise) * max(1, len(streams))
    return {"sent": sent}


def op_leave(_):
    for sock, _ in stalled:
        sock.close()
    stalled.clear()
    return {}


def main():
    for line in sys.stdin:
        o = json.loads(line)
        print(json.dumps(globals()["op_" + o["op"]](o)), flush=True)


main()
