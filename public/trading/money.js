// Moves a trader's money into the exchange and out of it.

import { api } from "/wallets.js";
import { exact, parseUnits, shown } from "./amounts.js";
import { deposit, leave, takeFromFaucet, walletBalance } from "./chain.js";
import { fill } from "./ticket.js";
import { withdrawalTypedData } from "./typed_data.js";

const byId = (id) => document.getElementById(id);

const WITHDRAWAL_SECONDS = 3_600;
const BOOK_TRIES = 10;
const BOOK_POLL_MS = 1_000;

// `account()` is what the page says of the account, `connect()` its wallet or nothing, `refresh()` fetches the page's parts.
export function moneyOf(facts, { account, connect, say, sign, refresh }) {
  const { trader, words } = facts;
  const inWallet = new Map();
  const assetOf = (address) => facts.assets.find((asset) => asset.address === address);

  async function read() {
    try {
      for (const { address } of facts.assets) inWallet.set(address, await walletBalance(facts, address));
    } catch {
      // The node is away or busy: the cells keep what they say, and the contract refuses what the wallet does not have.
    }
    show();
  }

  function show() {
    document.querySelectorAll("[data-wallet-of]").forEach((cell) => {
      const units = inWallet.get(cell.dataset.walletOf);
      if (units !== undefined) cell.textContent = shown(units, assetOf(cell.dataset.walletOf).decimals);
    });
  }

  // What was typed, or why it cannot be moved.
  function readForm(isDeposit) {
    const asset = assetOf(byId("move-asset").value);
    const { symbol, decimals } = asset;
    const amount = parseUnits(byId("move-amount").value, decimals);
    if (!amount) throw new Error(fill(words.moveNumber, { symbol, decimals }));
    const free = account().balances.find((balance) => balance.asset === asset.address).free_units;
    const has = isDeposit ? inWallet.get(asset.address) : BigInt(free);
    if (has !== undefined && amount > has) {
      throw new Error(fill(isDeposit ? words.moveWallet : words.moveFree, { has: exact(has, decimals), symbol }));
    }
    return { asset, amount };
  }

  async function afterMove() {
    byId("move-amount").value = "";
    await Promise.all([read(), refresh()]);
  }

  // The exchange reads a block a moment after the wallet sees it.
  async function afterBlock() {
    const text = () => byId("trader-balances").dataset.account;
    const before = text();
    await afterMove();
    for (let tries = 0; tries < BOOK_TRIES && text() === before; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, BOOK_POLL_MS));
      await refresh();
    }
  }

  return {
    read,
    show,

    async deposit() {
      await read();
      const { asset, amount } = readForm(true);
      const wallet = await connect();
      if (!wallet) return;
      await deposit(wallet, facts, say, asset, amount);
      await afterBlock();
    },

    async withdraw() {
      const { asset, amount } = readForm(false);
      if (!(await connect())) return;
      const { next_nonce: nonce } = await api("GET", `/v1/exchange/accounts/${trader}`);
      const signed = {
        trader,
        asset: asset.address,
        amount: `${amount}`,
        expires_at: Math.floor(Date.now() / 1000) + WITHDRAWAL_SECONDS,
        nonce,
        chain_id: facts.chainId,
        contract: facts.contract,
      };
      say(words.signWithdrawal);
      const signature = await sign(withdrawalTypedData(signed));
      say(words.sendingWithdrawal);
      await api("POST", "/v1/exchange/withdrawals", { signed, signature });
      say(words.withdrawalAccepted);
      await afterMove();
    },

    async faucet(asset) {
      const wallet = await connect();
      if (!wallet) return;
      await takeFromFaucet(wallet, facts, say, asset);
      await afterMove();
    },

    async exit(step, asset) {
      const wallet = await connect();
      if (!wallet) return;
      await leave(wallet, facts, say, step, asset);
      await afterBlock();
    },
  };
}
