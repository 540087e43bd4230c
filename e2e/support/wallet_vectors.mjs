// shared/wallet/tests/vectors/clients.json: what ethers and viem compute for keys, words, keystore files, transactions, typed
// data and messages. `node support/wallet_vectors.mjs --write` makes the file anew. It comes from here and never from our
// own Rust code, so that the three check each other.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  HDNodeWallet, Mnemonic, Transaction, TypedDataEncoder, Wallet, encryptKeystoreJsonSync, wordlists,
} from 'ethers';
import { hashTypedData, serializeTransaction } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';

const path = join(import.meta.dirname, '../../shared/wallet/tests/vectors/clients.json');

const KEY = `0x${'46'.repeat(32)}`;
const TO = '0x3535353535353535353535353535353535353535';
const CHAIN_ID = 24_822;

const languages = {
  english: 'en', spanish: 'es', french: 'fr', italian: 'it', czech: 'cz', portuguese: 'pt', japanese: 'ja', korean: 'ko', chinese_simplified: 'zh_cn',
  chinese_traditional: 'zh_tw',
};

const entropies = ['7f'.repeat(16), '80'.repeat(20), '0ce452419635c1a5faf44d60f2029f73fdc43419b4de1f03', '91'.repeat(28), '00ac97c48106f0aeb8ba061e0250a559b3251dc35854e694780ba51d53a50120'];

function words() {
  return Object.entries(languages).flatMap(([language, code]) => entropies.map((entropy) => {
    const mnemonic = Mnemonic.fromEntropy(`0x${entropy}`, 'TREZOR', wordlists[code]);
    const address = (index) => HDNodeWallet.fromSeed(mnemonic.computeSeed()).derivePath(`m/44'/60'/0'/0/${index}`).address;
    return { language, phrase: mnemonic.phrase, passphrase: 'TREZOR', accounts: [0, 1, 2_147_483_647].map((index) => ({ index, address: address(index) })) };
  }));
}

const accessList = [{ address: TO, storageKeys: [`0x${'07'.repeat(32)}`, `0x${'00'.repeat(32)}`] }];
const common = { chainId: CHAIN_ID, nonce: 9, gas: 21_000n, to: TO, value: 10n ** 18n, data: '0x' };
const unsigned = {
  legacy: { ...common, type: 'legacy', gasPrice: 20n * 10n ** 9n },
  legacy_of_a_large_chain: { ...common, type: 'legacy', chainId: 4_294_967_295, gasPrice: 1n },
  makes_a_contract: { ...common, type: 'legacy', to: undefined, value: 0n, gasPrice: 0n, data: '0x6000' },
  access_list: { ...common, type: 'eip2930', gasPrice: 7n, accessList },
  fee_market: { ...common, type: 'eip1559', maxFeePerGas: 30n, maxPriorityFeePerGas: 2n, accessList, data: '0x010203' },
  free: { ...common, type: 'eip1559', maxFeePerGas: 0n, maxPriorityFeePerGas: 0n, value: 0n },
};

async function transactions() {
  const account = privateKeyToAccount(KEY);
  return Promise.all(Object.entries(unsigned).map(async ([name, transaction]) => {
    const raw = await account.signTransaction(transaction);
    const parsed = Transaction.from(raw);
    assert.equal(parsed.from, account.address, name);
    const unsignedForm = Transaction.from(serializeTransaction(transaction));
    assert.equal(new Wallet(KEY).signingKey.sign(unsignedForm.unsignedHash).serialized, parsed.signature.serialized, `ethers signs ${name} otherwise`);
    return { name, raw, hash: parsed.hash, nonce: parsed.nonce, chain_id: Number(parsed.chainId), to: parsed.to };
  }));
}

/** As before EIP-155. */
function withoutChain() {
  return privateKeyToAccount(KEY).signTransaction({ ...common, type: 'legacy', chainId: undefined, gasPrice: 1n });
}

const mail = {
  types: {
    Person: [{ name: 'name', type: 'string' }, { name: 'wallet', type: 'address' }],
    Mail: [{ name: 'from', type: 'Person' }, { name: 'to', type: 'Person' }, { name: 'contents', type: 'string' }],
  },
  primaryType: 'Mail',
  domain: { name: 'Ether Mail', version: '1', chainId: 1, verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC' },
  message: {
    from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' },
    to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' },
    contents: 'Hello, Bob!',
  },
};

const everyType = {
  types: {
    Part: [{ name: 'flags', type: 'bool[3]' }, { name: 'code', type: 'bytes4' }],
    Whole: [
      { name: 'parts', type: 'Part[]' }, { name: 'grid', type: 'uint8[2][]' }, { name: 'small', type: 'int8' }, { name: 'large', type: 'int256' },
      { name: 'most', type: 'uint256' }, { name: 'data', type: 'bytes' }, { name: 'hash', type: 'bytes32' }, { name: 'text', type: 'string' },
      { name: 'who', type: 'address' }, { name: 'none', type: 'Part[]' },
    ],
  },
  primaryType: 'Whole',
  domain: { name: 'Every type', salt: `0x${'5a'.repeat(32)}` },
  message: {
    parts: [{ flags: [true, false, true], code: '0x01020304' }, { flags: [false, false, false], code: '0xffffffff' }],
    grid: [[1, 2], [255, 0]], small: -128, large: `-${2n ** 255n}`, most: String(2n ** 256n - 1n), data: '0x00ff', hash: `0x${'cd'.repeat(32)}`,
    text: 'Grüße, 世界 \u0000', who: TO, none: [],
  },
};

const colon = {
  types: { 'Chain:Send': [{ name: 'amount', type: 'string' }] }, primaryType: 'Chain:Send',
  domain: { name: 'Signs', version: '1', chainId: '0x60f6' }, message: { amount: '1' },
};

const permit = {
  types: {
    Permit: [
      { name: 'owner', type: 'address' }, { name: 'spender', type: 'address' }, { name: 'value', type: 'uint256' },
      { name: 'nonce', type: 'uint256' }, { name: 'deadline', type: 'uint256' },
    ],
  },
  primaryType: 'Permit',
  domain: { name: 'AITBC', version: '1', chainId: CHAIN_ID, verifyingContract: '0x0000000000000000000000000000000000A17001' },
  message: { owner: privateKeyToAccount(KEY).address, spender: TO, value: '5', nonce: '0', deadline: '1800000000' },
};

async function typedData() {
  return Promise.all(Object.entries({ mail, every_type: everyType, colon, permit }).map(async ([name, data]) => {
    const digest = hashTypedData({ ...data, domain: { ...data.domain, chainId: data.domain.chainId && BigInt(data.domain.chainId) } });
    assert.equal(TypedDataEncoder.hash(data.domain, data.types, data.message), digest, name);
    return { name, data, digest, signature: await new Wallet(KEY).signTypedData(data.domain, data.types, data.message) };
  }));
}

async function messages() {
  const texts = ['', 'hello world', 'Grüße, 世界', '0x1234'];
  return Promise.all(texts.map(async (text) => ({ text, signature: await new Wallet(KEY).signMessage(text) })));
}

function signIn() {
  const address = privateKeyToAccount(KEY).address;
  const base = { address, chainId: CHAIN_ID, domain: 'localhost:8000', nonce: 'abcdef0123456789', uri: 'http://localhost:8000/login', version: '1', issuedAt: new Date('2026-11-29T08:45:43.123Z') };
  const full = {
    ...base, scheme: 'https', statement: 'I accept the terms.', expirationTime: new Date('2026-11-29T08:50:43.000Z'), notBefore: new Date('2026-11-29T08:45:00.000Z'),
    requestId: 'request-7', resources: ['https://example.org/a', 'ipfs://bafy/x?y=1#z'],
  };
  return { short: createSiweMessage(base), full: createSiweMessage(full) };
}

function keystore() {
  const options = { iv: `0x${'01'.repeat(16)}`, salt: `0x${'02'.repeat(32)}`, uuid: `0x${'03'.repeat(16)}`, scrypt: { N: 1 << 10, r: 8, p: 1 } };
  const account = { address: privateKeyToAccount(KEY).address, privateKey: KEY };
  const password = 'caf\u00e9 au lait';
  return { password, json: JSON.parse(encryptKeystoreJsonSync(account, password, options)) };
}

/** Everything, with the time in the keystore's file name left out. */
export async function vectors() {
  const file = keystore();
  delete file.json['x-ethers'];
  return {
    private_key: KEY, address: privateKeyToAccount(KEY).address, words: words(), transactions: await transactions(),
    transaction_without_chain: await withoutChain(), typed_data: await typedData(),
    messages: await messages(), sign_in: signIn(), keystore: file,
  };
}

export const recorded = () => JSON.parse(readFileSync(path, 'utf8'));

if (process.argv[2] === '--write') {
  writeFileSync(path, `${JSON.stringify(await vectors(), null, 1)}\n`);
}
