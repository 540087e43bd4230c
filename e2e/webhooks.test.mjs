// The end of a job, told to a program of the client's: checked by the library of Standard Webhooks, and not lost by kill -9.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createJob, follow, image, post } from './support/api.mjs';
import { freePort, System } from './support/system.mjs';

let system;
let key;

before(async () => {
  system = await System.start('webhooks');
  key = { 'x-api-key': system.clientKey() };
});

after(async () => system?.stop());

/** A program that gets messages. `next` gives the next one that arrives, read whole. */
async function receiver(port = 0) {
  const messages = [];
  let arrived = () => {};
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push({ headers: request.headers, body, path: request.url });
    response.writeHead(204).end();
    arrived();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    messages,
    async next(number) {
      while (messages.length <= number) await new Promise((resolve) => (arrived = resolve));
      return messages[number];
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function hook(port) {
  const answer = await post(`${system.url}/v1/webhooks`, { url: `http://127.0.0.1:${port}/aitbc` }, key);
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

test('a finished job is told once, and the library of Standard Webhooks believes it', async () => {
  const program = await receiver();
  const { secret, webhook } = await hook(program.port);
  const job = await createJob(system.url, image('a lake at night'), key);
  const { headers, body, path } = await program.next(0);
  assert.equal(path, '/aitbc');
  const message = new Webhook(secret).verify(body, headers);
  assert.deepEqual([message.type, message.data.job_id, message.data.state], ['job.completed', job.id, 'COMPLETED']);
  assert.equal(headers['webhook-id'], job.id);
  assert.ok(!body.includes('lake'), 'the prompt stays with the client');
  assert.throws(() => new Webhook(secret).verify(body.replace('COMPLETED', 'FAILED'), headers), /signature/i);
  assert.throws(() => new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`).verify(body, headers), /signature/i);
  assert.equal((await follow(system.url, job.id, { headers: key })).state, 'COMPLETED', 'what it told is so');
  const removed = await fetch(`${system.url}/v1/webhooks/${webhook.id}`, { method: 'DELETE', headers: key });
  assert.equal(removed.status, 200);
  const second = await createJob(system.url, image('a lake at noon'), key);
  await follow(system.url, second.id, { headers: key });
  assert.equal(program.messages.length, 1, 'who is removed is told nothing');
  await program.close();
});

test('a message that nobody took outlives kill -9 of the server and comes by itself', async () => {
  const first = await receiver(await freePort());
  const { secret } = await hook(first.port);
  await first.close();
  const job = await createJob(system.url, image('a lake in the fog'), key);
  await follow(system.url, job.id, { headers: key });
  await system.killServer();
  const program = await receiver(first.port);
  system.startServer();
  await system.ready(1);
  const { headers, body } = await program.next(0);
  assert.equal(new Webhook(secret).verify(body, headers).data.job_id, job.id);
  await program.close();
});
