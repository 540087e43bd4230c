// What viem needs to know of a chain that makes a block when somebody sends something, and none after it.

/**
 * How to wait for a transaction. While viem looks whether another transaction took its place, it misses the next block, and
 * then waits for one more; here that may never come.
 */
export const WAITING = { checkReplacement: false, pollingInterval: 50 };
