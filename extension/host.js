// What the wallet asks of the browser: storage, the window of questions, an alarm, and telling pages to look again.

const ALARM = "lock";
const LEAVING = "leaving";
const WINDOW = { url: "sheet.html", type: "popup", width: 420, height: 680 };

export class Host {
  #chrome;
  #onClosed;
  #onLeft;
  // Connections of the windows that show questions. The browser ends one when its window is closed.
  #windows = new Set();
  #opening;

  // `onClosed` is called when somebody closed the last window that shows questions, `onLeft` when it closes itself, since it
  // saw nothing that waits.
  constructor(chrome, { onClosed, onLeft }) {
    this.#chrome = chrome;
    this.#onClosed = onClosed;
    this.#onLeft = onLeft;
  }

  async read(area, key) {
    return (await this.#chrome.storage[area].get(key))[key];
  }

  async write(area, key, text) {
    await this.#chrome.storage[area].set({ [key]: text });
  }

  async remove(area, key) {
    await this.#chrome.storage[area].remove(key);
  }

  show() {
    this.changed();
    if (this.#windows.size === 0) {
      this.#opening ??= this.#open();
      return;
    }
    for (const port of this.#windows) {
      this.#chrome.windows.update(port.sender.tab.windowId, { focused: true }).catch(() => {});
    }
  }

  async #open() {
    try {
      await this.#chrome.windows.create(WINDOW);
    } catch {
      this.#opening = undefined;
      this.#onClosed();
    }
  }

  // A window that shows questions is there.
  joined(port) {
    this.#opening = undefined;
    this.#windows.add(port);
    // A question may come while a window closes itself. It is asked in a new one, not refused with the old one.
    port.onMessage.addListener((message) => {
      if (message === LEAVING && this.#windows.delete(port)) this.#onLeft();
    });
    port.onDisconnect.addListener(() => {
      if (this.#windows.delete(port) && this.#windows.size === 0) this.#onClosed();
    });
  }

  changed() {
    const { runtime, tabs } = this.#chrome;
    // Nobody listens where no page is open; that is no failure.
    runtime.sendMessage({ changed: true }).catch(() => {});
    tabs.query({}).then((all) => {
      for (const { id } of all) tabs.sendMessage(id, { changed: true }).catch(() => {});
    }, () => {});
  }

  wakeAt(unixMs) {
    this.#chrome.alarms.create(ALARM, { when: unixMs });
  }
}
