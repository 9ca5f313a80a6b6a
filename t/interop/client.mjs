// SPDX-License-Identifier: Apache-2.0

// Stock clients, unmodified: npm "openai" over npm "ehbp".  Run by ehbp.t:
//
//   node client.mjs URL CASE
//
// One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.

import OpenAI from 'openai';
import { Transport, KeyConfigMismatchError } from 'ehbp';

const [, , url, wanted] = process.argv;

function check(ok, name, got) {
  console.log(JSON.stringify({ ok: Boolean(ok), name, got: String(got) }));
}

async function refused(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

const transport = await Transport.create(url);

const openai = new OpenAI({
  baseURL: `${url}/v1`,
  apiKey: 'unused',
  maxRetries: 0,
  fetch: (input, init) => transport.request(input, init),
});

const messages = [{ role: 'user', content: 'CANARY-7f3a said hello' }];

// Reads a whole stream; `times` are milliseconds since the request.
async function read(stream, start) {
  const tokens = [];
  const times = [];

  for await (const part of stream) {
    const text = part.choices[0]?.delta?.content;
    if (text) {
      tokens.push(text);
      times.push(performance.now() - start);
    }
  }

  return { tokens, times };
}

const cases = {
  async oneshot() {
    const answer = await openai.chat.completions.create({
      model: 'echo-1', messages,
    });
    const text = answer.choices[0].message.content;

    check(text.includes('CANARY-7f3a said hello'), 'one-shot answer', text);
    check(answer.usage.completion_tokens > 5, 'usage', answer.usage);

    const old = await openai.completions.create({
      model: 'echo-1', prompt: 'CANARY-7f3a again',
    });
    check(old.choices[0].text.includes('CANARY-7f3a again'),
      'plain completion', old.choices[0].text);
  },

  // Twenty tokens, one each 100 ms: they must arrive like that too.
  async streaming() {
    const start = performance.now();
    const stream = await openai.chat.completions.create(
      { model: 'echo-1', messages, stream: true },
      { headers: { 'X-Backend-Tokens': '20', 'X-Backend-Delay': '100' } },
    );
    const { tokens, times } = await read(stream, start);
    const gaps = times.slice(1).map((t, i) => t - times[i]);

    check(tokens.join('') === Array.from({ length: 20 },
      (_, i) => `token-${i}`).join(' '), 'all tokens', tokens.join(''));
    check(times[19] - times[0] > 1000, 'tokens arrive over time',
      times[19] - times[0]);
    check(gaps.filter((g) => g > 20).length > 10, 'none is held back',
      gaps.map(Math.round));
  },

  // Many at once, on few connections.
  async parallel() {
    const all = await Promise.all(Array.from({ length: 16 }, async (_, i) => {
      const stream = await openai.chat.completions.create(
        { model: 'echo-1', stream: true,
          messages: [{ role: 'user', content: `question-${i}` }] },
        { headers: { 'X-Backend-Delay': '10' } },
      );
      const { tokens } = await read(stream, 0);
      return tokens.join('').includes(`question-${i}"`);
    }));

    check(all.every(Boolean), 'each stream gets its own answer', all);
  },

  // This client sends a body of any size as one frame.
  async large() {
    const body = new Uint8Array(3 * 1024 * 1024);
    for (let i = 0; i < body.length; i += 1) {
      body[i] = (i * 31 + (i >> 8)) & 0xff;
    }

    const response = await transport.post(`${url}/echo`, body, {
      headers: { 'Content-Type': 'application/octet-stream' },
    });
    const got = new Uint8Array(await response.arrayBuffer());

    check(response.status === 200, '3 MiB accepted', response.status);
    check(Buffer.compare(Buffer.from(got), Buffer.from(body)) === 0,
      '3 MiB there and back', got.length);
  },

  // The backend's own errors are sealed: the client can read them.
  async errors() {
    const busy = await refused(openai.chat.completions.create(
      { model: 'echo-1', messages },
      { headers: { 'X-Backend-Status': '429' } },
    ));
    check(busy.error?.status === 429, 'sealed 429', busy.error);

    const bad = await refused(openai.chat.completions.create(
      { model: 'echo-1', messages: [] },
    ));
    check(bad.error?.status === 400
      && /not a completion request/.test(bad.error.message),
    'sealed 400 with its text', bad.error);
  },

  // A stream that was cut is no answer.
  async died() {
    const cut = await refused((async () => {
      const stream = await openai.chat.completions.create(
        { model: 'echo-1', messages, stream: true },
        { headers: { 'X-Backend-Tokens': '9', 'X-Backend-Die-After': '3' } },
      );
      return read(stream, 0);
    })());

    check(cut.error, 'a backend that dies is an error, not an end',
      cut.error || JSON.stringify(cut.value));
  },

  // A GET has no body to encrypt: refused where prompts are required.
  async bodyless() {
    const models = await refused(openai.models.list());
    check(models.error?.status === 400, 'GET is refused', models.error);
  },

  // Keys of another gateway, or long rotated away.
  async mismatch() {
    const other = await Transport.create(process.env.OTHER_URL);
    const stale = new Transport(other.getServerIdentity(),
      new URL(url).host);
    const answer = await refused(stale.post(`${url}/echo`, 'x'));

    check(answer.error instanceof KeyConfigMismatchError,
      'KeyConfigMismatchError', answer.error);
  },

  // A transport made before a rotation goes on working after it.
  async rotation() {
    const before = await transport.getServerPublicKeyHex();
    let now = before;

    for (let i = 0; i < 300 && now === before; i += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      now = await (await Transport.create(url)).getServerPublicKeyHex();
    }
    check(now !== before, 'the key has changed', now);

    const answer = await refused(transport.post(`${url}/echo`, 'old key'));
    check(answer.value && await answer.value.text() === 'old key',
      'the previous key still works', answer.error);
  },
};

await cases[wanted]();
