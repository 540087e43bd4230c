// Copies the screenshots that documents show from the last test run: `node e2e/images.mjs`.

import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { results, root } from './support/system.mjs';

const SHOWN = {
  'first-page-desktop-light': 'first-page',
  'transaction-desktop-dark': 'transaction',
};
const LIMIT_BYTES = 400_000;

const folder = join(root, 'docs/images');
mkdirSync(folder, { recursive: true });
for (const [taken, name] of Object.entries(SHOWN)) {
  const source = join(results, `${taken}.png`);
  const { size } = statSync(source);
  if (size > LIMIT_BYTES) throw new Error(`${source} has ${size} bytes, more than ${LIMIT_BYTES}`);
  copyFileSync(source, join(folder, `${name}.png`));
}
