# SPDX-License-Identifier: Apache-2.0

"""The stock Python client, PyPI "tinfoil-ehbp", unmodified.  Run by ehbp.t:

    python client.py URL CASE

One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.
"""

import json
import os
import sys

import ehbp
import httpx

CHAT = "v1/chat/completions"
MESSAGES = [{"role": "user", "content": "CANARY-7f3a said hello"}]


def check(ok, name, got):
    print(json.dumps({"ok": bool(ok), "name": name, "got": str(got)}))


# Trust comes from evidence here, which ngx-attest checks; so the certificate
# of the test is not looked at.
def client(url):
    return ehbp.Client.discover(url, http_client=httpx.Client(
        verify=False, timeout=120, trust_env=False))


def tokens(chunks):
    text = b"".join(chunks).decode()
    events = [line[6:] for line in text.split("\n")
              if line.startswith("data: {")]
    return [t for t in (json.loads(e)["choices"][0]["delta"].get("content")
                        for e in events) if t]


def oneshot(c):
    key = c.server_identity.marshal_public_config()
    check(len(key) == 41, "a key configuration of one suite", key.hex())

    r = c.post(CHAT, json_body={"model": "echo-1", "messages": MESSAGES})
    text = r.json()["choices"][0]["message"]["content"]
    check("CANARY-7f3a said hello" in text, "one-shot answer", text)


def streaming(c):
    body = {"model": "echo-1", "messages": MESSAGES, "stream": True}
    with c.stream("POST", CHAT, json_body=body,
                  headers={"X-Backend-Tokens": "20"}) as r:
        got = tokens(r)
    check("".join(got) == " ".join("token-%d" % i for i in range(20)),
          "all tokens", got)


def large(c):
    body = bytes(i * 31 & 0xff for i in range(3 * 1024 * 1024))
    r = c.post("echo", body=iter([body[:1000], body[1000:]]))
    check(r.content == body, "3 MiB there and back, in frames", r.status_code)


def errors(c):
    r = c.post(CHAT, json_body={"model": "echo-1", "messages": MESSAGES},
               headers={"X-Backend-Status": "429"})
    check(r.status_code == 429, "sealed 429", r.status_code)

    r = c.post(CHAT, json_body={"model": "echo-1", "messages": []})
    check(r.status_code == 400 and "not a completion request" in r.text(),
          "sealed 400 with its text", r.text())


def bodyless(c):
    r = c.get("v1/models")
    check(r.status_code == 400, "GET is refused", r.status_code)


def died(c):
    body = {"model": "echo-1", "messages": MESSAGES, "stream": True}
    try:
        with c.stream("POST", CHAT, json_body=body, headers={
                "X-Backend-Tokens": "9", "X-Backend-Die-After": "3"}) as r:
            got = tokens(r)
        check(False, "a backend that dies is an error, not an end", got)
    except httpx.HTTPError as e:
        check(True, "a backend that dies is an error, not an end", e)


def mismatch(c):
    other = client(os.environ["OTHER_URL"])
    stale = ehbp.Client(sys.argv[1], other.server_identity,
                        http_client=c._http)
    try:
        got = stale.post("echo", body="x").status_code
    except ehbp.KeyConfigMismatchError as e:
        got = e
    check(isinstance(got, ehbp.KeyConfigMismatchError),
          "KeyConfigMismatchError", got)


globals()[sys.argv[2]](client(sys.argv[1]))
