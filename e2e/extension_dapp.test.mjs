// The extension against MetaMask's own test page, which knows nothing of this wallet. MetaMask itself is not tried: its
// builds are in no package registry.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { createPublicClient, parseAbi, recoverMessageAddress } from 'viem';
import { bringKey, launchWithExtension, popup, press as pressIn, SLOW, useNode } from './support/extension.mjs';
import { System } from './support/system.mjs';
import { patient } from './support/viem.mjs';

const KEY = `0x${'46'.repeat(32)}`;
const own = new Wallet(KEY).address.toLowerCase();
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };
const folder = join(dirname(createRequire(import.meta.url).resolve('@metamask/test-dapp/package.json')), 'dist');

let system;
let server;
let browser;
let context;
let page;

before(async () => {
  system = await System.start('extension-dapp', { workers: 0 });
  server = createServer(({ url }, answer) => {
    const name = normalize(new URL(url, 'http://localhost').pathname).replace(/^\/$/, '/index.html');
    try {
      const body = readFileSync(join(folder, name));
      answer.setHeader('content-type', TYPES[extname(name)] ?? 'text/plain').end(body);
    } catch {
      answer.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  browser = await launchWithExtension();
  ({ context } = browser);
  const welcome = await context.newPage();
  await welcome.goto(browser.url('welcome.html'));
  await bringKey(welcome, KEY);
  await useNode(browser, `${system.url}/rpc`);
  page = await context.newPage();
  // The test page serves no provider without this mark. The test sets it; the extension claims to be nobody else.
  await page.addInitScript(() => {
    addEventListener('eip6963:announceProvider', ({ detail }) => { detail.provider.isMetaMask = true; });
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
});

after(async () => {
  await context?.close();
  server?.close();
  await system?.stop();
});

/** Presses a button of the test page, and one of the window that opens. */
async function press(id, agree = '#sign-submit') {
  const opened = context.waitForEvent('page', SLOW);
  await page.click(id);
  await pressIn(await opened, agree);
}

const shows = (id, pattern) => page.waitForFunction(
  ([name, source]) => new RegExp(source, 'i').test(document.querySelector(name)?.innerText ?? ''), [id, pattern.source], SLOW,
);

test('it is found and connects', async () => {
  await page.click('text=Use AITBC Extension', SLOW);
  await shows('#activeProviderName', /AITBC Extension/);
  await shows('#chainId', /0x60f6/);
  await press('#connectButton', '#connect-submit');
  await shows('#accounts', new RegExp(own));
});

test('what it signs is verified by viem, and typed data by the page itself', async () => {
  await press('#personalSign');
  await shows('#personalSignResult', /^0x[0-9a-f]{130}$/);
  const signature = await page.innerText('#personalSignResult');
  assert.equal((await recoverMessageAddress({ message: 'Example `personal_sign` message', signature })).toLowerCase(), own);
  await press('#signTypedDataV4');
  await shows('#signTypedDataV4Result', /^0x[0-9a-f]{130}$/);
  await page.click('#signTypedDataV4Verify');
  await shows('#signTypedDataV4VerifyResult', new RegExp(own));
});

test('a permit that it signs is verified by the page itself', async () => {
  await press('#signPermit');
  await shows('#signPermitResult', /^0x[0-9a-f]{130}$/);
  await page.click('#signPermitVerify');
  await shows('#signPermitVerifyResult', new RegExp(own));
});

test('what it sends is in a block: a plain transaction, a new token, and a transfer of it', async () => {
  const chain = createPublicClient({ transport: patient(`${system.url}/rpc`) });
  const said = (pattern) => page.waitForEvent('console', { predicate: (message) => pattern.test(message.text()), ...SLOW });
  const succeeded = async (hash) => {
    const receipt = await chain.waitForTransactionReceipt({ hash, ...SLOW });
    assert.deepEqual([receipt.status, receipt.from.toLowerCase()], ['success', own]);
    return receipt;
  };
  const hashSaid = said(/^0x[0-9a-f]{64}$/);
  // The page's other buttons name a price for gas, of which this account has no coins; gas is free on this chain.
  await press('#sendEIP1559WithoutGasButton');
  const plain = await succeeded((await hashSaid).text());
  assert.equal(plain.to.toLowerCase(), '0x0c54fccd2e384b4bb6f2e405bf5cbc15a017aafb');

  await page.fill('#tokenDecimals', '0');
  await press('#createToken');
  await shows('#erc20TokenAddresses', /^0x[0-9a-f]{40}$/);
  const token = await page.innerText('#erc20TokenAddresses');
  const resultSaid = said(/^result/);
  await press('#transferTokens');
  const transfer = await (await resultSaid).args()[1].evaluate(({ hash }) => hash);
  assert.equal((await succeeded(transfer)).to.toLowerCase(), token.toLowerCase());
  const abi = parseAbi(['function balanceOf(address) view returns (uint256)']);
  const args = ['0x2f318C334780961FB129D2a6c30D0763d9a5C970'];
  assert.equal(await chain.readContract({ address: token, abi, functionName: 'balanceOf', args }), 1n);
});

test('a revoked page loses the account at once', async () => {
  const sites = await popup(browser, 'sites');
  await sites.click('[data-origin] button', SLOW);
  await sites.waitForSelector('#no-sites', SLOW);
  await sites.close();
  await page.waitForFunction(() => document.querySelector('#accounts').innerText.trim() === '', null, SLOW);
  assert.equal(await page.innerText('#accounts'), '');
});
