// OpenAI's own client works with a hub: only the base URL changes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { assertDrawn, statistics } from './support/picture.mjs';
import { System, root } from './support/system.mjs';

const WRITER = 'tiny-writer';
const EMBEDDER = 'tiny-embedder';
const vectors = join(root, 'gpu-worker/crates/inference/tests/vectors/words');

let system;
let key;
let client;

before(async () => {
  system = await System.start('openai', { workers: 0 });
  system.initWorker(1);
  addModel('writer', WRITER);
  addModel('embedder', EMBEDDER);
  system.startWorker(1);
  await system.ready(1);
  key = system.clientKey();
  client = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: key });
});

after(async () => system?.stop());

/** Its kind is told by its files. */
function addModel(vector, name) {
  const folder = join(system.data, name);
  cpSync(join(vectors, vector), folder, { recursive: true });
  const outcome = spawnSync(system.program('gpu-worker'), [
    '--data', join(system.data, 'worker-1'), 'models', 'add', folder, '--name', name,
  ]);
  assert.equal(outcome.status, 0, String(outcome.stderr));
}

const chat = (more = {}) => ({
  model: WRITER,
  messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Tell of a city at night' }],
  max_completion_tokens: 12,
  temperature: 0,
  ...more,
});

async function assertReceipt(response) {
  const receipt = await fetch(`${system.url}/v1/receipts/${response.headers.get('x-receipt-id')}`);
  assert.equal(receipt.status, 200);
  assert.equal((await receipt.json()).receipt.job_id, response.headers.get('x-job-id'));
}

test('models.list and models.retrieve', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes(WRITER) && ids.includes(EMBEDDER) && ids.length >= 3, String(ids));
  assert.equal((await client.models.retrieve(WRITER)).object, 'model');
});

test('chat.completions.create', async () => {
  const { data, response } = await client.chat.completions.create(chat()).withResponse();
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.model, WRITER);
  const [choice] = data.choices;
  assert.equal(choice.message.role, 'assistant');
  assert.ok(choice.message.content.length > 0);
  assert.ok(['stop', 'length'].includes(choice.finish_reason), choice.finish_reason);
  const { prompt_tokens: read, completion_tokens: written, total_tokens: total } = data.usage;
  assert.ok(read > 0 && written > 0 && written <= 12 && total === read + written, JSON.stringify(data.usage));
  await assertReceipt(response);
});

test('a stream gives the same text in pieces', async () => {
  const whole = await client.chat.completions.create(chat());
  const stream = await client.chat.completions.create(chat({ stream: true, stream_options: { include_usage: true } }));
  let text = '';
  let finish;
  let usage;
  for await (const chunk of stream) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    text += chunk.choices[0]?.delta.content ?? '';
    finish ??= chunk.choices[0]?.finish_reason;
    usage ??= chunk.usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finish, whole.choices[0].finish_reason);
  assert.deepEqual(usage, whole.usage);
});

test('completions.create, whole and as a stream', async () => {
  const prompt = { model: WRITER, prompt: 'A city at night', max_tokens: 12, temperature: 0, suffix: null, logprobs: null };
  const { data: whole, response } = await client.completions.create(prompt).withResponse();
  assert.equal(whole.object, 'text_completion');
  assert.ok(whole.choices[0].text.length > 0 && ['stop', 'length'].includes(whole.choices[0].finish_reason));
  await assertReceipt(response);
  let text = '';
  let finish;
  for await (const chunk of await client.completions.create({ ...prompt, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.deepEqual([text, finish], [whole.choices[0].text, whole.choices[0].finish_reason]);
});

test('what clients send for nothing in particular is taken', async () => {
  const harmless = {
    messages: [
      { role: 'system', content: '' },
      { role: 'user', content: 'How warm is it?' },
      { role: 'assistant', content: null, tool_calls: [{ id: '1', type: 'function', function: { name: 'warmth', arguments: '' } }] },
      { role: 'tool', tool_call_id: '1', content: '17 °C' },
    ],
    stop: null, tools: null, stream_options: null, top_p: 0, n: 1.0,
  };
  assert.ok((await client.chat.completions.create(chat(harmless))).id);
  const most = await client.chat.completions.create(chat({ max_completion_tokens: 100_000 }));
  assert.equal(most.choices[0].finish_reason, most.usage.total_tokens < 96 ? 'stop' : 'length');
  await assert.rejects(client.embeddings.create({ model: EMBEDDER, input: [1024, 7] }), (error) => {
    assert.ok(error instanceof BadRequestError, String(error));
    assert.match(error.message, /token ids.*send the text itself/);
    return true;
  });
});

test('a conversation beyond the context is a bad request, and one job', async () => {
  const jobs = async () => {
    const page = await fetch(`${system.url}/v1/jobs?limit=100`, { headers: { 'x-api-key': key } });
    return (await page.json()).items.length;
  };
  const messages = [{ role: 'user', content: 'a long story '.repeat(500) }];
  for (const stream of [false, true]) {
    const before = await jobs();
    await assert.rejects(client.chat.completions.create(chat({ messages, stream })), (error) => {
      assert.ok(error instanceof BadRequestError, String(error));
      assert.equal(error.param, 'messages');
      assert.equal(error.code, 'context_length_exceeded');
      assert.match(error.message, /is 1 to \d+ tokens for this model/);
      return true;
    });
    assert.equal(await jobs(), before + 1, 'the client did not try it again');
  }
});

test("the client's own helper puts a stream together", async () => {
  const completion = await client.chat.completions.stream(chat()).finalChatCompletion();
  const whole = await client.chat.completions.create(chat());
  assert.equal(completion.choices[0].message.content, whole.choices[0].message.content);
});

test('a reader that goes away ends its job', async () => {
  const stream = await client.chat.completions.create(chat({ stream: true, max_completion_tokens: 80, temperature: 1 }));
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
  assert.ok((await client.chat.completions.create(chat())).id, 'the next one is served');
});

test('embeddings.create, as base64 underneath and as numbers', async () => {
  const input = ['a city skyline at night', 'Grüße aus Øresund'];
  const { data: list, response } = await client.embeddings.create({ model: EMBEDDER, input }).withResponse();
  await assertReceipt(response);
  const numbers = await client.embeddings.create({ model: EMBEDDER, input, encoding_format: 'float' });
  assert.deepEqual(list.data.map((entry) => entry.index), [0, 1]);
  for (const [index, { embedding }] of list.data.entries()) {
    assert.deepEqual(embedding, numbers.data[index].embedding.map(Math.fround));
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
  }
  assert.equal(list.usage.total_tokens, list.usage.prompt_tokens);
});

test('images.generate', async () => {
  const { data, response } = await client.images
    .generate({ prompt: 'a city skyline at sunset', size: '64x64', n: 4, quality: 'high' })
    .withResponse();
  const pictures = data.data.map((picture) => Buffer.from(picture.b64_json, 'base64'));
  assert.equal(new Set(pictures.map((bytes) => bytes.toString('base64'))).size, 4, 'each picture has a seed of its own');
  // The call has no seed. Some seeds give a small picture that is nearly of one brightness.
  const contrast = (bytes) => statistics(bytes).deviation;
  assertDrawn(pictures.reduce((best, bytes) => (contrast(bytes) > contrast(best) ? bytes : best)), 64, 64);
  for (const bytes of pictures) assert.equal(statistics(bytes).width, 64);
  await assertReceipt(response);
  const url = await client.images.generate({ prompt: 'a lake', size: '64x64', response_format: 'url' });
  assert.match(url.data[0].url, /^data:image\/png;base64,/);
});

test('errors are of the classes that the client knows', async () => {
  const stranger = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: 'sk-nobody' });
  await assert.rejects(stranger.chat.completions.create(chat()), (error) => {
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.type, 'authentication_error');
    return true;
  });
  for (const [body, param] of [[{ temperature: 9 }, 'temperature'], [{ n: 3 }, 'n'], [{ messages: [] }, 'messages']]) {
    await assert.rejects(client.chat.completions.create(chat(body)), (error) => {
      assert.ok(error instanceof BadRequestError, String(error));
      assert.equal(error.param, param);
      assert.match(error.message, new RegExp(param));
      assert.ok(error.requestID);
      return true;
    });
  }
  const unknown = [
    () => client.chat.completions.create(chat({ model: 'gpt-nothing' })),
    () => client.chat.completions.create(chat({ model: 'gpt-nothing', stream: true })),
    () => client.embeddings.create({ model: WRITER, input: 'a lake' }),
    () => client.models.retrieve('no/such:model'),
    () => client.completions.create({ model: 'gpt-nothing', prompt: 'a city' }),
    () => client.responses.create({ model: WRITER, input: 'a city' }),
    () => client.moderations.create({ input: 'a city' }),
  ];
  for (const call of unknown) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof NotFoundError, String(error));
      assert.equal(error.type, 'invalid_request_error');
      return true;
    });
  }
});

test('too many calls are refused with the time to wait', async () => {
  const secret = JSON.parse(
    system.command('keys', 'api', 'create', '--data', system.data, '--json', '--images-per-minute', '1'),
  ).secret;
  const hasty = new OpenAI({ baseURL: `${system.url}/v1`, apiKey: secret, maxRetries: 0 });
  await hasty.chat.completions.create(chat());
  await assert.rejects(hasty.chat.completions.create(chat()), (error) => {
    assert.ok(error instanceof RateLimitError, String(error));
    assert.equal(error.type, 'rate_limit_error');
    assert.ok(Number(error.headers.get('retry-after')) > 0);
    return true;
  });
});
