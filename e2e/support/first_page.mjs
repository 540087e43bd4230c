// The first page of a new installation, ready to be filled in.

import { launch, openPage } from './browser.mjs';
import { System } from './system.mjs';

/** Starts an installation and opens its first page. `close` ends browser and installation. */
export async function startAtFirstPage(name) {
  const started = {
    async close() {
      await started.browser?.close();
      await started.system?.stop();
    },
  };
  try {
    started.system = await System.start(name);
    started.browser = await launch();
    started.page = await openPage(started.browser);
    await showFirstPage(started.page, started.system.url);
  } catch (error) {
    await started.close();
    throw error;
  }
  return started;
}

/** Opens `address` and waits until the form is live. */
export async function showFirstPage(page, address) {
  await page.goto(address);
  await formIsLive(page);
}

export const formIsLive = (page) => page.waitForSelector('#draw:not([data-starting])');
