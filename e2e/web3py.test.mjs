// web3.py, which programs in Python use, works unchanged: transactions, contracts, logs, subscriptions, signatures, and proofs
// that Python's own trie library checks. web3py/judge.py has the checks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { System, root } from './support/system.mjs';

/** Names a Python with the packages of web3py/requirements.txt; `cargo xtask test` sets it where it could install them. */
const python = process.env.AITBC_WEB3_PYTHON;
/** What the caller says that this machine has. */
const isRequired = (process.env.AITBC_REQUIRE ?? '').split(',').includes('web3py');

const CHECKS = {
  a_transaction: 'web3.py sends a transaction and reads it back',
  a_contract: 'it deploys a contract, calls it, estimates its gas, and sees a state that is pretended',
  logs_and_filters: 'it finds logs, and polls filters',
  a_web_socket: 'it subscribes over a WebSocket',
  signatures: 'it signs typed data that a contract takes',
  proofs: "it proves a balance from the validators' signatures, and nothing that was changed",
  refusals: 'it is refused as by any other chain',
};

let system;
let told;

before(async () => {
  if (!python) return;
  system = await System.start('web3py', { workers: 0 });
  told = await judge(`${system.url}/rpc`);
});

after(async () => system?.stop());

/** What each check found, by its name. */
async function judge(url) {
  const program = [join(root, 'e2e/web3py/judge.py'), url, join(root, 'contracts/artifacts')];
  const child = spawn(python, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  const faults = new Map();
  for await (const line of createInterface({ input: child.stdout })) {
    const { check, fault } = JSON.parse(line);
    faults.set(check, fault);
  }
  assert.equal(await ended, 0, 'the judge went through all its checks');
  return faults;
}

for (const [check, what] of Object.entries(CHECKS)) {
  test(what, (t) => {
    if (!python) {
      assert.ok(!isRequired, 'AITBC_REQUIRE names web3py, and AITBC_WEB3_PYTHON names no Python that has it');
      return t.skip('no Python with web3.py: AITBC_WEB3_PYTHON names none');
    }
    assert.ok(told.has(check), 'the judge did not say');
    assert.equal(told.get(check), null, told.get(check));
  });
}

test('the judge has no check that is not listed here', (t) => {
  if (!python) return t.skip('no Python with web3.py');
  assert.deepEqual([...told.keys()], Object.keys(CHECKS));
});
