#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An Oblivious HTTP gateway that refuses what it does not read, in chunks of
any size.

    ohttp_server.py PORT KEYS SIZE...

KEYS gets its key configuration.  Each request is answered by a 400 with a
problem document of so many bytes in each chunk.
"""

import os
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ehbp_client import (KEM, expand, extract, labeled_expand,
                         labeled_extract, raw, xor_seq)
from ohttp_client import string, varint

private = X25519PrivateKey.generate()
public = raw(private.public_key())


def response_key(header, enc):
    suite = b"HPKE" + header[1:]
    dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
    shared = labeled_expand(KEM, labeled_extract(KEM, b"", b"eae_prk", dh),
                            b"shared_secret", enc + public, 32)
    context = (b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"")
               + labeled_extract(suite, b"", b"info_hash",
                                 b"message/bhttp chunked request\0" + header))
    secret = labeled_extract(suite, shared, b"secret", b"")
    exporter = labeled_expand(suite, secret, b"exp", context, 32)
    export = labeled_expand(suite, exporter, b"sec",
                            b"message/bhttp chunked response", 32)
    nonce = os.urandom(32)
    prk = extract(enc + nonce, export)
    return nonce, AESGCM(expand(prk, b"key", 32)), expand(prk, b"nonce", 12)


def answer(request):
    out, aead, base = response_key(request[:7], request[7:39])
    sizes = [int(n) for n in sys.argv[3:]]
    part = varint(3) + varint(400)
    for name, value in (("content-type", "application/problem+json"),
                        ("date", "Mon, 28 Sep 1970 06:00:00 GMT")):
        part += string(name) + string(value)
    part += b"\0"
    for seq, n in enumerate(sizes):
        part += string(b"x" * n)
        out += string(aead.encrypt(xor_seq(base, seq), part, b""))
        part = b""
    return out + b"\0" + aead.encrypt(xor_seq(base, len(sizes)), b"\0\0",
                                      b"final")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = answer(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "message/ohttp-chunked-res")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


with open(sys.argv[2], "wb") as f:
    config = (b"\x01\x00\x20" + public
              + struct.pack(">HHH", 4, 1, 2))
    f.write(struct.pack(">H", len(config)) + config)

ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
