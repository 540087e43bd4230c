// Finds the wallets of this browser (EIP-6963): this site's own, and those of extensions.

const OWN = "network.aitbc.wallet";

// This site's own wallet is fetched when it is first asked for, which takes long on a slow connection or a busy machine.
const PATIENCE_MS = 60_000;

// All wallets that announce themselves until this site's own has, or cannot be loaded, or the time is over.
export function findWallets() {
  const found = new Map();
  return new Promise((resolve) => {
    const done = () => {
      window.removeEventListener("eip6963:announceProvider", onAnnounce);
      window.removeEventListener("aitbc:no-wallet", done);
      resolve([...found.values()]);
    };
    const onAnnounce = ({ detail }) => {
      found.set(detail.info.uuid, detail);
      if (detail.info.rdns === OWN) done();
    };
    window.addEventListener("eip6963:announceProvider", onAnnounce);
    window.addEventListener("aitbc:no-wallet", done);
    window.dispatchEvent(new Event("eip6963:requestProvider"));
    setTimeout(done, PATIENCE_MS);
  });
}

// The one wallet, or the one that the owner presses in the list; `say` then says no more that wallets are looked for.
export async function chooseWallet(section, list, say) {
  const wallets = await findWallets();
  if (wallets.length < 2) return wallets[0]?.provider;
  say();
  section.hidden = false;
  return new Promise((resolve) => {
    list.replaceChildren(
      ...wallets.map(({ info, provider }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button button-quiet";
        button.textContent = info.name;
        button.addEventListener("click", () => {
          section.hidden = true;
          resolve(provider);
        });
        return button;
      }),
    );
    list.firstElementChild.focus();
  });
}

// A wallet that lets these pages know an account already, which is shown without a question.
export async function knownWallet() {
  for (const { provider } of await findWallets()) {
    const [address] = await provider.request({ method: "eth_accounts" }).catch(() => []);
    if (address) return { provider, address };
  }
  return undefined;
}

export const shortened = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;

// Puts values where the page's words name them in braces.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// Asks the API. `body` is a text of JSON or becomes one. What the API refuses is thrown in its own words.
export async function api(method, path, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const answer = await fetch(path, { method, headers, body: text });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.detail);
  return json;
}

// Throws in the page's words where the wallet is on another chain than the page, so that nothing is asked for there.
async function requireChain(wallet, { chainId, words }) {
  const [other, chain] = [await wallet.request({ method: "eth_chainId" }), chainId].map(BigInt);
  if (other !== chain) throw new Error(fill(words.otherChain, { other, chain }));
}

// Has an account sign typed data. `page` has the number of its chain and its words, here and below.
export async function signTypedData(wallet, account, typedData, page) {
  await requireChain(wallet, page);
  return wallet.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(typedData)] });
}

const RECEIPT_TRIES = 120;
const RECEIPT_POLL_MS = 500;

// Sends a transaction and waits for its block: true once a block has it, false where it failed there, undefined where no
// block had it in time.
export async function sendTransaction(wallet, transaction, page, onSent) {
  await requireChain(wallet, page);
  // A wallet that changes its chain meanwhile refuses by the number.
  const chainId = `0x${BigInt(page.chainId).toString(16)}`;
  const hash = await wallet.request({ method: "eth_sendTransaction", params: [{ ...transaction, chainId }] });
  onSent();
  for (let tries = 0; tries < RECEIPT_TRIES; tries += 1) {
    const receipt = await wallet.request({ method: "eth_getTransactionReceipt", params: [hash] });
    if (receipt) return receipt.status === "0x1";
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS));
  }
  return undefined;
}

// What a page's panel says, and how its buttons run. `name` begins the ids of its status and its error.
export function panel(name, words) {
  const [status, error] = ["status", "error"].map((part) => document.getElementById(`${name}-${part}`));
  function say(told, refused) {
    status.textContent = told ?? "";
    error.textContent = refused ?? "";
    error.hidden = !refused;
    // The button may be far below.
    if (refused) error.scrollIntoView({ block: "nearest" });
  }
  // Runs what a button does; it cannot be pressed twice meanwhile.
  async function run(button, action) {
    button.disabled = true;
    say();
    try {
      await action();
    } catch (failure) {
      say("", reason(failure, words));
    }
    button.disabled = false;
  }
  return { say, run };
}

// In words that the page has: who refused, who cannot be reached, or what the other side says.
export function reason(error, words) {
  if (error?.code === 4001) return words.refused;
  if (error instanceof TypeError) return words.offline;
  return error?.message || words.failed;
}

// A text as `personal_sign` takes it from every page.
export const hex = (text) =>
  "0x" + Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Hands `use` a wallet with its account: at once where a wallet lets these pages know one, else once the button was pressed.
export function connectAccount(words, { say, run }, use) {
  const [button, section, list] = ["choose-account", "wallet-choice", "wallets"].map((id) => document.getElementById(id));
  async function choose() {
    say(words.looking);
    const wallet = await chooseWallet(section, list, say);
    if (!wallet) return say("", words.nobody);
    say(words.asking);
    const [address] = await wallet.request({ method: "eth_requestAccounts" });
    await use(wallet, address);
  }
  async function start() {
    const known = await knownWallet();
    if (known) await use(known.provider, known.address);
  }
  button.addEventListener("click", () => run(button, choose));
  run(button, start);
}
