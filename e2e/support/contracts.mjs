// Where genesis puts the contracts, and what they understand.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './system.mjs';

export const CHAIN_ID = 24_822;
export const TOKEN = '0x0000000000000000000000000000000000A17001';
export const MINTER = '0x0000000000000000000000000000000000A17002';
export const EXCHANGE = '0x0000000000000000000000000000000000a17004';
export const TEST_DOLLAR = '0x0000000000000000000000000000000000a17005';

const abiOf = (name) => JSON.parse(readFileSync(join(root, `contracts/artifacts/${name}.json`), 'utf8')).abi;
export const tokenAbi = abiOf('AIToken');
export const minterAbi = abiOf('AITokenMinter');
export const exchangeAbi = abiOf('ExchangeSettlement');
export const dollarAbi = abiOf('TestDollar');
