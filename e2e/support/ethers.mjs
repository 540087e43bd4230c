// ethers.js against a node whose blocks come within milliseconds.

import { JsonRpcProvider } from 'ethers';

/** Remembers no answer: ethers.js otherwise keeps each for a quarter of a second, and would use a nonce twice. */
export const ethersProvider = (url) => new JsonRpcProvider(`${url}/rpc`, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 });
