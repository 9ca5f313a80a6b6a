#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An EHBP client for tests: the format written down a second time, in another
language and on another library, so that no mistake is made twice.

Reads one JSON object per line from standard input, writes one per line:

  {"op": "seal", "keys": HEX, "frames": [HEX or "zero" ...], "out": FILE,
   "size": N}
      One sealed body; "zero" is a frame with LEN 0; with "size" one frame of
      N bytes instead of "frames".  -> {"enc": HEX, "id": N, "length": N}
  {"op": "open", "id": N, "nonce": HEX, "in": FILE, "plain": FILE}
      Writes the plaintext.  -> {"frames": [LENGTH], "marker": bool,
          "after": N, "rest": N, "error": TEXT or null}
      marker: an authenticated empty frame was the last one; after: frames
      behind the first marker; rest: bytes that are no whole frame.
  {"op": "flood", "host": H, "port": N, "path": P, "keys": HEX, "count": N,
   "stop": STATUS}
      Sealed requests over one TLS connection until one is answered with
      "stop".  -> {"statuses": {"200": N, ...}}
  {"op": "slow", "host": H, "port": N, "path": P, "id": N, "in": FILE,
   "wait": SECONDS}
      Sends a sealed body, reads nothing for a while, then all.
  {"op": "drip", ..., "chunked": bool}
      Sends the body byte by byte, each in a TLS record (and chunk) of its own.
      Both -> {"status": N, "nonce": HEX, "out": FILE, "clean": bool}
  {"op": "pipeline", ..., "ids": [N], "ins": [FILE]}
      Several requests in one write.  -> {"answers": [like the above]}
  {"op": "leave", ..., "part": N, "linger": SECONDS}
      Sends the head, N bytes of the body, and goes away.
"""

import http.client
import json
import socket
import ssl
import struct
import sys
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat)

KEM = b"KEM" + struct.pack(">H", 0x20)
HPKE = b"HPKE" + struct.pack(">HHH", 0x20, 1, 2)
INFO = b"ehbp request"


def mac(key, data):
    h = hmac.HMAC(key, hashes.SHA256())
    h.update(data)
    return h.finalize()


def extract(salt, ikm):
    return mac(salt or bytes(32), ikm)


def expand(prk, info, length):
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = mac(prk, block + info + bytes([i]))
        out += block
        i += 1
    return out[:length]


def labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label
                  + info, length)


def raw(public):
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def xor_seq(nonce, seq):
    n = int.from_bytes(nonce, "big") ^ seq
    return n.to_bytes(12, "big")


class Message:
    """One request's HPKE context, RFC 9180 sections 4.1, 5.1 and 5.1.1."""

    def __init__(self, keys):
        if keys[1:3] != b"\x00\x20" or keys[37:41] != b"\x00\x01\x00\x02":
            raise ValueError("key configuration")
        public = keys[3:35]

        private = X25519PrivateKey.generate()
        self.enc = raw(private.public_key())
        dh = private.exchange(X25519PublicKey.from_public_bytes(public))

        prk = labeled_extract(KEM, b"", b"eae_prk", dh)
        shared = labeled_expand(KEM, prk, b"shared_secret",
                                self.enc + public, 32)
        context = (b"\x00" + labeled_extract(HPKE, b"", b"psk_id_hash", b"")
                   + labeled_extract(HPKE, b"", b"info_hash", INFO))
        secret = labeled_extract(HPKE, shared, b"secret", b"")

        self.aead = AESGCM(labeled_expand(HPKE, secret, b"key", context, 32))
        self.nonce = labeled_expand(HPKE, secret, b"base_nonce", context, 12)
        exporter = labeled_expand(HPKE, secret, b"exp", context, 32)
        self.export = labeled_expand(HPKE, exporter, b"sec",
                                     b"ehbp response", 32)
        self.seq = 0

    def seal(self, plain):
        ct = self.aead.encrypt(xor_seq(self.nonce, self.seq), plain, b"")
        self.seq += 1
        return struct.pack(">I", len(ct)) + ct

    def open(self, nonce, data):
        prk = extract(self.enc + nonce, self.export)
        aead = AESGCM(expand(prk, b"key", 32))
        base = expand(prk, b"nonce", 12)
        frames, marker, after, error, pos = [], False, 0, None, 0

        while len(data) - pos >= 4:
            size = int.from_bytes(data[pos:pos + 4], "big")
            if size > len(data) - pos - 4:
                break
            try:
                plain = aead.decrypt(xor_seq(base, len(frames)),
                                     data[pos + 4:pos + 4 + size], b"")
            except (InvalidTag, ValueError):
                error = "frame %d does not open" % len(frames)
                break
            frames.append(plain)
            pos += 4 + size
            after += marker
            marker = marker or plain == b""

        return frames, {"frames": [len(f) for f in frames], "marker": marker,
                        "after": after, "rest": len(data) - pos,
                        "error": error}


messages = []


def op_seal(o):
    message = Message(bytes.fromhex(o["keys"]))
    messages.append(message)

    if "size" in o:
        body = message.seal(b"x" * o["size"])
    else:
        body = b"".join(bytes(4) if f == "zero"
                        else message.seal(bytes.fromhex(f))
                        for f in o["frames"])
    with open(o["out"], "wb") as f:
        f.write(body)
    return {"enc": message.enc.hex(), "id": len(messages) - 1,
            "length": len(body)}


def op_open(o):
    with open(o["in"], "rb") as f:
        data = f.read()
    frames, result = messages[o["id"]].open(bytes.fromhex(o["nonce"]), data)
    with open(o["plain"], "wb") as f:
        f.write(b"".join(frames))
    return result


def context():
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    return tls


def op_flood(o):
    conn = http.client.HTTPSConnection(o["host"], o["port"], timeout=60,
                                       context=context())
    keys = bytes.fromhex(o["keys"])
    statuses = {}

    for _ in range(o["count"]):
        message = Message(keys)
        conn.request("POST", o["path"], message.seal(b"flood"), {
            "Host": "localhost", "Ehbp-Encapsulated-Key": message.enc.hex()})
        res = conn.getresponse()
        res.read()
        statuses[res.status] = statuses.get(res.status, 0) + 1
        if res.status == o.get("stop"):
            break

    conn.close()
    return {"statuses": statuses}


def connect(o, small=False):
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(60)
    sock.connect((o["host"], o["port"]))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context().wrap_socket(sock, server_hostname="localhost")


def head(path, message, framing):
    return ("POST %s HTTP/1.1\r\nHost: localhost\r\n"
            "Ehbp-Encapsulated-Key: %s\r\n%s\r\n\r\n"
            % (path, message.enc.hex(), framing)).encode()


def content(path):
    with open(path, "rb") as f:
        return f.read()


class Stream:
    """What http.client takes for a socket: it must not read ahead of it."""

    def __init__(self, sock):
        self.file = sock.makefile("rb")

    def makefile(self, *_):
        return self

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        pass


def answer(stream, out):
    res = http.client.HTTPResponse(stream, method="POST")
    res.begin()
    clean = True
    try:
        data = res.read()
    except http.client.IncompleteRead as e:
        clean, data = False, e.partial
    with open(out, "wb") as f:
        f.write(data)
    return {"status": res.status, "out": out, "clean": clean,
            "nonce": res.getheader("Ehbp-Response-Nonce") or ""}


def op_slow(o):
    body = content(o["in"])
    sock = connect(o, small=True)
    sock.sendall(head(o["path"], messages[o["id"]],
                      "Content-Length: %d" % len(body)) + body)
    time.sleep(o["wait"])
    result = answer(Stream(sock), o["in"] + ".out")
    sock.close()
    return result


def op_drip(o):
    body = content(o["in"])
    chunked = o.get("chunked")
    sock = connect(o)
    sock.sendall(head(o["path"], messages[o["id"]],
                      "Transfer-Encoding: chunked" if chunked
                      else "Content-Length: %d" % len(body)))
    for b in body:
        sock.sendall(b"1\r\n%c\r\n" % b if chunked else b"%c" % b)
    if chunked:
        sock.sendall(b"0\r\n\r\n")
    result = answer(Stream(sock), o["in"] + ".out")
    sock.close()
    return result


def op_pipeline(o):
    sock = connect(o)
    data = b""
    for number, path in zip(o["ids"], o["ins"]):
        body = content(path)
        data += head(o["path"], messages[number],
                     "Content-Length: %d" % len(body)) + body
    sock.sendall(data)
    stream = Stream(sock)
    answers = [answer(stream, path + ".out") for path in o["ins"]]
    sock.close()
    return {"answers": answers}


def op_leave(o):
    body = content(o["in"])
    sock = connect(o)
    sock.sendall(head(o["path"], messages[o["id"]],
                      "Content-Length: %d" % len(body)) + body[:o["part"]])
    time.sleep(o["linger"])
    sock.close()
    return {}


def main():
    for line in sys.stdin:
        o = json.loads(line)
        result = globals()["op_" + o["op"]](o)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
