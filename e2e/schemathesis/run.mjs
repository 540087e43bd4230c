// Asks a new server everything that its /openapi.json names, with values inside and outside of the bounds that stand
// there, and judges the answers: no failure of the server, no status, header or body that the document does not name.
// Use: node e2e/schemathesis/run.mjs PROGRAM, where PROGRAM is schemathesis.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { System, results, root } from '../support/system.mjs';

const SEED = '20261129';
const LIMIT_SECONDS = '90';

// A request that fits the document may still be refused by what no schema tells: no miner serves the model here, or two
// fields contradict each other.
const EXCLUDED_CHECKS = 'positive_data_acceptance';

const program = process.argv[2];
if (!program) throw new Error('name the schemathesis program');

const limits = ['--sponsored-per-address', '1000000', '--sponsored-in-total', '1000000', '--images-per-minute', '1000000'];
const system = await System.start('api', { workers: 0, options: limits });
console.log(`schemathesis with the seed ${SEED}, for up to ${LIMIT_SECONDS} s`);
try {
  process.exitCode = await judge(system.clientKey());
} finally {
  await system.stop();
}

function judge(key) {
  const argumentList = [
    '--config-file', join(root, 'e2e/schemathesis/schemathesis.toml'),
    'run', `${system.url}/openapi.json`,
    '--seed', SEED, '--max-time', LIMIT_SECONDS, '--max-examples', '20', '--exclude-checks', EXCLUDED_CHECKS,
    '--header', `x-api-key: ${key}`, '--continue-on-failure', '--no-color', '--warnings', 'off',
    '--generation-database', 'none', '--report-dir', join(results, 'schemathesis'),
  ];
  const child = spawn(program, argumentList, { cwd: results, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => resolve(code ?? 1));
    child.once('error', reject);
  });
}
