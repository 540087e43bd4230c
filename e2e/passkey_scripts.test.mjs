// The script that asks the browser for passkeys, without a browser: where it is offered, what it asks, and that the answer
// is in one buffer that can be handed over.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ask, isOffered, make } from '../public/passkeys.js';

const id = (number) => new Uint8Array(20).fill(number);
const SALT = new Uint8Array(32).fill(7);
let asked;
let results;

function given(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

/** A browser whose passkeys answer `results`, one after the other. */
beforeEach(() => {
  asked = [];
  results = [];
  const credential = (kind) => async ({ publicKey }) => {
    asked.push([kind, publicKey]);
    const prf = results.shift();
    return { rawId: id(1).buffer, getClientExtensionResults: () => ({ prf }) };
  };
  given('navigator', { credentials: { create: credential('create'), get: credential('get') } });
  given('location', { hostname: 'aitbc.example' });
  given('PublicKeyCredential', { getClientCapabilities: async () => ({ 'extension:prf': true }) });
});

test('it is offered at a domain, by a browser that says that it knows prf', async () => {
  assert.equal(await isOffered(), true);
  for (const [hostname, is] of [['localhost', true], ['127.0.0.1', false], ['[::1]', false], ['8.8.8.8.example', true]]) {
    given('location', { hostname });
    assert.equal(await isOffered(), is, hostname);
  }
  given('location', { hostname: 'localhost' });
  const without = [
    undefined, {}, { getClientCapabilities: async () => ({}) }, { getClientCapabilities: async () => ({ 'extension:prf': false }) },
    { getClientCapabilities: async () => { throw new Error('no'); } },
  ];
  for (const credential of without) {
    given('PublicKeyCredential', credential);
    assert.equal(await isOffered(), false);
  }
});

test('a passkey is made for who is verified, beside the known ones, and answers at once or when asked', async () => {
  const answer = new Uint8Array(32).fill(9).buffer;
  results = [{ enabled: true, results: { first: answer } }];
  const made = await make(SALT, [id(2)]);
  assert.deepEqual([made.id, made.output], [id(1), answer]);
  const [[kind, options]] = asked;
  assert.deepEqual([kind, options.authenticatorSelection.userVerification, options.extensions.prf.eval.first], ['create', 'required', SALT]);
  assert.deepEqual(options.excludeCredentials, [{ type: 'public-key', id: id(2) }]);
  assert.equal(options.rp.id, undefined, 'it belongs to the domain of the page');
  results = [{ enabled: true }, { results: { first: answer } }];
  assert.equal((await make(SALT, [])).output, answer);
  assert.deepEqual(asked.map(([name]) => name), ['create', 'create', 'get']);
});

test('each passkey is asked with its own salt, and must verify its owner', async () => {
  results = [{ results: { first: new Uint8Array(32).buffer } }];
  const salts = [SALT, new Uint8Array(32).fill(8)];
  await ask([id(1), id(2)], salts);
  const [[, options]] = asked;
  assert.equal(options.userVerification, 'required');
  const names = [id(1), id(2)].map((bytes) => Buffer.from(bytes).toString('base64url'));
  assert.deepEqual(options.extensions.prf.evalByCredential, { [names[0]]: { first: salts[0] }, [names[1]]: { first: salts[1] } });
  assert.deepEqual(options.allowCredentials.map((one) => one.id), [id(1), id(2)]);
});

test('a passkey without prf opens nothing', async () => {
  for (const prf of [undefined, {}, { enabled: false }]) {
    results = [prf];
    await assert.rejects(make(SALT, []), { name: 'WithoutPrf' });
  }
  for (const first of [undefined, new ArrayBuffer(31), new ArrayBuffer(64)]) {
    results = [{ results: { first } }];
    await assert.rejects(ask([id(1)], [SALT]), { name: 'WithoutPrf' });
  }
});

test('an answer that is a part of a larger buffer leaves no copy there', async () => {
  const whole = new Uint8Array(64).fill(5);
  results = [{ results: { first: whole.subarray(16, 48) } }];
  const { output } = await ask([id(1)], [SALT]);
  assert.deepEqual(new Uint8Array(output), new Uint8Array(32).fill(5));
  assert.deepEqual(whole.subarray(16, 48), new Uint8Array(32));
});
