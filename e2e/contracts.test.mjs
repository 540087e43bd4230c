// Sources of contracts: deployed by Foundry's forge and compiled again by the server with a real compiler, read without a script, called through
// this site's own wallet; and a contract whose every text is hostile stays text.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { ContractFactory, Interface, Wallet } from 'ethers';
import { mined } from './support/api.mjs';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { ethersProvider } from './support/ethers.mjs';
import { System, root } from './support/system.mjs';
import { importWallet, openWallet, shownAddress, signSheet } from './support/wallet.mjs';

const SLOW = { timeout: 180_000 };
const COMPILER = join(root, 'contracts/solc.mjs');
const COUNTER = readFileSync(join(root, 'server/tests/it/verification/Counter.sol'), 'utf8');
const HOSTILE = `<script>document.title='stolen'</script>"><img src=x onerror="document.title='stolen'">`;
const HOSTILE_PATH = `src/${HOSTILE}.sol`;
const HOSTILE_SOURCE = `// SPDX-License-Identifier: MIT
// ${HOSTILE}
pragma solidity ^0.8.30;
contract AIToken {
    string public label;
    event Renamed(string given, address indexed by);
    constructor(string memory given) { label = given; }
    function refuse() external view { revert(label); }
    function set(string calldata given) external { label = given; emit Renamed(given, msg.sender); }
}`;

const owner = Wallet.createRandom();

let system;
let browser;
let provider;
let project;
let version;
let counter;
let liar;

before(async () => {
  system = await System.start('contracts', { workers: 0, options: ['--solc', COMPILER] });
  provider = ethersProvider(system.url);
  browser = await launch();
  const told = spawnSync(COMPILER, ['--version'], { encoding: 'utf8' }).stdout;
  [, version] = /Version: (\d+\.\d+\.\d+\+commit\.[0-9a-f]{8})/.exec(told);
  project = makeProject(version.split('+')[0]);
});

after(async () => {
  provider?.destroy();
  await browser?.close();
  await system?.stop();
});

/** A project of forge, with the compiler where forge looks for one. */
function makeProject(number) {
  const folder = join(system.data, 'project');
  const compilers = join(system.data, 'home/.svm', number);
  for (const made of [join(folder, 'src'), compilers]) mkdirSync(made, { recursive: true });
  symlinkSync(COMPILER, join(compilers, `solc-${number}`));
  writeFileSync(join(folder, 'src/Counter.sol'), COUNTER);
  writeFileSync(join(folder, 'foundry.toml'), `[profile.default]\nsrc = "src"\nsolc = "${number}"\noffline = true\nevm_version = "cancun"\noptimizer = true\n`);
  return folder;
}

function forge(...argumentList) {
  const env = { ...process.env, HOME: join(system.data, 'home'), NO_COLOR: '1' };
  const outcome = spawnSync(join(root, 'e2e/node_modules/.bin/forge'), argumentList, { cwd: project, env, encoding: 'utf8', timeout: 600_000 });
  return { status: outcome.status, told: `${outcome.stdout}${outcome.stderr}${outcome.error ?? ''}` };
}

const ask = async (fields) => (await fetch(`${system.url}/api`, { method: 'POST', body: new URLSearchParams({ module: 'contract', ...fields }) })).json();

async function verifyByHand(fields) {
  const taken = await ask({ action: 'verifysourcecode', codeformat: 'solidity-standard-json-input', compilerversion: `v${version}`, ...fields });
  assert.equal(taken.status, '1', JSON.stringify(taken));
  for (;;) {
    const { result } = await ask({ action: 'checkverifystatus', guid: taken.result });
    if (result !== 'Pending in queue') return result;
    await wait(200);
  }
}

const path = (address, query) => `${system.url}/explorer/addresses/${address}?${query}`;

test('what forge deployed, the server compiles from the same sources to the same code', async () => {
  const made = forge('create', 'src/Counter.sol:Counter', '--rpc-url', `${system.url}/rpc`, '--private-key', owner.privateKey, '--broadcast', '--constructor-args', '41');
  assert.equal(made.status, 0, made.told);
  [, counter] = /Deployed to: (0x[0-9a-fA-F]{40})/.exec(made.told);
  const before = await ask({ action: 'getsourcecode', address: counter });
  assert.equal(before.result, 'Contract source code not verified');
  // `forge verify-contract` asks a server of the Solidity project for its list of compilers first, so its request is made here.
  const { settings: { compilationTarget, ...settings } } = JSON.parse(readFileSync(join(project, 'out/Counter.sol/Counter.json'), 'utf8')).metadata;
  assert.deepEqual(compilationTarget, { 'src/Counter.sol': 'Counter' });
  const sourceCode = JSON.stringify({ language: 'Solidity', sources: { 'src/Counter.sol': { content: COUNTER } }, settings });
  assert.equal(await verifyByHand({ contractaddress: counter, contractname: 'src/Counter.sol:Counter', sourceCode }), 'Pass - Verified');
  const [known] = (await ask({ action: 'getsourcecode', address: counter })).result;
  assert.equal(known.MatchKind, 'full');
  assert.equal(known.ContractName, 'Counter');
  assert.equal(known.ConstructorArguments, (41).toString(16).padStart(64, '0'));
  assert.equal(JSON.parse(known.SourceCode.slice(1, -1)).sources['src/Counter.sol'].content, COUNTER);
});

test('sources of another contract are refused with the reason', async () => {
  const sources = { 'src/Counter.sol': { content: COUNTER.replace('count += by', 'count -= by') } };
  const made = await new ContractFactory([], '0x6001600c60003960016000f300', owner.connect(provider)).deploy();
  const { contractAddress } = await mined(system.url, made.deploymentTransaction().hash);
  const told = await verifyByHand({
    contractaddress: contractAddress, contractname: 'Counter', sourceCode: JSON.stringify({ language: 'Solidity', sources, settings: {} }),
  });
  assert.match(told, /^Fail - Unable to verify: the code differs/);
  const broken = await verifyByHand({
    contractaddress: contractAddress, contractname: 'A',
    sourceCode: JSON.stringify({ language: 'Solidity', sources: { 'a.sol': { content: 'import "/etc/passwd"; import "../../../data/keys/hub.key"; contract A {}' } } }),
  });
  assert.match(broken, /Source "\/etc\/passwd" not found/);
});

test('a contract is read without a script', async () => {
  const page = await openPage(browser, { javaScriptEnabled: false });
  await page.goto(path(counter, 'tab=contract'));
  assert.match(await page.innerText('[data-testid=sources]'), /Full match/);
  assert.match(await page.innerText('main'), /Counter\.sol/);
  await page.click('nav.tabs a:has-text("Read")');
  await page.click('details.fold:has(summary:has-text("count()")) summary');
  await page.click('details.fold:has(summary:has-text("count()")) button');
  assert.match(await page.innerText('[data-testid=answer]'), /41/);
  await page.goto(path(counter, 'tab=read&function=never()'));
  assert.match(await page.innerText('[data-testid=answer]'), /Never\(0x0{40}\)/);
  await page.goto(path(counter, 'tab=write&function=add(uint256)&a0=2'));
  assert.match(await page.innerText('[data-testid=call-data]'), /^0x1003e2d2/);
  await page.context().close();
});

test('a contract of which every text is hostile stays text', async () => {
  const input = {
    language: 'Solidity', sources: { [HOSTILE_PATH]: { content: HOSTILE_SOURCE } }, settings: { evmVersion: 'cancun' },
  };
  const outputSelection = { '*': { AIToken: ['abi', 'evm.bytecode.object'] } };
  const compiled = spawnSync(COMPILER, ['--standard-json'], { input: JSON.stringify({ ...input, settings: { ...input.settings, outputSelection } }), encoding: 'utf8' });
  const { abi, evm } = JSON.parse(compiled.stdout).contracts[HOSTILE_PATH].AIToken;
  const made = await new ContractFactory(abi, evm.bytecode.object, owner.connect(provider)).deploy(HOSTILE);
  ({ contractAddress: liar } = await mined(system.url, made.deploymentTransaction().hash));
  const fields = { contractaddress: liar, contractname: 'AIToken', sourceCode: JSON.stringify(input) };
  assert.equal(await verifyByHand(fields), 'Pass - Verified');
  const page = await openPage(browser);
  for (const query of [
    'tab=contract', 'tab=read&function=label()', 'tab=read&function=refuse()',
    `tab=write&function=set(string)&a0=${encodeURIComponent(HOSTILE)}`,
  ]) {
    await page.goto(path(liar, query));
    await page.waitForLoadState('networkidle');
    assert.match(await page.innerText('main'), /stolen|0x[0-9a-f]{8}/, query);
    assert.notEqual(await page.title(), 'stolen', query);
    assert.equal(await page.locator('main img[src=x]').count(), 0, query);
    assert.doesNotMatch(await page.innerText('h1'), /AIToken/, 'a stranger’s contract has the name of another');
  }
  const contract = new Interface(abi);
  const send = async (name, ...argumentList) => {
    const data = contract.encodeFunctionData(name, argumentList);
    const { hash } = await owner.connect(provider).sendTransaction({ to: liar, data, gasLimit: 1_000_000 });
    await mined(system.url, hash);
    return hash;
  };
  const renamed = await send('set', HOSTILE);
  const refused = await send('refuse');
  for (const [path, shown] of [
    [renamed, [HOSTILE, 'set(string)', 'Renamed(string,address)', owner.address.slice(0, 6)]], [`${renamed}/calls`, []],
    [refused, [HOSTILE, 'refuse()']], [`${refused}/calls`, [HOSTILE]],
  ]) {
    await page.goto(`${system.url}/explorer/transactions/${path}`);
    await page.waitForLoadState('networkidle');
    const text = await page.innerText('main');
    for (const part of shown) assert.ok(text.includes(part), `${path} lacks ${part}:\n${text}`);
    assert.notEqual(await page.title(), 'stolen', path);
    assert.equal(await page.locator('main img[src=x], main script').count(), 0, path);
  }
  assertQuiet(page);
  await page.context().close();
});

test('a call goes through the wallet: refused, on another chain, and signed', async () => {
  const page = await openPage(browser);
  await openWallet(page, system.url);
  await importWallet(page, 'key', owner.privateKey);
  assert.equal(await shownAddress(page), owner.address);
  const open = async () => {
    await page.goto(path(counter, 'tab=write&function=add(uint256)&a0=9'));
    await page.waitForSelector('#choose-account:not([disabled]):not([hidden]), #send-call:not([hidden])', SLOW);
  };
  const problem = (pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector('#contract-call-error:not([hidden])')?.innerText ?? ''), pattern.source, SLOW);
  await open();
  await assertAccessible(page, 'a call that is written down');
  await page.click('#choose-account');
  await page.click('#sheet-connect', SLOW);
  await page.waitForSelector('#send-call:not([hidden])', SLOW);
  await screenshots(page, 'contract-write');
  await page.click('#send-call');
  await page.waitForSelector('#sheet-password, #sheet-sign', SLOW);
  await page.keyboard.press('Escape');
  await problem(/refused/);
  await page.route('**/rpc', (route) => {
    const asked = route.request().postDataJSON();
    if (asked?.method !== 'eth_chainId') return route.fallback();
    return route.fulfill({ json: { jsonrpc: '2.0', id: asked.id, result: '0x1' } });
  });
  await open();
  await page.waitForSelector('#send-call:not([hidden])', SLOW);
  await page.click('#send-call');
  await problem(/on chain 1,/);
  await page.unroute('**/rpc');
  await open();
  await page.waitForSelector('#send-call:not([hidden])', SLOW);
  await page.click('#send-call');
  await signSheet(page, new RegExp(counter, 'i'));
  await page.waitForFunction(() => /succeeded/.test(document.querySelector('#contract-call-status').innerText), null, SLOW);
  await page.goto(path(counter, 'tab=read&function=count()'));
  assert.match(await page.innerText('[data-testid=answer]'), /50/);
  const [{ hash, to }] = (await (await fetch(`${system.url}/api/explorer/transactions`)).json()).items;
  assert.equal(to.toLowerCase(), counter.toLowerCase());
  await page.goto(`${system.url}/explorer/transactions/${hash}`);
  assert.match(await page.innerText('main'), /called add\b[^]*add\(uint256\)\s+by\s+9\b/i, 'the call is decoded by the verified ABI');
  await page.goto(path(counter, 'tab=contract'));
  await assertAccessible(page, 'the sources of a contract');
  await screenshots(page, 'contract-sources');
  await page.context().close();
});
