// One account in the popup: its address as a QR code, and the AIT that came and went.

import { askWallet, button, el, shortened, show } from "./ui.js";

const NOBODY = "0x0000000000000000000000000000000000000000";
const DECIMALS = 18;
// White fields around a QR code, as its standard asks.
const BORDER = 4;
const SVG = "http://www.w3.org/2000/svg";

// A sum in attoAIT, with all its digits that count.
function ait(atto) {
  const digits = BigInt(atto).toString().padStart(DECIMALS + 1, "0");
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`.replace(/\.?0+$/, "");
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function qrCode({ side, path }) {
  const whole = side + 2 * BORDER;
  return svg("svg", {
    class: "qr", id: "qr", role: "img", "aria-label": "The address as a QR code", "shape-rendering": "crispEdges",
    viewBox: `-${BORDER} -${BORDER} ${whole} ${whole}`, "data-side": side,
  }, svg("path", { d: path }));
}

function row(account, { from, to, amount, block_number: block, transaction_hash: hash }) {
  const went = from.toLowerCase() === account.toLowerCase();
  const other = went ? to : from;
  const what = went ? "Sent to" : from === NOBODY ? "Minted for work" : "Received from";
  return el("li", { className: "popup-transfer", dataset: { hash } },
    el("span", {}, what, " ", from !== NOBODY && el("code", { title: other }, shortened(other)), el("br"), el("small", {}, `Block ${block}`)),
    el("span", { className: went ? "delta-down" : "delta-up" }, `${went ? "−" : "+"}${ait(amount)} AIT`));
}

async function activity(account) {
  const { activity: { transfers } } = await askWallet({ activity: { account } });
  if (transfers.length === 0) return el("p", { id: "no-activity" }, "Nothing has moved yet.");
  return el("ul", { className: "account-rows", id: "activity" }, ...transfers.map((transfer) => row(account, transfer)));
}

// `back` shows what was there before.
export async function accountView({ address, name }, back) {
  const moved = el("div", {}, el("p", { className: "section-note" }, "Reading the chain"));
  activity(address).then(
    (list) => moved.replaceChildren(list),
    (error) => moved.replaceChildren(el("p", { className: "field-error", role: "alert" }, error.message)));
  const { qr_code: code } = await askWallet({ qr_code: { text: address } });
  show(
    el("section", { className: "form", id: "account-view" },
      el("h1", {}, name),
      qrCode(code),
      el("code", { className: "raw", id: "account-address" }, address),
      el("p", { className: "section-note" }, "Give this address to who pays you. It can be shown to anybody."),
      el("h2", {}, "Activity"),
      moved,
      el("div", { className: "actions" }, button("back", "Back", back, true))));
}
