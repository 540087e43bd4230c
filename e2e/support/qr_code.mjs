// Reads the QR codes that pages draw as a path of squares, with a reader that knows nothing of how they were made.

import jsQR from 'jsqr';

const BORDER = 4;
const SCALE = 4;

/** The text of an SVG's code; its side in fields is in `data-side`. */
export async function readQrCode(page, selector) {
  const [side, path] = await page.$eval(selector, (svg) => [Number(svg.dataset.side), svg.querySelector('path').getAttribute('d')]);
  const width = (side + 2 * BORDER) * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h/g)) {
    for (let at = 0; at < SCALE * SCALE; at += 1) {
      const column = (Number(x) + BORDER) * SCALE + (at % SCALE);
      const row = (Number(y) + BORDER) * SCALE + Math.floor(at / SCALE);
      pixels.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3);
    }
  }
  return jsQR(pixels, width, width)?.data;
}
