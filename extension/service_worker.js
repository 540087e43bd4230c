// The extension's service worker: it starts the wallet and passes texts to it. Every decision is the wallet's.
// The browser ends this program when nothing happens for half a minute, and starts it for the next message.

import init, { ask_again, closed, left, own, site, start, woken } from "./pkg/wallet_extension.js";
import { Host } from "./host.js";
import { pageName, whoSent } from "./senders.js";

const ready = begin();
const host = new Host(chrome, { onClosed: () => ready.then(closed), onLeft: () => ready.then(ask_again) });

async function begin() {
  // Scripts in pages read nothing of what is stored. Firefox knows this for `session` only, where it is so from the start.
  await chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" }).catch(() => {});
  await init();
  start(host);
}

async function serve(who, message) {
  await ready;
  if (who.own) return own(message.own);
  const page = pageName(who.tab, message.page);
  if (message.left) return left(page);
  return site(who.origin, page, message.request);
}

// Listeners are set at once: what wakes this program is delivered right after its first run.
chrome.runtime.onMessage.addListener((message, sender, respond) => {
  const who = whoSent(sender, chrome.runtime);
  const isForMe = who?.own ? typeof message?.own === "string" : typeof message?.page === "string";
  if (!who || !isForMe) return false;
  serve(who, message).then(respond, (error) => {
    console.error(error);
    respond(undefined);
  });
  return true;
});

chrome.runtime.onConnect.addListener((port) => {
  if (whoSent(port.sender, chrome.runtime)?.own && port.name === "sheet") host.joined(port);
});

chrome.tabs.onRemoved.addListener((tab) => ready.then(() => left(`${tab}/`)));

chrome.alarms.onAlarm.addListener(() => ready.then(woken));

// Runs once when the browser starts, so that scripts in pages are shut out of the storage from then on.
chrome.runtime.onStartup.addListener(() => ready);

chrome.runtime.onInstalled.addListener(({ reason }) => {
  if (reason === "install") chrome.tabs.create({ url: "welcome.html" });
});
