// The wallet's core against ethers and viem, in both directions, through the command line.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { getAddress, Transaction, Wallet, verifyMessage, verifyTypedData } from 'ethers';
import { recoverMessageAddress, recoverTypedDataAddress } from 'viem';
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { parseSiweMessage } from 'viem/siwe';
import { assertMessageAlike, assertTypedDataAlike } from './support/agreement.mjs';
import { recordedVault, vaultVectors } from './support/vault_vectors.mjs';
import { recorded, vectors } from './support/wallet_vectors.mjs';
import { System } from './support/system.mjs';

const PASSWORD = 'caf\u00e9 au lait';

let place;
let aitbc;

before(() => {
  const system = new System('wallet-core', 0);
  place = system.data;
  file('password', PASSWORD);
  const program = system.program('aitbc');
  aitbc = (...words) => {
    const outcome = spawnSync(program, ['wallet', ...words, '--folder', join(place, 'wallets')], { encoding: 'utf8' });
    if (outcome.status !== 0) throw new Error(`aitbc wallet ${words.join(' ')}: ${outcome.error ?? outcome.stderr}`);
    return outcome.stdout;
  };
});

after(() => rmSync(place, { recursive: true, force: true }));

function file(name, text) {
  const path = join(place, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const password = () => ['--password-file', join(place, 'password')];

/** What a command answers to programs; ethers and viem write addresses with their checksum. */
function answer(...words) {
  const told = JSON.parse(aitbc(...words, ...password(), '--json'));
  return { ...told, address: getAddress(told.address) };
}

function importSecret(name, text) {
  return answer('import', name, '--file', file('secret', text)).address;
}

test('the vectors of the Rust tests are what ethers and viem compute', async () => {
  assert.deepEqual(recorded(), JSON.parse(JSON.stringify(await vectors())));
});

test('what a browser stores is made of standard parts', () => {
  assert.deepEqual(recordedVault(), vaultVectors());
});

test('ethers and viem find the account of words that were made here', () => {
  for (const count of ['12', '24']) {
    const made = answer('create', `words-${count}`, '--words', count);
    assert.equal(Wallet.fromPhrase(made.words).address, made.address);
    assert.equal(mnemonicToAccount(made.words).address, made.address);
  }
});

test('words that ethers made lead to the same accounts here', () => {
  const { mnemonic } = Wallet.createRandom();
  const account = mnemonicToAccount(mnemonic.phrase, { addressIndex: 5 });
  const path = file('ethers-words', mnemonic.phrase);
  const imported = answer('import', 'fifth', '--file', path, '--account', '5');
  assert.equal(imported.address, account.address);
});

test('ethers opens our keystore file, and we open that of ethers', async () => {
  const made = answer('create', 'ours');
  const out = join(place, 'ours.json');
  aitbc('export', 'ours', '--out', out);
  assert.equal((await Wallet.fromEncryptedJson(readFileSync(out, 'utf8'), PASSWORD)).address, made.address);
  await assert.rejects(Wallet.fromEncryptedJson(readFileSync(out, 'utf8'), 'cafe au lait'), /password/);
  const theirs = Wallet.createRandom();
  const path = file('theirs.json', await theirs.encrypt('cafe\u0301 au lait'));
  const imported = answer('import', 'theirs', '--file', path, '--keystore-password-file', join(place, 'password'));
  assert.equal(imported.address, theirs.address);
});

test('messages and typed data that are signed here hold there, and the other way round', async () => {
  const { private_key: key, typed_data: cases } = recorded();
  const address = importSecret('signer', key);
  const text = 'Grüße, 世界\nsecond line';
  const message = ['--message-file', file('message', text)];
  const signature = aitbc('sign', 'signer', ...message, '--yes', ...password()).trim();
  assert.equal(verifyMessage(text, signature), address);
  assert.equal(await recoverMessageAddress({ message: text, signature }), address);
  const theirs = await privateKeyToAccount(key).signMessage({ message: text });
  assert.match(aitbc('verify', theirs, ...message, '--by', address), new RegExp(address));
  for (const { name, data, signature: expected } of cases) {
    const typed = ['--typed-data', file(`${name}.json`, JSON.stringify(data))];
    const ours = aitbc('sign', 'signer', ...typed, '--yes', ...password()).trim();
    assert.equal(ours, expected, name);
    assert.equal(verifyTypedData(data.domain, data.types, data.message, ours), address, name);
    const domain = { ...data.domain, chainId: data.domain.chainId && BigInt(data.domain.chainId) };
    assert.equal(await recoverTypedDataAddress({ ...data, domain, signature: ours }), address, name);
    aitbc('verify', expected, ...typed, '--by', 'signer');
  }
});

test('ethers, viem and cast sign the same bytes as this', async () => {
  const { private_key: key, typed_data: cases } = recorded();
  importSecret('alike', key);
  const text = 'Grüße, 世界\nsecond line';
  const signature = aitbc('sign', 'alike', '--message-file', file('message', text), '--yes', ...password()).trim();
  await assertMessageAlike(text, signature, key);
  for (const { name, data } of cases) {
    // Other programs want the domain's chain as a number.
    const domain = data.domain.chainId === undefined ? data.domain : { ...data.domain, chainId: Number(data.domain.chainId) };
    const ours = aitbc('sign', 'alike', '--typed-data', file(`${name}.json`, JSON.stringify(data)), '--yes', ...password()).trim();
    await assertTypedDataAlike({ ...data, domain }, ours, key);
  }
});

test('transactions and messages to sign in with of the record are read by their own libraries', () => {
  const { address, transactions, sign_in: signIn } = recorded();
  for (const { raw, hash } of transactions) {
    const transaction = Transaction.from(raw);
    assert.deepEqual([transaction.from, transaction.hash], [address, hash]);
  }
  assert.equal(parseSiweMessage(signIn.full).address, address);
});
