// A sheet as elements: who asks, what it does, what it costs, what could go wrong.

import { el } from "./ui.js";

const DEEPEST = 8;

const facts = (rows) => el("dl", { className: "info" }, ...rows.map(({ name, value, is_code: isCode }) =>
  el("div", {}, el("dt", {}, name), el("dd", {}, isCode ? el("code", {}, value) : value))));

const tree = (lines) => el("ul", { className: "tree", id: "sheet-tree", tabIndex: 0 }, ...lines.map((line) =>
  el("li", { className: `tree-line tree-${Math.min(line.depth, DEEPEST)}` },
    el("span", { className: "tree-name" }, line.name), " ",
    el("small", {}, line.type_name), " ",
    line.value !== null && el("code", { className: "tree-value" }, line.value))));

const risks = (list) => el("section", { className: "section" },
  el("h2", {}, "What could go wrong"),
  el("ul", { className: "risks", id: "sheet-risks" }, ...list.map(({ severity, text }) =>
    el("li", { dataset: { severity } }, el("span", { "aria-hidden": "true" }, severity === "grave" ? "!" : "·"), el("span", {}, text)))));

export const asker = (origin, asks) =>
  el("p", { className: "section-note", id: "sheet-origin" }, el("strong", {}, origin), ` ${asks}`);

// Everything between the head and the buttons.
export function sheetView(sheet) {
  return el("div", { className: "form", id: "sheet" },
    el("div", { className: "sheet-head" },
      el("h1", { id: "sheet-title" }, sheet.title),
      sheet.origin && asker(sheet.origin, "asks you to sign")),
    sheet.amount && el("p", { className: "sheet-amount" }, sheet.amount),
    sheet.notice && el("p", { id: "sheet-notice" }, sheet.notice),
    sheet.message !== null && el("pre", { className: "raw", id: "sheet-message", tabIndex: 0 }, sheet.message),
    sheet.tree.length > 0 && tree(sheet.tree),
    facts(sheet.facts),
    risks(sheet.risks));
}
