#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An Oblivious HTTP client for tests: RFC 9458, its chunked form and Binary
HTTP written down a second time, in another language and on another library,
and able to say what no honest client would.

Reads one JSON object per line from standard input, writes one per line:

  {"op": "seal", "list": HEX, "form": "whole" or "chunked", "aead": N,
   "member": N, "request": {...} or "message": HEX, "pieces": [N...],
   "final": bool, "header": HEX, "enc": HEX, "out": FILE}
      One encapsulated request for a member of a list of key configurations.
      request: method, scheme, authority, path, fields, content (HEX),
      trailers, framing (0 or 2), all of them with a value of their own;
      file instead of content.
      pieces: plaintext bytes of the chunks, the rest is in the last one.
      -> {"id": N, "length": N, "enc": HEX, "head": N}
  {"op": "open", "id": N, "in": FILE, "to": FILE}
      -> {"status": N, "fields": [[NAME, VALUE]], "content": HEX,
          "trailers": [...], "complete": bool, "chunks": [LENGTH],
          "length": N, "padding": N, "error": TEXT or null}
      complete: the final chunk, or the tag, was there and right.
      to: where the content goes instead.
      length: of the message; padding: how much of it was that.
  {"op": "can_xwing"}  -> {"can": bool}
  {"op": "drip", "host": H, "port": N, "path": P, "in": FILE, "type": T,
   "chunked": bool}
      Sends a body byte by byte.  -> {"status": N, "out": FILE}
  {"op": "upload", ..., "parts": [N...], "wait": N, "file": FILE}
      Sends only these parts of a body, the first N bytes each; behind each
      of them, but the last, it waits so long (ms) for an answer.  file: is
      made when all but the last are sent, and its end is waited for.
      leave: then closes.
      -> {"status": N, "out": FILE, "sent": N, "head": TEXT}
"""

import hashlib
import http.client
import json
import os
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import (
    AESGCM, ChaCha20Poly1305)

try:
    from cryptography.hazmat.primitives.asymmetric import mlkem
except ImportError:
    mlkem = None

from ehbp_client import (KEM, connect, content, expand, extract,
                         labeled_expand, labeled_extract, raw, xor_seq)

XWING = b"\x64\x7a"
AEADS = {1: (AESGCM, 16), 2: (AESGCM, 32), 3: (ChaCha20Poly1305, 32)}


def varint(n):
    for bits, size in ((6, 1), (14, 2), (30, 4), (62, 8)):
        if n < 1 << bits:
            return (n | ((size.bit_length() - 1) << (size * 8 - 2))).to_bytes(
                size, "big")
    raise ValueError("varint")


class Short(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data = data
        self.pos = 0

    def left(self):
        return len(self.data) - self.pos

    def take(self, n):
        if n > self.left():
            raise Short()
        self.pos += n
        return self.data[self.pos - n:self.pos]

    def varint(self):
        first = self.take(1)[0]
        size = 1 << (first >> 6)
        rest = self.take(size - 1)
        return int.from_bytes(bytes([first & 0x3f]) + rest, "big")

    def string(self):
        return self.take(self.varint())

    def fields(self):
        out = []
        while True:
            n = self.varint()
            if n == 0:
                return out
            name = self.take(n)
            out.append([name.decode("latin-1"),
                        self.string().decode("latin-1")])


def string(s):
    if isinstance(s, str):
        s = s.encode("latin-1")
    return varint(len(s)) + s


def bhttp(q):
    framing = q.get("framing", 0)
    body = (content(q["file"]) if "file" in q
            else bytes.fromhex(q.get("content", "")))
    lines = [b"".join(string(n) + string(v) for n, v in q.get(part, []))
             for part in ("fields", "trailers")]
    out = bytes([framing]) + b"".join(
        string(q.get(name, default)) for name, default in (
            ("method", "GET"), ("scheme", "https"),
            ("authority", "api.test"), ("path", "/")))

    if framing == 0:
        return (out + string(lines[0]) + string(body) + string(lines[1])
                + bytes(q.get("padding", 0)))

    out += lines[0] + b"\0"
    out += b"".join(string(body[i:i + 1000])
                    for i in range(0, len(body), 1000))
    return out + b"\0" + lines[1] + b"\0" + bytes(q.get("padding", 0))


def response(data):
    r = Reader(data)
    out = {"status": 0, "fields": [], "content": "", "trailers": [],
           "padding": 0}
    body = bytearray()
    try:
        framing = r.varint()
        if framing != 3:
            raise ValueError("framing %d" % framing)
        out["status"] = r.varint()
        out["fields"] = r.fields()
        while True:
            n = r.varint()
            if n == 0:
                break
            part = r.take(min(n, r.left()))
            body += part
            if len(part) < n:
                raise Short()
        out["trailers"] = r.fields()
        out["padding"] = r.left()
        out["ended"] = r.take(r.left()).strip(b"\0") == b""
    except Short:
        out["ended"] = False
    out["content"] = body.hex()
    return out


class Message:
    def __init__(self, o):
        r = Reader(bytes.fromhex(o["list"]))
        members = []
        while r.left():
            members.append(r.take(int.from_bytes(r.take(2), "big")))
        aead = o.get("aead", 2)
        # without "member": the first with all suites, EHBP's have one
        first = next(i for i, m in enumerate(members)
                     if m[1:3] != XWING and len(m) > 41)
        member = members[o.get("member", first)]
        make, self.nk = AEADS[aead]
        self.make = make
        self.chunked = o["form"] == "chunked"

        xwing = member[1:3] == XWING
        npk = 1216 if xwing else 32
        suites = member[5 + npk:]
        if bytes([0, 1, 0, aead]) not in [suites[i:i + 4] for i in
                                          range(0, len(suites), 4)]:
            raise ValueError("suite is not offered")

        public = member[3:3 + npk]
        self.header = member[:3] + bytes([0, 1, 0, aead])
        label = b"chunked " if self.chunked else b""
        self.info = (b"message/bhttp " + label + b"request\0" + self.header)
        suite = b"HPKE" + self.header[1:]

        private = X25519PrivateKey.generate()
        self.enc = raw(private.public_key())
        dh = private.exchange(X25519PublicKey.from_public_bytes(public[-32:]))

        if xwing:
            secret, ct = mlkem.MLKEM768PublicKey.from_public_bytes(
                public[:-32]).encapsulate()
            shared = hashlib.sha3_256(secret + dh + self.enc + public[-32:]
                                      + b"\\.//^\\").digest()
            self.enc = ct + self.enc
        else:
            prk = labeled_extract(KEM, b"", b"eae_prk", dh)
            shared = labeled_expand(KEM, prk, b"shared_secret",
                                    self.enc + public, 32)
        context = (b"\x00" + labeled_extract(suite, b"", b"psk_id_hash", b"")
                   + labeled_extract(suite, b"", b"info_hash", self.info))
        secret = labeled_extract(suite, shared, b"secret", b"")
        self.aead = make(labeled_expand(suite, secret, b"key", context,
                                        self.nk))
        self.nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
        exporter = labeled_expand(suite, secret, b"exp", context, 32)
        self.export = labeled_expand(
            suite, exporter, b"sec", b"message/bhttp " + label + b"response",
            max(12, self.nk))

    def seal(self, o, plain):
        if not self.chunked:
            return self.aead.encrypt(self.nonce, plain, b"")
        out, seq, pos = bytearray(), 0, 0
        for n in o.get("pieces", []):
            ct = self.aead.encrypt(xor_seq(self.nonce, seq),
                                   plain[pos:pos + n], b"")
            out += string(ct)
            seq, pos = seq + 1, pos + n
        if o.get("final", True):
            out += b"\0" + self.aead.encrypt(
                xor_seq(self.nonce, seq), plain[pos:], b"final")
        return bytes(out)

    def open(self, data):
        size = max(12, self.nk)
        if len(data) < size:
            return b"", [], False, "no nonce"
        prk = extract(self.enc + data[:size], self.export)
        aead = self.make(expand(prk, b"key", self.nk))
        base = expand(prk, b"nonce", 12)
        if not self.chunked:
            try:
                return aead.decrypt(base, data[size:], b""), [], True, None
            except (InvalidTag, ValueError):
                return b"", [], False, "does not open"

        r, plain, chunks, error = Reader(data[size:]), bytearray(), [], None
        try:
            while True:
                n = r.varint()
                if n == 0:
                    part = aead.decrypt(xor_seq(base, len(chunks)),
                                        r.take(r.left()), b"final")
                    return (bytes(plain + part), chunks + [len(part)], True,
                            None)
                part = aead.decrypt(xor_seq(base, len(chunks)), r.take(n),
                                    b"")
                if not part:
                    error = "empty chunk"
                plain += part
                chunks.append(len(part))
        except Short:
            pass
        except (InvalidTag, ValueError):
            error = "chunk %d does not open" % len(chunks)
        return bytes(plain), chunks, False, error


messages = []


def op_seal(o):
    m = Message(o)
    messages.append(m)
    plain = bytes.fromhex(o["message"]) if "message" in o \
        else bhttp(o["request"])
    header = bytes.fromhex(o["header"]) if "header" in o else m.header
    enc = bytes.fromhex(o["enc"]) if "enc" in o else m.enc
    body = header + enc + m.seal(o, plain)
    with open(o["out"], "wb") as f:
        f.write(body)
    return {"id": len(messages) - 1, "length": len(body),
            "enc": m.enc.hex(), "head": len(header) + len(enc)}


def op_open(o):
    m = messages[o["id"]]
    plain, chunks, complete, error = m.open(content(o["in"]))
    try:
        out = response(plain)
    except ValueError as e:
        out = {"status": 0, "fields": [], "content": "", "trailers": [],
               "ended": False}
        error = str(e)
    if "to" in o:
        with open(o["to"], "wb") as f:
            f.write(bytes.fromhex(out["content"]))
        out["content"] = ""
    return dict(out, complete=complete, chunks=chunks, length=len(plain),
                error=error)


def op_drip(o):
    body = content(o["in"])
    sock = connect(o)
    framing = ("Transfer-Encoding: chunked" if o.get("chunked")
               else "Content-Length: %d" % len(body))
    sock.sendall(("POST %s HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Type: %s\r\n%s\r\n\r\n"
                  % (o["path"], o["type"], framing)).encode())
    for b in body:
        sock.sendall(b"1\r\n%c\r\n" % b if o.get("chunked") else b"%c" % b)
    if o.get("chunked"):
        sock.sendall(b"0\r\n\r\n")
    res = http.client.HTTPResponse(sock, method="POST")
    res.begin()
    data = res.read()
    out = o["in"] + ".out"
    with open(out, "wb") as f:
        f.write(data)
    sock.close()
    return {"status": res.status, "out": out}


def op_can_xwing(o):
    return {"can": mlkem is not None}


def op_upload(o):
    body = content(o["in"])
    sock = connect(o)
    sock.sendall(("POST %s HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Type: %s\r\n%s\r\n\r\n"
                  % (o["path"], o["type"],
                     "Transfer-Encoding: chunked" if o.get("chunked")
                     else "Content-Length: %d"
                     % o.get("length", len(body)))).encode())
    sent = 0
    for end in o["parts"]:
        part = body[sent:end]
        if o.get("chunked"):
            part = b"%x\r\n%s\r\n" % (len(part), part)
        if end == o["parts"][-1] and "file" in o:
            open(o["file"], "w").close()
            while os.path.exists(o["file"]):
                time.sleep(0.02)
        try:
            sock.sendall(part)
        except OSError:
            break
        sent = end
        if end != o["parts"][-1] and select.select(
                [sock], [], [], o.get("wait", 0) / 1000)[0]:
            break
    else:
        if o.get("chunked") and sent == len(body):
            sock.sendall(b"0\r\n\r\n")
    if o.get("leave"):
        sock.close()
        return {"status": 0, "sent": sent}
    res = http.client.HTTPResponse(sock, method="POST")
    out = o["in"] + ".out"
    try:
        sock.settimeout(20)
        res.begin()
        with open(out, "wb") as f:
            f.write(res.read())
        return {"status": res.status, "out": out, "sent": sent,
                "head": str(res.msg)}
    except (OSError, http.client.HTTPException) as e:
        return {"status": 0, "error": str(e), "sent": sent}
    finally:
        sock.close()


def main():
    for line in sys.stdin:
        o = json.loads(line)
        result = globals()["op_" + o["op"]](o)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
