#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small OpenAI-compatible backend that streams: for the quickstart, the
tests and the benchmark.  It answers deterministically and knows no language.

    GET  /health
    GET  /v1/models
    POST /v1/chat/completions    "stream": true or false
    POST /v1/completions         likewise
    POST /echo                   the body again
    ANY  /request                what arrived: method, target, headers, body

Behaviour for tests, in the query or as "X-Backend-NAME: VALUE" fields:

    tokens=N      length of the answer        delay=MS     between tokens
    die_after=N   abort the connection after N tokens (0: before the head)
    hang_after=N  send nothing more after N tokens, keep the connection
    framing=F     chunked (default when streaming), length, or close
    status=N      answer with this status     size=N       answer of N bytes
    encoding=E    claim this Content-Encoding
    field=N:V     one more response header field
    interim=N     an interim response, 1xx, before
    stamp=1       each token is the time of writing, CLOCK_MONOTONIC in ns
    until=FILE    answer nothing before there is such a file
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import signal
import sys
import time
import urllib.parse

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
CREATED = 1700000000
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found",
           405: "Method Not Allowed", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Bad(Exception):
    pass


class Died(Exception):
    pass


class Request:
    def __init__(self, method, target, fields, body):
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body

        parts = urllib.parse.urlsplit(target)
        self.path = parts.path
        self.options = dict(urllib.parse.parse_qsl(parts.query))
        for name, value in fields:
            if name.lower().startswith("x-backend-"):
                self.options[name[10:].lower().replace("-", "_")] = value

    def number(self, name, default=None):
        try:
            return int(self.options[name])
        except (KeyError, ValueError):
            return default

    def field(self, name):
        for key, value in self.fields:
            if key.lower() == name:
                return value
        return None


class Backend:
    def __init__(self, args):
        self.args = args
        self.record = open(args.record, "ab", 0) if args.record else None
        self.log = open(args.log, "a", 1) if args.log else None

    def keep(self, data):
        if self.record:
            self.record.write(data)

    def note(self, req, status, tokens, end):
        if self.log:
            print(json.dumps({"method": req.method, "target": req.target,
                              "status": status, "tokens": tokens,
                              "end": end}), file=self.log)

    async def read_request(self, reader):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as e:
            if e.partial:
                raise Bad("cut head")
            return None

        self.keep(head)
        lines = head.decode("latin-1").split("\r\n")[:-2]
        try:
            method, target, _ = lines[0].split(" ")
            fields = [tuple(f.strip() for f in line.split(":", 1))
                      for line in lines[1:]]
        except ValueError:
            raise Bad("bad head")
        if any(len(f) != 2 for f in fields):
            raise Bad("bad field")

        req = Request(method, target, fields, b"")
        req.body = await self.read_body(reader, req)
        return req

    async def read_body(self, reader, req):
        body = bytearray()

        if (req.field("transfer-encoding") or "").lower() == "chunked":
            while True:
                line = await reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                if len(body) + size > MAX_BODY:
                    raise Bad("large body")
                data = await reader.readexactly(size + 2)
                self.keep(line + data)
                body += data[:-2]
                if size == 0:
                    return bytes(body)

        size = int(req.field("content-length") or 0)
        if size > MAX_BODY:
            raise Bad("large body")
        body = await reader.readexactly(size)
        self.keep(body)
        return body

    async def serve(self, reader, writer):
        try:
            while True:
                req = await self.read_request(reader)
                if req is None or not await self.answer(req, reader, writer):
                    break
        except Bad as e:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                         b"Content-Length: 0\r\n\r\n")
            print("backend: %s" % e, file=sys.stderr)
        except Died:
            writer.transport.abort()
        except (OSError, ValueError, asyncio.IncompleteReadError,
                asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, req, reader, writer):
        out = Response(self, req, reader, writer)
        if req.number("die_after") == 0:
            self.note(req, 0, 0, "died")
            raise Died()

        while not os.path.exists(req.options.get("until", "/")):
            await asyncio.sleep(0.02)

        end = "failed"
        try:
            await self.route(req, out)
            end = "complete"
        except Died:
            end = "died"
            raise
        except OSError:
            end = "aborted"
            raise
        finally:
            self.note(req, out.status, out.tokens, end)

        return out.framing != "close" and req.field("connection") != "close"

    async def route(self, req, out):
        paths = {
            "/health": ("GET", self.health),
            "/v1/models": ("GET", self.models),
            "/v1/chat/completions": ("POST", self.complete),
            "/v1/completions": ("POST", self.complete),
            "/echo": ("POST", self.echo),
            "/request": (req.method, self.request),
        }
        if req.path not in paths:
            return await out.json({"error": {"message": "no such path"}}, 404)

        method, handler = paths[req.path]
        if req.method not in (method, "HEAD" if method == "GET" else method):
            return await out.json({"error": {"message": "wrong method"}}, 405)
        await handler(req, out)

    async def health(self, req, out):
        await out.json({"status": "ok"})

    async def models(self, req, out):
        await out.json({"object": "list", "data": [
            {"id": self.args.model, "object": "model", "created": CREATED,
             "owned_by": "ngx_attest_module"}]})

    async def echo(self, req, out):
        await out.whole(req.body, req.field("content-type")
                        or "application/octet-stream")

    async def request(self, req, out):
        await out.json({
            "method": req.method, "target": req.target,
            "headers": [list(f) for f in req.fields],
            "length": len(req.body),
            "sha256": hashlib.sha256(req.body).hexdigest(),
            "body": base64.b64encode(req.body[:4096]).decode()})

    async def complete(self, req, out):
        try:
            doc = json.loads(req.body)
            chat = req.path == "/v1/chat/completions"
            prompt = last_message(doc) if chat else str(doc["prompt"])
        except (ValueError, LookupError, TypeError, AttributeError):
            return await out.json({"error": {
                "message": "not a completion request",
                "type": "invalid_request_error"}}, 400)

        words = answer_words(prompt, req.number("tokens"),
                             req.number("size"))
        reply = Reply(self.args.model, chat, req.body, prompt, words)
        if doc.get("stream"):
            await out.stream(reply, (doc.get("stream_options") or {}).get(
                "include_usage"))
        else:
            await out.json(reply.whole())


class Reply:
    """One answer in the shapes of the OpenAI API."""

    def __init__(self, model, chat, body, prompt, words):
        self.chat = chat
        self.words = words
        digest = hashlib.sha256(body).hexdigest()[:24]
        self.base = {
            "id": ("chatcmpl-" if chat else "cmpl-") + digest,
            "created": CREATED, "model": model}
        n = len(prompt.split())
        self.usage = {"prompt_tokens": n, "completion_tokens": len(words),
                      "total_tokens": n + len(words)}

    def whole(self):
        text = "".join(self.words)
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
        if self.chat:
            choice["message"] = {"role": "assistant", "content": text}
        else:
            choice["text"] = text
        kind = "chat.completion" if self.chat else "text_completion"
        return dict(self.base, object=kind, choices=[choice],
                    usage=self.usage)

    def event(self, text=None, finish=None, role=False):
        choice = {"index": 0, "finish_reason": finish, "logprobs": None}
        if self.chat:
            choice["delta"] = {} if text is None else {"content": text}
            if role:
                choice["delta"] = {"role": "assistant", "content": ""}
        else:
            choice["text"] = text or ""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return dict(self.base, object=kind, choices=[choice])


class Response:
    def __init__(self, backend, req, reader, writer):
        self.args = backend.args
        self.req = req
        self.reader = reader
        self.writer = writer
        self.status = req.number("status", 200)
        self.framing = req.options.get("framing")
        self.tokens = 0

    def head(self, ctype, length=None):
        reason = REASONS.get(self.status, "Unknown")
        lines = ["HTTP/1.1 %d %s" % (self.status, reason),
                 "Content-Type: " + ctype]
        if length is not None:
            lines.append("Content-Length: %d" % length)
        elif self.framing == "close":
            lines.append("Connection: close")
        else:
            lines.append("Transfer-Encoding: chunked")
        if "encoding" in self.req.options:
            lines.append("Content-Encoding: " + self.req.options["encoding"])
        if "field" in self.req.options:
            lines.append(self.req.options["field"])
        if "interim" in self.req.options:
            lines.insert(0, "HTTP/1.1 %d Interim\r\nLink: </interim>\r\n"
                         % self.req.number("interim"))
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def json(self, doc, status=None):
        if status is not None:
            self.status = status
        await self.whole(json.dumps(doc).encode(), "application/json")

    async def whole(self, body, ctype):
        framing = self.framing or "length"
        self.framing = framing
        self.head(ctype, len(body) if framing == "length" else None)
        if self.req.method != "HEAD":
            if framing == "chunked":
                self.part(body)
                self.writer.write(b"0\r\n\r\n")
            else:
                self.writer.write(body)
        await self.writer.drain()

    def part(self, data):
        if self.framing != "close":
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.writer.write(data)

    async def stream(self, reply, usage):
        self.framing = "close" if self.framing == "close" else "chunked"
        delay = self.req.number("delay", self.args.delay) / 1000
        stamp = self.req.number("stamp")

        self.head("text/event-stream")
        if reply.chat:
            await self.event(reply.event(role=True))

        for word in reply.words:
            await self.pause(delay)
            if stamp:
                word = "%d " % time.monotonic_ns()
            await self.event(reply.event(word))
            self.tokens += 1

            if self.tokens == self.req.number("die_after"):
                await asyncio.sleep(0.05)
                raise Died()
            if self.tokens == self.req.number("hang_after"):
                await self.reader.read(1)
                raise ConnectionResetError()

        await self.event(reply.event(finish="stop"))
        if usage:
            await self.event(dict(reply.event(), choices=[],
                                  usage=reply.usage))
        self.part(b"data: [DONE]\n\n")
        if self.framing != "close":
            self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def event(self, doc):
        doc = json.dumps(doc, separators=(",", ":"))
        self.part(b"data: " + doc.encode() + b"\n\n")
        await self.writer.drain()

    async def pause(self, delay):
        if delay > 0:
            await asyncio.sleep(delay)
        if self.writer.is_closing() or self.reader.at_eof():
            raise ConnectionResetError()


def last_message(doc):
    content = doc["messages"][-1]["content"]
    if isinstance(content, list):
        content = " ".join(p["text"] for p in content if p["type"] == "text")
    if not isinstance(content, str):
        raise TypeError()
    return content


def answer_words(prompt, count, size):
    """The answer's tokens: words with their space, nothing random."""
    text = ("You said: \"%s\". I am a small test backend: I cannot think, "
            "but I stream my answer token by token." % prompt)
    words = [w + " " for w in text.split()]

    if size is not None:
        words = ["x" * 63 + " "] * (size // 64) + ["x" * (size % 64)]
    if count is not None:
        words = ["token-%d " % i for i in range(count)]
    if words:
        words[-1] = words[-1].rstrip()
    return [w for w in words if w]


async def run(args):
    backend = Backend(args)
    server = await asyncio.start_server(backend.serve, args.host, args.port,
                                        limit=MAX_HEAD, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    print("listening on %s:%d" % (args.host, port), flush=True)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--model", default="echo-1")
    parser.add_argument("--delay", type=int, default=0,
                        help="milliseconds between tokens")
    parser.add_argument("--record", help="append raw requests to this file")
    parser.add_argument("--log", help="append one line of JSON per request")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
