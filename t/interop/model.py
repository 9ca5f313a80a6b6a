# SPDX-License-Identifier: Apache-2.0

"""The stock clients for Python of OpenAI and Anthropic, and a real model
server: what they get through a local proxy is what the server says.  Run by
model.t:

    python model.py DIRECT EMBEDDINGS PROXY

One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.
"""

import hashlib
import io
import json
import sys
import threading
import time
import urllib.request

import anthropic
import openai

PROMPT = "CANARY-7f3a says hello"
DIRECT, EMBEDDINGS, PROXY = sys.argv[1:]


def client(url):
    return openai.OpenAI(base_url=url + "/v1", api_key="any", timeout=120,
                         max_retries=0)


direct, proxy = client(DIRECT), client(PROXY)


def check(ok, name, got):
    print(json.dumps({"ok": bool(ok), "name": name, "got": str(got)[:400]}),
          flush=True)


def same(name, ask, least=20, at=direct):
    """What ask(client) says must be the same both ways, and not nothing."""
    want, got = ask(at), ask(proxy)
    check(got == want and len(str(got)) >= least, name, [want, got])


def slots():
    with urllib.request.urlopen(DIRECT + "/slots", timeout=60) as answer:
        return [s for s in json.load(answer) if s["is_processing"]]


def predicted():
    with urllib.request.urlopen(DIRECT + "/metrics", timeout=60) as answer:
        for line in answer.read().decode().split("\n"):
            if line.startswith("llamacpp:tokens_predicted_total "):
                return int(float(line.split()[1]))


def ask(to, text, tokens=24, cache=False, grammar=None, **more):
    extra = {"cache_prompt": cache}
    if grammar:
        extra["grammar"] = grammar
    return to.chat.completions.create(
        model="random", messages=[{"role": "user", "content": text}],
        max_tokens=tokens, extra_body=extra, **more)


def texts(stream):
    return [c.choices[0].delta.content for c in stream
            if c.choices and c.choices[0].delta.content]


def whole(answer):
    choice = answer.choices[0]
    return (choice.message.content, choice.finish_reason,
            answer.usage.prompt_tokens, answer.usage.completion_tokens)


def one_shot():
    same("an answer", lambda to: whole(ask(to, PROMPT)))
    same("a plain completion", lambda to: to.completions.create(
        model="random", prompt=PROMPT, max_tokens=8).choices[0].text)
    same("OpenAI's newer protocol", lambda to: to.responses.create(
        model="random", input=PROMPT, max_output_tokens=8).output_text)
    same("the list of models", lambda to: [m.id for m in to.models.list()], 6)


def streaming():
    same("a stream, token by token",
         lambda to: texts(ask(to, PROMPT, 64, stream=True)))


def abort():
    """The first tokens arrive while the others are not made yet; they never
    are, when nobody wants them."""
    before, many = predicted(), 15000
    stream = ask(proxy, PROMPT, many, stream=True)
    got = [c for c, _ in zip(stream, range(20))]
    check(len(got) == 20 and slots(), "tokens arrive as they are made", slots())

    stream.close()
    end = time.monotonic() + 60
    while slots() and time.monotonic() < end:
        time.sleep(0.05)
    made = predicted() - before
    check(not slots() and 0 < made < many / 2,
          "an abort: the model stops", made)


def embeddings():
    same("embeddings", lambda to: [e.embedding for e in to.embeddings.create(
        model="random", input=[PROMPT, "another"]).data],
         1000, client(EMBEDDINGS))


def long_prompt():
    prompt = "CANARY-7f3a " * (2 * 1024 * 1024 // 12) + PROMPT
    same("a prompt of 2 MB", lambda to: whole(ask(to, prompt, 8, cache=True)))
    check(whole(ask(proxy, prompt, 8, cache=True))[2] > 2500,
          "all of it has reached the model", "")


def many():
    """Fifty streams, none of which goes on before each has its first token."""
    all_begun = threading.Barrier(50)
    said = {}

    def one(i):
        try:
            stream = ask(proxy, PROMPT, 30, stream=True, grammar=
                         'root ::= "stream %d:" [ a-z]+' % i)
            first = next(stream)
            all_begun.wait(100)
            said[i] = "".join(texts(stream))
            first.id and stream.close()
        except (openai.OpenAIError, threading.BrokenBarrierError) as e:
            said[i] = "%r" % e

    threads = [threading.Thread(target=one, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    bad = [s for i, s in said.items()
           if not s.startswith("stream %d:" % i) or len(s) < 30]
    check(len(said) == 50 and not bad, "50 streams at once", bad[:3])


def error(ask):
    try:
        return "no error: %s" % ask()
    except openai.APIStatusError as e:
        return "%d %s" % (e.status_code, json.dumps(e.body, sort_keys=True))


def errors():
    """The server's own words reach the client."""
    same("more than the model can read", lambda to: error(
        lambda: ask(to, "every letter is a token " * 2000)))
    same("a question that makes no sense", lambda to: error(
        lambda: ask(to, PROMPT, grammar="root ::= no-such-rule")))
    same("a stream that is refused", lambda to: error(
        lambda: ask(to, "every letter is a token " * 2000, stream=True)))


def uploads():
    """The server has one endpoint for files, which needs another model: its
    answer says so.  Another backend takes the file."""
    data = b"CANARY-7f3a\n" * 100000
    same("a recording", lambda to: error(lambda: to.audio.transcriptions.create(
        model="random", file=("CANARY-7f3a.wav", io.BytesIO(data)))))

    got = proxy.files.with_raw_response.create(
        purpose="user_data", file=("CANARY-7f3a.txt", io.BytesIO(data)))
    sent = b"".join(got.http_request.stream)
    arrived = json.loads(got.text)
    check(len(sent) > len(data) and arrived["sha256"]
          == hashlib.sha256(sent).hexdigest(), "a file", arrived)


def messages():
    def claude(to, **more):
        return anthropic.Anthropic(
            base_url=str(to.base_url)[:-len("/v1/")], api_key="any",
            max_retries=0, timeout=120).messages.create(
                model="random", max_tokens=16, messages=[
                    {"role": "user", "content": PROMPT}], **more)

    def parts(to):
        return [e.delta.text for e in claude(to, stream=True)
                if e.type == "content_block_delta"]

    same("Anthropic's protocol", lambda to: claude(to).content[0].text)
    same("Anthropic's protocol, as a stream", parts)


for test in (one_shot, streaming, abort, embeddings, long_prompt, many,
             errors, uploads, messages):
    test()
