// The wallet's Web Worker begins here: a module of its own, so that it has its own content security policy.
import init from "/pkg/wallet_worker.js";
await init();
