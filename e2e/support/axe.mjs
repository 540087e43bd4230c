// What axe says of a page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function assertAccessible(page, what) {
  await page.evaluate(axe);
  // A colour on its way from one to another is neither. What moves without end, or as one scrolls, is as it is.
  await page.evaluate(() => {
    const ends = (animation) => animation.timeline === document.timeline && animation.effect?.getComputedTiming().endTime !== Infinity;
    const ending = document.getAnimations().filter(ends);
    return Promise.allSettled(ending.map((animation) => animation.finished));
  });
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  assert.deepEqual(faults, [], `${what} is not accessible`);
}
