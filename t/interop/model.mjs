// SPDX-License-Identifier: Apache-2.0

// OpenAI's stock client for JavaScript and a real model server: what it gets
// through a local proxy is what the server says.  Run by model.t:
//
//   node model.mjs DIRECT EMBEDDINGS PROXY
//
// One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.

import { createHash } from 'node:crypto';
import OpenAI, { toFile } from 'openai';

const [, , direct, embeddings, proxy] = process.argv;
const text = 'CANARY-7f3a says hello';

const client = (url) => new OpenAI({
  baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, timeout: 120000,
});
const both = [client(direct), client(proxy)];

function check(ok, name, got) {
  console.log(JSON.stringify({
    ok: Boolean(ok), name, got: String(got).slice(0, 400),
  }));
}

// What say(client) says must be the same both ways, and not nothing.
async function same(name, say, at = both[0]) {
  const want = JSON.stringify(await say(at));
  const got = JSON.stringify(await say(both[1]));

  check(got === want && got.length > 20, name, `${want} ${got}`);
}

const ask = (to, more) => to.chat.completions.create({
  model: 'random', max_tokens: 24, cache_prompt: false,
  messages: [{ role: 'user', content: text }], ...more,
});

async function texts(stream) {
  const all = [];

  for await (const part of stream) {
    const said = part.choices[0]?.delta?.content;
    if (said) all.push(said);
  }

  return all;
}

async function processing() {
  const slots = await (await fetch(`${direct}/slots`)).json();

  return slots.some((slot) => slot.is_processing);
}

async function predicted() {
  const metrics = await (await fetch(`${direct}/metrics`)).text();

  return Number(/^llamacpp:tokens_predicted_total (\d+)/m.exec(metrics)[1]);
}

async function abort() {
  const before = await predicted();
  const many = 15000;
  const stream = await ask(both[1], { stream: true, max_tokens: many });
  const parts = stream[Symbol.asyncIterator]();
  let tokens = 0;

  while (tokens < 20) {
    const { value } = await parts.next();
    tokens += value.choices[0]?.delta?.content ? 1 : 0;
  }
  check(await processing(), 'js: tokens arrive as they are made', tokens);

  stream.controller.abort();
  for (let i = 0; i < 600 && await processing(); i += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  const made = await predicted() - before;
  check(!await processing() && made > 0 && made < many / 2,
    'js: an abort: the model stops', made);
}

async function parallel() {
  const said = await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    const stream = await ask(both[1], {
      stream: true, max_tokens: 30,
      grammar: `root ::= "stream ${i}:" [ a-z]+`,
    });
    return (await texts(stream)).join('');
  }));
  const bad = said.filter((s, i) => !s.startsWith(`stream ${i}:`)
    || s.length < 30);

  check(said.length === 50 && !bad.length, 'js: 50 streams at once', bad);
}

// The file is the last part of the form: all but the file and its end stands
// in the part of the body that the backend shows.
async function upload() {
  const data = 'CANARY-7f3a\n'.repeat(100000);
  const file = await toFile(Buffer.from(data), 'CANARY-7f3a.txt');
  const got = await both[1].files.create({ purpose: 'user_data', file });
  const shown = Buffer.from(got.body, 'base64').toString();
  const boundary = shown.slice(0, shown.indexOf('\r\n'));
  const sent = `${shown.slice(0, shown.indexOf('CANARY-7f3a\n'))}${data}\r\n${
    boundary}--\r\n`;

  check(shown.includes('filename="CANARY-7f3a.txt"') && got.sha256
    === createHash('sha256').update(sent).digest('hex'), 'js: a file',
  [got.length, sent.length, shown.slice(0, 300)]);
}

await same('js: an answer', async (to) => {
  const { choices, usage } = await ask(to);
  return [choices[0], usage];
});
await same('js: a stream, token by token', async (to) => texts(
  await ask(to, { stream: true, max_tokens: 64 })));
await same('js: embeddings', async (to) => (await to.embeddings.create({
  model: 'random', input: [text, 'another'],
})).data, client(embeddings));
await same('js: a prompt of 2 MB', async (to) => (await ask(to, {
  max_tokens: 8, cache_prompt: true, messages: [{ role: 'user',
    content: 'CANARY-7f3a '.repeat(2 * 1024 * 1024 / 12) + text }],
})).choices[0]);
await same('js: more than the model can read', (to) => ask(to, {
  messages: [{ role: 'user', content: 'each letter '.repeat(4000) }],
}).then(() => '', (error) => [error.status, error.error]));
await abort();
await parallel();
await upload();
