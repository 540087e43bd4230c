// What `cargo xtask soak network` does not understand, it says; the soak itself is run by hand, for as long as somebody likes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './support/system.mjs';

test('an option of the soak that is not understood is told, and nothing is started', () => {
  const soak = join(root, 'e2e/soak/network.mjs');
  for (const [words, told] of [[['--minutes', '0'], /--minutes is more than 0, got 0/], [['--seed=-1'], /--seed is a whole number/], [['--speed', '2'], /speed/]]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [soak, ...words], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^error: /);
    assert.match(stderr, told);
  }
});
