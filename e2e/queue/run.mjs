// graphile-worker over the PostgreSQL of DATABASE_URL: jobs that are added one by one by many clients, taken and done, as many as
// there can be. Its own settings for speed are on: jobs are taken and completed in batches. Prints {"jobs_per_second": …}.

import { Logger, makeWorkerUtils, run } from 'graphile-worker';

const CLIENTS = 64;
const OPEN_JOBS = 512;
const RUNNING_JOBS = 64;
const CONNECTIONS = 20;
const WARM_UP_MS = 5_000;
const MEASURED_MS = 20_000;

const connectionString = process.env.DATABASE_URL;
// It writes a line for each job where nobody says otherwise.
const logger = new Logger(() => (level, message) => level === 'error' && console.error(message));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let done = 0;
let open = 0;
let isOver = false;

const utils = await makeWorkerUtils({ connectionString, logger, maxPoolSize: CONNECTIONS });
await utils.migrate();
const runner = await run({
  connectionString,
  logger,
  maxPoolSize: CONNECTIONS,
  noHandleSignals: true,
  taskList: {
    draw: () => {
      done += 1;
      open -= 1;
    },
  },
  preset: { worker: { concurrentJobs: RUNNING_JOBS, localQueue: { size: OPEN_JOBS }, completeJobBatchDelay: 0 } },
});

/** Adds a job after the other, while there are not too many open. */
async function add(client) {
  for (let seed = 0; !isOver; seed += 1) {
    if (open >= OPEN_JOBS) {
      await pause(1);
      continue;
    }
    open += 1;
    await utils.addJob('draw', { prompt: 'a lake', steps: 1, width: 64, height: 64, seed, client });
  }
}

const clients = Array.from({ length: CLIENTS }, (_, client) => add(client));
await pause(WARM_UP_MS);
const [before, began] = [done, performance.now()];
await pause(MEASURED_MS);
const perSecond = ((done - before) * 1_000) / (performance.now() - began);
isOver = true;
await Promise.all(clients);
await runner.stop();
await utils.release();
console.log(JSON.stringify({ jobs_per_second: perSecond }));
