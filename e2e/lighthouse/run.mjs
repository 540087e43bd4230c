// Lighthouse over the pages that visitors see first, on a desktop and on its simulated slow phone. A score is the median of three
// visits, since one visit on a busy machine tells little. Prints figures as a JSON array, as `cargo xtask bench` reads them.

import { launch as launchChromium } from 'chrome-launcher';
import lighthouse, { desktopConfig } from 'lighthouse';
import { createJob, follow, image } from '../support/api.mjs';
import { ARGUMENTS, executable } from '../support/browser.mjs';
import { System } from '../support/system.mjs';

const VISITS = 3;
const BAR = 95;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'];

const system = await System.start('lighthouse');
try {
  const chromium = await launchChromium({ chromePath: executable(), chromeFlags: ['--headless=new', ...ARGUMENTS] });
  try {
    console.log(JSON.stringify(await measure(chromium.port, await pages())));
  } finally {
    await chromium.kill();
  }
} finally {
  await system.stop();
}

/** Addresses of pages by what they are; a job and a block stand behind those that show one. */
async function pages() {
  const { id } = await createJob(system.url, image('a lake in winter'));
  const { mint } = await follow(system.url, id, { minted: true });
  return {
    'first page': '/',
    job: `/jobs/${id}`,
    'explorer home': '/explorer',
    block: `/explorer/blocks/${mint.block_number}`,
    marketplace: '/models',
    'text model': '/models/aitbc-words-1',
    chat: '/chat',
    exchange: '/exchange/AIT-tUSD',
    wallet: '/wallet',
    docs: '/docs',
  };
}

async function measure(port, paths) {
  const figures = [];
  for (const [device, config] of Object.entries({ desktop: desktopConfig, 'slow phone': undefined })) {
    for (const [page, path] of Object.entries(paths)) {
      const visits = [];
      for (let visit = 0; visit < VISITS; visit += 1) visits.push(await scores(port, path, config));
      for (const category of CATEGORIES) {
        const value = visits.map((visit) => visit[category]).sort((one, other) => one - other)[(VISITS - 1) / 2];
        figures.push({ name: `lighthouse: ${page}, ${device}, ${category}`, value, unit: 'of 100', bar: BAR, holds: value >= BAR });
      }
    }
  }
  return figures;
}

/** One visit with an empty cache; what falls short of full marks goes to the error output, so that somebody can mend it. */
async function scores(port, path, config) {
  const { lhr } = await lighthouse(`${system.url}${path}`, { port, logLevel: 'error', onlyCategories: CATEGORIES }, config);
  if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
  for (const category of CATEGORIES) {
    for (const { id } of lhr.categories[category].auditRefs.filter(({ weight }) => weight > 0)) {
      const { score, displayValue } = lhr.audits[id];
      if (score !== null && score < 0.9) console.error(`${path} ${lhr.configSettings.formFactor} ${id}: ${score} ${displayValue ?? ''}`);
    }
  }
  return Object.fromEntries(CATEGORIES.map((category) => [category, Math.round(lhr.categories[category].score * 100)]));
}
