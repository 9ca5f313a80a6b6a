// SPDX-License-Identifier: Apache-2.0

// Uses the program of docs/clients.md, run by readme.t:
//
//   node uses-readme.mjs PROGRAM
//
// One line of JSON for each check: {"ok": true, "name": "...", "got": ...}.

import { pathToFileURL } from 'node:url';

const { openai } = await import(pathToFileURL(process.argv[2]));

const messages = [{ role: 'user', content: 'CANARY-7f3a said hello' }];
const url = new URL(openai.baseURL).origin;

function check(ok, name, got) {
  console.log(JSON.stringify({ ok: Boolean(ok), name, got: String(got) }));
}

// Through the program's own connection: the test's certificate is no CA's.
async function served() {
  const response = await openai.fetch(`${url}/.well-known/hpke-keys`);
  return Buffer.from(await response.arrayBuffer()).toString('hex');
}

const models = await openai.models.list();
check(models.data[0]?.id === 'echo-1', 'models.list()', models.data);

// Until the keys have changed three times, and the first is long retired.
const keys = new Set();
let answers = 0;

for (let i = 0; i < 600 && keys.size < 4; i += 1) {
  const answer = await openai.chat.completions.create({
    model: 'echo-1', messages,
  });
  answers += answer.choices[0].message.content.includes('said hello');
  if (answers !== i + 1) break;
  keys.add(await served());
  await new Promise((resolve) => { setTimeout(resolve, 200); });
}

check(keys.size === 4, 'three renewals, and an answer to each question',
  `${keys.size} keys, ${answers} answers`);

const abort = new AbortController();
const stream = await openai.chat.completions.create(
  { model: 'echo-1', messages, stream: true },
  { signal: abort.signal,
    headers: { 'X-Backend-Tokens': '2000', 'X-Backend-Delay': '50' } },
);
let tokens = 0;

try {
  for await (const part of stream) {
    tokens += Boolean(part.choices[0]?.delta?.content);
    if (tokens === 3) abort.abort();
  }
} catch (error) {
  check(error.name === 'AbortError', 'an abort', error);
}
check(tokens >= 3 && tokens < 1000, 'a stream that was aborted', tokens);
process.exit(0);
