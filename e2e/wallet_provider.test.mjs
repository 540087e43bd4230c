// The wallet as a provider of this site's pages, found and used as every EIP-1193 wallet is; and what a hostile script gets.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { recoverMessageAddress, recoverTypedDataAddress } from 'viem';
import { createSiweMessage } from 'viem/siwe';
import { assertAccessible } from './support/axe.mjs';
import { launch, openPage, screenshots } from './support/browser.mjs';
import { System } from './support/system.mjs';
import { importWallet, openWallet, PASSWORD, problem, shownAddress } from './support/wallet.mjs';
import { recorded } from './support/wallet_vectors.mjs';

const KEY = `0x${'46'.repeat(32)}`;
const account = new Wallet(KEY);

let system;
let browser;
let page;

before(async () => {
  system = await System.start('wallet-provider', { workers: 0 });
  browser = await launch();
  page = await openPage(browser);
  await page.addInitScript(() => {
    window.heard = [];
    // What a hostile script would do: see every text that passes, and everything that is said to and by the worker.
    for (const [owner, name] of [[JSON, 'stringify'], [JSON, 'parse'], [TextDecoder.prototype, 'decode'], [TextEncoder.prototype, 'encode']]) {
      const real = owner[name];
      owner[name] = function spy(...given) {
        const result = real.apply(this, given);
        for (const one of [...given, result]) if (typeof one === 'string') window.heard.push(one);
        return result;
      };
    }
    const RealWorker = window.Worker;
    window.Worker = class extends RealWorker {
      constructor(...given) {
        super(...given);
        window.walletWorker = this;
        this.addEventListener('message', ({ data }) => window.heard.push(String(data)));
      }

      postMessage(message, ...rest) {
        window.heard.push(String(message));
        super.postMessage(message, ...rest);
      }
    };
    window.addEventListener('eip6963:announceProvider', ({ detail }) => { window.announced = detail; });
  });
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** Begins a request; its end is read with `ended`. */
const begin = (method, params) => page.evaluate(({ method: name, params: list }) => {
  window.ended = undefined;
  window.announced.provider.request({ method: name, params: list }).then(
    (value) => { window.ended = { value }; },
    (error) => { window.ended = { code: error.code, message: error.message }; },
  );
}, { method, params });

async function ended() {
  await page.waitForFunction(() => window.ended !== undefined, null, { timeout: 180_000 });
  return page.evaluate(() => window.ended);
}

async function request(method, params) {
  await begin(method, params);
  return ended();
}

async function signed(method, params) {
  await begin(method, params);
  await page.click('#sheet-sign', { timeout: 180_000 });
  return (await ended()).value;
}

test('it is announced, and nobody can change what was announced', async () => {
  await openWallet(page, system.url);
  await importWallet(page, 'key', KEY);
  assert.equal(await shownAddress(page), account.address);
  await page.goto(`${system.url}/explorer`);
  assert.equal(await page.evaluate(() => window.announced), undefined, 'nobody asked, so nothing was loaded');
  await page.evaluate(() => window.dispatchEvent(new Event('eip6963:requestProvider')));
  await page.waitForFunction(() => window.announced);
  const info = await page.evaluate(() => {
    window.announced = undefined;
    window.dispatchEvent(new Event('eip6963:requestProvider'));
    return { ...window.announced.info, frozen: Object.isFrozen(window.announced) && Object.isFrozen(window.announced.provider) };
  });
  assert.match(info.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([info.name, info.frozen, info.icon.startsWith('data:image/svg+xml')], ['AITBC', true, true]);
});

test('a page knows no account until its owner agrees, and a closed sheet is 4001', async () => {
  assert.deepEqual(await request('eth_accounts'), { value: [] });
  assert.equal((await request('personal_sign', ['0x00', account.address])).code, 4100);
  await begin('eth_requestAccounts');
  await page.waitForSelector('#sheet-connect');
  await assertAccessible(page, 'the sheet to connect');
  await screenshots(page, 'wallet-connect');
  await page.click('#sheet-refuse');
  assert.equal((await ended()).code, 4001);
  await begin('eth_requestAccounts');
  await page.waitForSelector('#sheet-connect');
  await page.keyboard.press('Escape');
  assert.equal((await ended()).code, 4001);
  await page.evaluate(() => window.announced.provider.on('accountsChanged', (list) => { window.told = list; }));
  await begin('eth_requestAccounts');
  await page.click('#sheet-connect');
  const own = [account.address.toLowerCase()];
  assert.deepEqual(await ended(), { value: own });
  assert.deepEqual(await page.evaluate(() => window.told), own);
  assert.deepEqual(await request('eth_accounts'), { value: own });
});

test('a locked wallet asks for its password, then shows the sheet; viem recovers what was signed', async () => {
  const text = 'Grüße, 世界';
  const hex = `0x${Buffer.from(text).toString('hex')}`;
  await begin('personal_sign', [hex, account.address]);
  await page.fill('#sheet-password', 'not the password');
  await page.click('#sheet-unlock');
  await problem(page, /wrong password/, '#sheet-error');
  await page.fill('#sheet-password', PASSWORD);
  await page.click('#sheet-unlock');
  await page.waitForSelector('#sheet-message', { timeout: 180_000 });
  assert.equal(await page.innerText('#sheet-message'), text);
  await page.click('#sheet-sign');
  const { value: signature } = await ended();
  assert.equal(await recoverMessageAddress({ message: text, signature }), account.address);
});

test('typed data is a tree, and viem recovers it', async () => {
  const { data, signature: expected } = recorded().typed_data.find(({ name }) => name === 'permit');
  await begin('eth_signTypedData_v4', [account.address, JSON.stringify(data)]);
  await page.waitForSelector('#sheet-tree');
  assert.match(await page.innerText('#sheet-tree'), /spender[\s\S]*0x3535/);
  assert.match(await page.innerText('#sheet-risks'), /may then take/);
  await assertAccessible(page, 'the sheet of typed data');
  await screenshots(page, 'wallet-typed-data');
  await page.click('#sheet-sign');
  const { value: signature } = await ended();
  assert.equal(signature, expected);
  const domain = { ...data.domain, chainId: BigInt(data.domain.chainId) };
  assert.equal(await recoverTypedDataAddress({ ...data, domain, signature }), account.address);
});

test('other chains, other sites and unknown methods are refused with their codes', async () => {
  const { data } = recorded().typed_data.find(({ name }) => name === 'mail');
  assert.match((await request('eth_signTypedData_v4', [account.address, JSON.stringify(data)])).message, /chain/);
  const message = (domain) => createSiweMessage({
    address: account.address, chainId: 24_822, domain, nonce: 'abcdef0123456789', uri: `http://${domain}/`, version: '1',
  });
  assert.match((await request('personal_sign', [message('example.org'), account.address])).message, /example\.org/);
  assert.match(await signed('personal_sign', [message(new URL(system.url).host), account.address]), /^0x[0-9a-f]{130}$/);
  assert.equal((await request('wallet_switchEthereumChain', [{ chainId: '0x1' }])).code, 4902);
  assert.deepEqual(await request('wallet_switchEthereumChain', [{ chainId: '0x60f6' }]), { value: null });
  assert.equal((await request('eth_sign', [account.address, '0x00'])).code, 4200);
  assert.equal((await request('dance')).code, 4200);
  assert.equal((await request('wallet_watchAsset', { type: 'ERC20', options: { address: account.address } })).code, 4200);
  assert.equal((await request('eth_noSuchMethod')).code, -32601);
  assert.deepEqual(await request('eth_chainId'), { value: '0x60f6' });
  assert.match((await request('eth_blockNumber')).value, /^0x/);
  const foreign = '0x3535353535353535353535353535353535353535';
  assert.equal((await request('personal_sign', ['0x00', foreign])).code, 4100);
});

test('an approval without a limit is called grave, and refused it is not sent', async () => {
  const spender = '35'.repeat(20);
  const data = `0x095ea7b3${spender.padStart(64, '0')}${'f'.repeat(64)}`;
  await begin('eth_sendTransaction', [{ from: account.address, to: '0x0000000000000000000000000000000000a17001', data }]);
  await page.waitForSelector('#sheet-risks [data-severity="grave"]');
  assert.match(await page.innerText('#sheet'), /everything, now and later/);
  await screenshots(page, 'wallet-approval');
  await page.click('#sheet-refuse');
  assert.equal((await ended()).code, 4001);
});

test('calls at once are agreed to one after the other, and are never all or nothing (EIP-5792)', async () => {
  const to = '0x0000000000000000000000000000000000a17001';
  const approve = (amount) => ({ to, data: `0x095ea7b3${'35'.repeat(20).padStart(64, '0')}${amount.toString(16).padStart(64, '0')}` });
  const batch = (changes = {}) => ({
    version: '2.0.0', chainId: '0x60f6', from: account.address, atomicRequired: false, calls: [approve(1), approve(2)], ...changes,
  });
  const send = (changes) => request('wallet_sendCalls', [batch(changes)]);
  const none = { '0x60f6': { atomic: { status: 'unsupported' } } };
  assert.deepEqual(await request('wallet_getCapabilities', [account.address]), { value: none });
  assert.deepEqual(await request('wallet_getCapabilities', [account.address, ['0x1']]), { value: {} });
  const foreign = '0x3535353535353535353535353535353535353535';
  assert.equal((await request('wallet_getCapabilities', [foreign])).code, 4100);
  assert.equal((await send({ from: foreign })).code, 4100);
  assert.equal((await send({ atomicRequired: true })).code, 5760);
  assert.equal((await send({ chainId: '0x1' })).code, 5710);
  assert.equal((await send({ capabilities: { paymasterService: { url: 'x' } } })).code, 5700);
  assert.equal((await send({ calls: Array(17).fill(approve(1)) })).code, 5740);

  await begin('wallet_sendCalls', [batch({ id: 'refused' })]);
  await page.click('#sheet-refuse', { timeout: 180_000 });
  assert.equal((await ended()).code, 4001);
  assert.equal((await request('wallet_getCallsStatus', ['refused'])).code, 5730, 'nothing was sent');

  await begin('wallet_sendCalls', [batch()]);
  await page.click('#sheet-sign', { timeout: 180_000 });
  await page.waitForSelector('#sheet-sign:enabled', { timeout: 180_000 });
  await page.click('#sheet-sign');
  const { value: { id } } = await ended();
  let status;
  do status = (await request('wallet_getCallsStatus', [id])).value; while (status.status === 100);
  assert.deepEqual([status.status, status.atomic, status.chainId, status.receipts.length], [200, false, '0x60f6', 2]);
  assert.ok(status.receipts.every((receipt) => receipt.status === '0x1' && receipt.logs.length === 1));
  assert.equal((await send({ id })).code, 5720);

  await begin('wallet_sendCalls', [batch({ id: 'half' })]);
  await page.click('#sheet-sign', { timeout: 180_000 });
  await page.waitForSelector('#sheet-sign:enabled', { timeout: 180_000 });
  await page.click('#sheet-refuse');
  assert.deepEqual(await ended(), { value: { id: 'half' } }, 'the first call was sent');
  const half = (await request('wallet_getCallsStatus', ['half'])).value;
  assert.deepEqual([half.status, half.receipts.length], [600, 1]);
  await begin('wallet_showCallsStatus', ['half']);
  await page.waitForSelector('#sheet-calls');
  assert.match(await page.innerText('#sheet-calls'), /Is in a block[\s\S]*Was not sent/);
  await assertAccessible(page, 'the calls');
  await page.click('#sheet-close');
  assert.deepEqual(await ended(), { value: null });
});

test('a sheet that is shown is not made anew when another question comes', async () => {
  const prepared = () => page.evaluate(() => new Set(
    window.heard.filter((text) => text.includes('"prepare"') && text.includes('"version"')),
  ).size);
  const asked = (text) => [`0x${Buffer.from(text).toString('hex')}`, account.address];
  const before = await prepared();
  await begin('personal_sign', asked('one'));
  await page.waitForSelector('#sheet-sign:enabled', { timeout: 180_000 });
  await page.evaluate((params) => { window.second = window.announced.provider.request({ method: 'personal_sign', params }); }, asked('two'));
  await page.click('#sheet-sign');
  assert.equal(await recoverMessageAddress({ message: 'one', signature: (await ended()).value }), account.address);
  await page.waitForSelector('#sheet-message:text-is("two")', { timeout: 180_000 });
  await page.click('#sheet-sign');
  assert.equal(await recoverMessageAddress({ message: 'two', signature: await page.evaluate(() => window.second) }), account.address);
  assert.equal(await prepared() - before, 2);
});

test('no script of the page sees a key, and no message counts twice', async () => {
  const posted = await page.evaluate(() => window.heard);
  assert.ok(posted.some((text) => text.includes('approve')), 'the messages were seen');
  assert.ok(!posted.some((text) => text.includes('46'.repeat(32))), 'the key was seen');
  const answers = await page.evaluate(async (messages) => {
    const answered = [];
    const worker = window.walletWorker;
    worker.addEventListener('message', ({ data }) => answered.push(String(data)));
    for (const message of messages) worker.postMessage(message.replace(/"id":\d+/, '"id":4000000001'));
    worker.postMessage('{"version":4,"id":4000000002,"request":{"export":{"wallet":1,"form":"words","password":""}}}');
    worker.postMessage('{"version":1,"id":4000000003,"request":"state"}');
    worker.postMessage({ version: 4, id: 1, request: 'state' });
    while (answered.length < messages.length + 2) await new Promise((resolve) => { setTimeout(resolve, 20); });
    return answered;
  }, posted.filter((text) => /"(approve|deliver)"/.test(text) && text.includes('"version"')).filter((text, at, all) => all.indexOf(text) === at));
  const replayed = answers.filter((text) => text.includes('4000000001'));
  assert.ok(replayed.length > 0 && replayed.every((text) => text.includes('unknown_ticket')), replayed.join('\n'));
  assert.ok(answers.some((text) => text.includes('4000000002') && text.includes('wrong_password')));
  assert.ok(answers.some((text) => text.includes('4000000003') && text.includes('unknown_request')));
  assert.ok(!answers.some((text) => text.includes('46'.repeat(32))));
});

test('what is stored holds no key, and no frame may show the page', async () => {
  const stored = await page.evaluate(() => new Promise((resolve) => {
    const open = indexedDB.open('aitbc-wallet');
    open.onsuccess = () => {
      const get = open.result.transaction('sealed').objectStore('sealed').get('vault');
      get.onsuccess = () => resolve(get.result);
    };
  }));
  assert.ok(stored.includes(account.address.toLowerCase()), 'addresses stand in clear');
  assert.ok(!stored.includes('46'.repeat(16)));
  const policy = (await fetch(`${system.url}/wallet`)).headers.get('content-security-policy');
  assert.match(policy, /frame-ancestors 'none'/, 'the page shows itself in no frame');
});

test('a call that is being sent when its page loads anew is never called not sent (EIP-5792)', async () => {
  const to = '0x0000000000000000000000000000000000a17001';
  const call = { to, data: `0x095ea7b3${'35'.repeat(20).padStart(64, '0')}${'3'.padStart(64, '0')}` };
  const batch = { version: '2.0.0', chainId: '0x60f6', from: account.address, atomicRequired: false, id: 'reloaded', calls: [call] };
  let tellSent;
  const sent = new Promise((resolve) => { tellSent = resolve; });
  await page.route('**/rpc', async (route) => {
    if (!route.request().postData()?.includes('eth_sendRawTransaction')) return route.continue();
    // The node has it, and the page that would hear so is gone.
    await route.fetch();
    return tellSent();
  });
  await begin('wallet_sendCalls', [batch]);
  await page.click('#sheet-sign', { timeout: 180_000 });
  await sent;
  await page.reload();
  await page.unroute('**/rpc');
  await page.evaluate(() => window.dispatchEvent(new Event('eip6963:requestProvider')));
  await page.waitForFunction(() => window.announced);
  let status;
  do {
    status = (await request('wallet_getCallsStatus', ['reloaded'])).value;
    assert.ok([100, 200].includes(status?.status), `it is in a block or will be, and was called ${JSON.stringify(status)}`);
  } while (status.status === 100);
  assert.equal(status.receipts[0].status, '0x1');
});

test('the wallet shows which account this site sees and on which chain, and what is ended there is ended in every tab', async () => {
  assert.deepEqual(await request('eth_accounts'), { value: [account.address.toLowerCase()] });
  await page.evaluate(() => window.announced.provider.on('accountsChanged', (list) => { window.told = list; }));
  const wallet = await page.context().newPage();
  await openWallet(wallet, system.url, '#connections');
  await wallet.waitForSelector(`#wallet-connection a[title="${account.address}"]`);
  const connection = await wallet.innerText('#wallet-connection');
  assert.ok(connection.includes(system.url) && /signatures/.test(connection) && /20\d\d/.test(connection), connection);
  await wallet.waitForFunction(() => /24822/.test(document.querySelector('#wallet-network')?.innerText));
  const network = await wallet.innerText('#wallet-network');
  assert.ok(network.includes(`${system.url}/rpc`) && /development chain/.test(network), network);
  assert.match(await wallet.getAttribute('#wallet-network a[href^="/explorer/blocks/"]', 'href'), /\/\d+$/);
  await assertAccessible(wallet, 'the connections');
  await screenshots(wallet, 'wallet-connected');
  await wallet.click('#wallet-disconnect');
  await wallet.waitForSelector('#wallet-not-connected');
  await page.waitForFunction(() => window.told?.length === 0);
  assert.deepEqual(await request('eth_accounts'), { value: [] });
  assert.equal((await request('personal_sign', ['0x00', account.address])).code, 4100);
  await wallet.close();
});
