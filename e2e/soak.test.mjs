// A minute of what `cargo xtask soak network` does for longer: a network of processes under load that is broken at random.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/system.mjs';

test('a network keeps one chain while it is killed, paused and cut', (t) => {
  const soak = join(root, 'e2e/soak/network.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [soak, '--minutes', '1'], { encoding: 'utf8' });
  t.diagnostic(stdout.trim());
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^network soak passed: --seed \d+, .* transactions acknowledged and none lost/m);
});

test('what the soak does not understand is told', () => {
  const soak = join(root, 'e2e/soak/network.mjs');
  for (const [words, told] of [[['--minutes', '0'], /--minutes is more than 0, got 0/], [['--seed', '-1'], /seed/], [['--speed', '2'], /speed/]]) {
    const { status, stderr } = spawnSync(process.execPath, [soak, ...words], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, told);
    assert.match(stderr, /^error: /);
  }
});
