// Looking at a PNG without knowing what it should show.

import assert from 'node:assert/strict';
import { PNG } from 'pngjs';

/** Mean of the luma, its standard deviation, and how many distinct colours there are (4 bits per channel). */
export function statistics(bytes) {
  const { width, height, data } = PNG.sync.read(bytes);
  const colours = new Set();
  let sum = 0;
  let squares = 0;
  for (let at = 0; at < data.length; at += 4) {
    const luma = 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
    sum += luma;
    squares += luma * luma;
    colours.add(((data[at] >> 4) << 8) | ((data[at + 1] >> 4) << 4) | (data[at + 2] >> 4));
  }
  const count = width * height;
  const mean = sum / count;
  return { width, height, mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)), colours: colours.size };
}

/** A picture of something: it has contrast and more than a few colours. */
export function assertDrawn(bytes, width, height) {
  const seen = statistics(bytes);
  assert.deepEqual([seen.width, seen.height], [width, height]);
  assert.ok(seen.deviation > 10, `the picture is nearly of one brightness: ${JSON.stringify(seen)}`);
  assert.ok(seen.colours > 30, `the picture has few colours: ${JSON.stringify(seen)}`);
  return seen;
}
