// shared/wallet/tests/vectors/vault.json: what a browser stores, made by Node's ciphers and noble's Argon2id.
// `node support/vault_vectors.mjs --write` makes the file anew. It comes from here and never from our own Rust code.
import { createCipheriv, hkdfSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argon2id } from '@noble/hashes/argon2';
import { Wallet } from 'ethers';

const path = join(import.meta.dirname, '../../shared/wallet/tests/vectors/vault.json');

const PASSWORD = 'caf\u00e9 au lait';
const PRIVATE_KEY = '46'.repeat(32);
const SALT = Buffer.alloc(16, 0x11);
const NONCE = Buffer.alloc(12, 0x22);
const PASSKEYS = [1, 2].map((number) => ({
  credentialId: Buffer.alloc(number * 20, number),
  salt: Buffer.alloc(32, 0x30 + number),
  output: Buffer.alloc(32, 0x40 + number),
  nonce: Buffer.alloc(12, 0x50 + number),
  addedAt: 1_800_000_000_000 + number,
}));

const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;

function encrypted(key, nonce, additional, text) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additional);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

const passkeyKey = ({ credentialId, salt, output }) =>
  Buffer.from(hkdfSync('sha256', output, salt, Buffer.concat([Buffer.from('aitbc wallet passkey '), credentialId]), 32));

function wrapped(passkey, vaultKey) {
  const additional = Buffer.concat([Buffer.from('aitbc wallet 4 passkey '), SALT, passkey.salt, passkey.credentialId]);
  return { nonce: hex(passkey.nonce), ciphertext: hex(encrypted(passkeyKey(passkey), passkey.nonce, additional, vaultKey)) };
}

export function vaultVectors() {
  const { address } = new Wallet(`0x${PRIVATE_KEY}`);
  const vaultKey = Buffer.from(argon2id(Buffer.from(PASSWORD.normalize('NFKD')), SALT, { t: 3, m: 64 * 1024, p: 1, dkLen: 32 }));
  const contents = JSON.stringify({
    revision: 7, next_id: 2, auto_lock_minutes: 15,
    wallets: [{ id: 1, name: 'Grüße', kind: 'key', accounts: [{ address, index: null }] }],
    passkeys: PASSKEYS.map(({ credentialId, salt, addedAt }) => ({ credential_id: hex(credentialId), salt: hex(salt), added_at_unix_ms: addedAt })),
  });
  const secrets = JSON.stringify({ wallets: [[1, { key: PRIVATE_KEY }]], passkeys: PASSKEYS.map((passkey) => passkeyKey(passkey).toString('hex')) });
  const additional = Buffer.concat([Buffer.from('aitbc wallet 4 '), SALT, Buffer.from(contents)]);
  const stored = {
    version: 4, contents, salt: hex(SALT), nonce: hex(NONCE), ciphertext: hex(encrypted(vaultKey, NONCE, additional, secrets)),
    passkeys: PASSKEYS.map((passkey) => wrapped(passkey, vaultKey)),
  };
  const passkeys = PASSKEYS.map(({ credentialId, output }) => ({ credential_id: hex(credentialId), output: hex(output) }));
  return { password: PASSWORD, address, passkeys, stored };
}

export const recordedVault = () => JSON.parse(readFileSync(path, 'utf8'));

if (process.argv[2] === '--write') {
  writeFileSync(path, `${JSON.stringify(vaultVectors(), null, 1)}\n`);
}
