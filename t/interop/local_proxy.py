# SPDX-License-Identifier: Apache-2.0

"""OpenAI's stock client for Python through a local proxy.  Run by
local_proxy.t:

    python local_proxy.py URL

One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.
"""

import io
import json
import sys
import threading

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="any", timeout=120,
                       max_retries=0)


def check(ok, name, got):
    print(json.dumps({"ok": bool(ok), "name": name, "got": str(got)[:400]}))


def ask(text, **more):
    return client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": text}], **more)


def text_of(stream):
    return "".join(c.choices[0].delta.content or "" for c in stream
                   if c.choices)


def long_prompt():
    prompt = "CANARY-7f3a " * (2 * 1024 * 1024 // 12)
    got = ask(prompt).choices[0].message.content
    check(prompt[:1000] in got or len(got) > 20, "a prompt of 2 MB", len(got))


def many():
    said = {}

    def one(i):
        try:
            said[i] = text_of(ask("CANARY-7f3a %d" % i, stream=True))
        except openai.OpenAIError as e:
            said[i] = "%s" % e

    threads = [threading.Thread(target=one, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    bad = [s for i, s in said.items() if "CANARY-7f3a %d" % i not in s]
    check(not bad, "50 streams at once", bad[:3])


def abort():
    stream = ask("CANARY-7f3a " + "long " * 200, stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    check(True, "a stream that is aborted", "")
    got = ask("CANARY-7f3a after").choices[0].message.content
    check("after" in got, "and the next request", got)


def models():
    got = [m.id for m in client.models.list().data]
    check(got, "the list of models", got)


def upload():
    try:
        client.files.create(purpose="user_data", file=(
            "CANARY-7f3a.txt", io.BytesIO(b"CANARY-7f3a\n" * 100000)))
        check(True, "a file", "")
    except openai.APIStatusError as e:
        # the backend of the test takes none: what matters is whose answer
        # it is
        check(e.status_code in (400, 404, 405, 501), "a file", e)


for test in (long_prompt, many, abort, models, upload):
    test()
