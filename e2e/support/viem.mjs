// What viem needs to know of a chain that makes a block when somebody sends something, and none after it.

import { http } from 'viem';

/** Asks a node that may be busy with other things: what is sent again is refused as known already. */
export const patient = (url) => http(url, { timeout: 120_000 });

/**
 * How to wait for a transaction. While viem looks whether another transaction took its place, it misses the next block, and
 * then waits for one more; here that may never come.
 */
export const WAITING = { checkReplacement: false, pollingInterval: 50 };
