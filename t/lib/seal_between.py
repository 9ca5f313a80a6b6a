#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who stands between a client that seals and its gateway, and has plans.

    seal_between.py PORT GATEWAY_PORT PLAN LOG [SEEN]

Takes requests in clear HTTP, asks the gateway over TLS, and answers.  PLAN, a
JSON object, is read anew for each request; empty: as the gateway says.

    status, fields, body   this instead, [[NAME, VALUE]...]; the gateway is
                           not asked
    first                  a plan for the first request since PLAN was written
    cut                    only so many bytes of the body; negative: all but
    flip                   one bit of the body's byte of that number is another
    drop                   this field of the answer, in small letters
    say                    [NAME, VALUE]: one more
    code                   another status
    end                    "clean": the end of the message behind a cut body,
                           default: of the connection

LOG gets a line of JSON for each request: its head, the beginning of its body,
and the digest of that.
SEEN gets all of it, and of the gateway's answer.
"""

import hashlib
import http.client
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {"mtime": None, "n": 0}


def plan():
    mtime = os.stat(sys.argv[3]).st_mtime_ns
    with open(sys.argv[3]) as f:
        p = json.load(f)
    if seen["mtime"] != mtime:
        seen["mtime"], seen["n"] = mtime, 0
    seen["n"] += 1
    if "first" in p:
        return p["first"] if seen["n"] == 1 else p.get("then", {})
    return p


def ask(handler, body):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    conn = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[2]),
                                       context=context)
    fields = {k: v for k, v in handler.headers.items()
              if k.lower() != "connection"}
    conn.request(handler.command, handler.path, body, fields)
    r = conn.getresponse()
    data = r.read()
    conn.close()
    seen_of(str(r.status), r.getheaders(), data)
    return r.status, r.getheaders(), data


def seen_of(line, fields, body):
    if len(sys.argv) > 5:
        with open(sys.argv[5], "ab") as f:
            f.write("\n".join(["", line] + ["%s: %s" % x for x in fields]
                              + ["", ""]).encode() + body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        p = plan()
        with open(sys.argv[4], "a") as f:
            f.write(json.dumps({
                "line": self.requestline, "fields": self.headers.items(),
                "start": body[:7].hex(),
                "digest": hashlib.sha256(body).hexdigest()}) + "\n")
        seen_of(self.requestline, self.headers.items(), body)
        if "status" in p:
            self.answer(p, p["status"], p.get("fields", []),
                        p.get("body", "").encode())
        else:
            self.answer(p, *ask(self, body))

    def answer(self, p, status, fields, body):
        out = "HTTP/1.1 %d Said\r\n" % p.get("code", status)
        fields = [f for f in fields if f[0].lower() != p.get("drop")]
        for name, value in fields + ([p["say"]] if "say" in p else []):
            if name.lower() not in ("connection", "transfer-encoding",
                                    "content-length"):
                out += "%s: %s\r\n" % (name, value)
        body = bytearray(body)
        if "flip" in p:
            body[p["flip"]] ^= 1
        whole = "cut" not in p
        if not whole:
            body = body[:p["cut"]]
        out += "Transfer-Encoding: chunked\r\n\r\n"
        self.wfile.write(out.encode())
        for i in range(0, len(body), 700):
            piece = bytes(body[i:i + 700])
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()
        if whole or p.get("end") == "clean":
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    do_GET = do_POST = do_HEAD = serve


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
