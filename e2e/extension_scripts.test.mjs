// The extension's scripts without a browser: who is believed to have sent a message, one window for all questions, and what
// a page gets to see.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import vm from 'node:vm';
import { Host } from '../extension/host.js';
import { pageName, whoSent } from '../extension/senders.js';
import { root } from './support/system.mjs';

const OWN = 'chrome-extension://abcdef';
const runtime = { id: 'abcdef', getURL: (path) => `${OWN}/${path}` };
const tab = { id: 7, incognito: false };
const site = { id: 'abcdef', url: 'https://shop.example/cart', origin: 'https://shop.example', frameId: 0, tab };

test('a sender is who the browser says, never who the message says', () => {
  assert.deepEqual(whoSent(site, runtime), { origin: 'https://shop.example', tab: 7 });
  const { origin, ...older } = site;
  assert.deepEqual(whoSent(older, runtime), { origin, tab: 7 }, 'a browser that tells the address only');
  assert.deepEqual(whoSent({ id: 'abcdef', url: `${OWN}/popup.html`, origin: OWN }, runtime), { own: true });
  assert.deepEqual(whoSent({ id: 'abcdef', url: `${OWN}/sheet.html`, origin: OWN, tab, frameId: 0 }, runtime), { own: true });
});

test('other extensions, frames, private windows and nobody are not served', () => {
  const foreign = [
    { ...site, id: 'other' }, { ...site, frameId: 3 }, { ...site, tab: undefined }, { ...site, url: undefined },
    { ...site, tab: { ...tab, incognito: true } }, { id: 'other', url: `${OWN}/popup.html`, origin: OWN },
  ];
  for (const sender of foreign) assert.equal(whoSent(sender, runtime), undefined, JSON.stringify(sender));
  const inFrame = { id: 'abcdef', url: 'https://evil.example/?chrome-extension://abcdef/', origin: 'https://evil.example', frameId: 0, tab };
  assert.deepEqual(whoSent(inFrame, runtime), { origin: 'https://evil.example', tab: 7 });
});

test('no page of one tab begins like a page of another one', () => {
  assert.ok(pageName(1, 'a').startsWith('1/') && !pageName(12, 'a').startsWith('1/'));
});

/** What `Host` uses of a browser. */
function fakeBrowser({ windowsFail = false } = {}) {
  const calls = [];
  const stored = { local: {}, session: {} };
  const area = (name) => ({
    get: async (key) => ({ [key]: stored[name][key] }),
    set: async (values) => { Object.assign(stored[name], values); },
    remove: async (key) => { delete stored[name][key]; },
  });
  const chrome = {
    storage: { local: area('local'), session: area('session') },
    alarms: { create: (name, { when }) => calls.push(['alarm', name, when]) },
    runtime: { sendMessage: async (message) => { calls.push(['tell', message]); throw new Error('nobody listens'); } },
    tabs: { query: async () => [], sendMessage: async () => {} },
    windows: {
      create: async () => { calls.push(['create']); if (windowsFail) throw new Error('no window'); },
      update: async (id) => { calls.push(['focus', id]); },
    },
  };
  return { chrome, calls, stored, count: (what) => calls.filter(([name]) => name === what).length };
}

function port(windowId) {
  const [over, heard] = [[], []];
  return {
    sender: { tab: { windowId } },
    onDisconnect: { addListener: (listener) => over.push(listener) },
    onMessage: { addListener: (listener) => heard.push(listener) },
    close: () => over.forEach((listener) => listener()),
    say: (message) => heard.forEach((listener) => listener(message)),
  };
}

test('there is one window, however many questions wait, and only the last one that closes refuses', async () => {
  const browser = fakeBrowser();
  let closed = 0;
  let left = 0;
  const host = new Host(browser.chrome, { onClosed: () => { closed += 1; }, onLeft: () => { left += 1; } });
  host.show();
  host.show();
  assert.equal(browser.count('create'), 1, 'the window is just opening');
  const [first, second] = [port(1), port(2)];
  host.joined(first);
  host.joined(second);
  host.show();
  assert.deepEqual([browser.count('create'), browser.count('focus')], [1, 2]);
  first.close();
  assert.equal(closed, 0);
  second.close();
  assert.equal(closed, 1);
  host.show();
  assert.equal(browser.count('create'), 2, 'a new question opens a new one');
  const third = port(3);
  host.joined(third);
  third.say('awake');
  third.say('leaving');
  assert.deepEqual([closed, left], [1, 1]);
  host.show();
  assert.equal(browser.count('create'), 3, 'a question that comes now is not shown in a window that closes');
  third.close();
  assert.equal(closed, 1, 'and not refused with it');
});

test('where no window can be opened, nobody waits for ever', async () => {
  let refuse;
  const refused = new Promise((resolve) => { refuse = resolve; });
  new Host(fakeBrowser({ windowsFail: true }).chrome, { onClosed: refuse, onLeft: () => {} }).show();
  await refused;
});

test('storage keeps texts by their area, and nothing says what changed', async () => {
  const browser = fakeBrowser();
  const host = new Host(browser.chrome, { onClosed: () => {}, onLeft: () => {} });
  await host.write('session', 'unlocked', 'text');
  assert.deepEqual([await host.read('session', 'unlocked'), await host.read('local', 'unlocked')], ['text', undefined]);
  await host.remove('session', 'unlocked');
  assert.equal(await host.read('session', 'unlocked'), undefined);
  host.changed();
  assert.deepEqual(browser.calls.at(-1), ['tell', { changed: true }]);
  host.wakeAt(5);
  assert.deepEqual(browser.calls.at(-1), ['alarm', 'lock', 5]);
});

/** A page with the provider in it; `answer` plays the content script. */
function pageWithProvider(answer) {
  const target = new EventTarget();
  const window = {
    addEventListener: (...given) => target.addEventListener(...given),
    dispatchEvent: (event) => target.dispatchEvent(event),
    location: { origin: 'https://shop.example' },
    postMessage: (data) => queueMicrotask(() => {
      target.dispatchEvent(Object.assign(new Event('message'), { source: window, data }));
      if (data.type === 'aitbc-extension:request') answer(JSON.parse(data.request), (rest) => window.postMessage({ type: 'aitbc-extension:answer', id: data.id, ...rest }));
    }),
  };
  const announced = [];
  window.addEventListener('eip6963:announceProvider', ({ detail }) => announced.push(detail));
  vm.runInNewContext(readFileSync(join(root, 'extension/inpage.js'), 'utf8'), { window, CustomEvent, crypto, console });
  return { window, announced, provider: announced[0].provider };
}

test('the provider tells what changed once it was asked, and takes no answer from elsewhere', async () => {
  let accounts = [];
  let chain = '0x1';
  const { window, announced, provider } = pageWithProvider(({ method }, reply) => {
    if (method === 'eth_accounts') reply({ result: accounts });
    else if (method === 'eth_chainId') reply({ result: chain });
    else reply({ error: { code: 4001, message: 'no' } });
  });
  const heard = [];
  for (const event of ['connect', 'accountsChanged', 'chainChanged']) {
    provider.on(event, (value) => heard.push([event, JSON.stringify(value)]));
  }
  const next = async (count) => { while (heard.length < count) await new Promise((resolve) => { setImmediate(resolve); }); };
  window.postMessage({ type: 'aitbc-extension:changed' });
  assert.equal((await provider.request({ method: 'eth_accounts' })).length, 0);
  await next(1);
  assert.deepEqual(heard, [['connect', '{"chainId":"0x1"}']], 'nothing was told before the page asked');
  accounts = ['0xaa'];
  chain = '0x2';
  window.postMessage({ type: 'aitbc-extension:changed' });
  await next(3);
  assert.deepEqual(heard.slice(1), [['chainChanged', '"0x2"'], ['accountsChanged', '["0xaa"]']]);
  await assert.rejects(provider.request({ method: 'personal_sign', params: [] }), { code: 4001 });
  await assert.rejects(provider.request({}), { code: -32602 });
  window.dispatchEvent(new Event('eip6963:requestProvider'));
  assert.equal(announced.length, 2);
  assert.equal(announced[0], announced[1]);
});
