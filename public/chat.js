// A conversation with a text model: each message is a job that carries what was said before, and its answer is shown while a miner
// writes it. The page has all words. The conversation is kept for this tab, so that it is still there after a look at a job's page.
import { carried } from "/conversation.js";
import { rememberJob } from "/jobs.js";
import { shown } from "/trading/amounts.js";
import { api, panel } from "/wallets.js";

const KEPT_KEY = "aitbc.chat";
const AIT_DECIMALS = 18;
const ENDED = ["COMPLETED", "FAILED", "CANCELED", "EXPIRED"];

const element = (name) => document.getElementById(`chat-${name}`);
const [form, message, model, instructions, length, send, stop, begin, log, turns, empty] = [
  "form", "message", "model", "instructions", "length", "send", "stop", "new", "log", "turns", "empty",
].map(element);
const { messagesMax, bytesMax, jobsMax, words } = JSON.parse(document.getElementById("chat").dataset.facts);
const { say, run } = panel("chat", words);

const fill = (text, values) => text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);

// Turns in order: { role, content, job, by, note, isOver }. Only an answer has a job, and a model that it is by.
let said = restore();
// The stream of the answer that was asked for last; `resolve` ends the wait for it.
let stream;

function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT_KEY) ?? "{}");
    if (kept.model && !new URLSearchParams(location.search).has("model")) model.value = kept.model;
    if (!model.value) model.selectedIndex = 0;
    return Array.isArray(kept.said) ? kept.said : [];
  } catch {
    return [];
  }
}

// If storage is full or forbidden, the conversation ends with the page.
function keep() {
  try {
    sessionStorage.setItem(KEPT_KEY, JSON.stringify({ model: model.value, said }));
  } catch {}
}

// Many models begin an answer with a blank. What was delivered keeps it, and so does what the model is told.
const visible = (content) => content.trim();

function drawTurn({ role, content, job, note, by }) {
  const item = document.createElement("li");
  item.className = `chat-turn chat-${role}`;
  const [who, text, foot] = ["chat-who", "chat-text", "chat-foot"].map((name) => {
    const part = document.createElement("p");
    part.className = name;
    item.append(part);
    return part;
  });
  who.textContent = role === "user" ? words.you : by;
  text.textContent = visible(content);
  foot.hidden = role === "user";
  const status = document.createElement("span");
  status.textContent = note ?? "";
  foot.append(status);
  if (job) foot.append(link(job));
  turns.append(item);
  return { item, text, foot, status };
}

function link(job) {
  const anchor = document.createElement("a");
  anchor.href = `/jobs/${job}`;
  anchor.textContent = words.job;
  return anchor;
}

// Returns the newest turn as drawn.
function drawAll() {
  turns.replaceChildren();
  const drawn = said.map(drawTurn).at(-1);
  drawKeys();
  return drawn;
}

function drawKeys() {
  empty.hidden = said.length > 0;
  begin.hidden = said.length === 0;
}

// Follows the answer's job to its end. Resolves when the text is whole; the mint may be told later.
function followAnswer(turn, drawn) {
  stream?.source.close();
  return new Promise((resolve) => {
    const source = new EventSource(`/v1/jobs/${turn.job}/events`);
    stream = { source, resolve };
    const note = (text) => {
      turn.note = text;
      drawn.status.textContent = text;
      keep();
    };
    const on = (name, act) => source.addEventListener(name, ({ data }) => act(JSON.parse(data)));
    on("queue", ({ position }) => note(fill(words.queued, { position })));
    on("token", ({ at, text }) => {
      turn.content = at === 0 ? text : turn.content + text;
      drawn.text.textContent = visible(turn.content);
      note(words.writing);
      keepInSight(drawn.item);
    });
    on("state", ({ job }) => {
      if (!ENDED.includes(job.state)) return;
      turn.isOver = true;
      if (job.state === "COMPLETED") {
        note(job.mint ? minted(job.mint) : words.served);
        if (job.mint) source.close();
      } else {
        source.close();
        const reason = job.state === "EXPIRED" ? words.expired : words.lost;
        note(job.state === "CANCELED" ? words.stopped : fill(words.noAnswer, { reason }));
      }
      resolve();
    });
    on("minted", ({ mint }) => {
      turn.isOver = true;
      note(minted(mint));
      source.close();
      resolve();
    });
    // The browser tries again by itself, but for an answer that is no stream.
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      turn.isOver = true;
      note(fill(words.noAnswer, { reason: words.gone }));
      resolve();
    });
  });
}

const minted = ({ amount }) => fill(words.minted, { amount: shown(BigInt(amount), AIT_DECIMALS) });

// Who reads further up is left there.
function keepInSight(item) {
  const below = item.getBoundingClientRect().bottom - window.innerHeight;
  if (below > 0 && below < 200) item.scrollIntoView({ block: "end" });
}

async function ask() {
  const content = message.value.trim();
  if (!content) return;
  const asked = { role: "user", content };
  const fitting = carried(instructions.value.trim(), [...said, asked], { messagesMax, bytesMax });
  if (!fitting) throw new Error(words.tooLong);
  const input = { messages: fitting.messages, max_tokens: Number(length.value) };
  const job = await api("POST", "/v1/jobs", { kind: "text", model: model.value, input });
  rememberJob(job.id, jobsMax);
  const answer = { role: "assistant", content: "", job: job.id, note: words.waiting, by: model.value };
  if (!fitting.isWhole) say(words.forgotten);
  said.push(asked, answer);
  message.value = "";
  drawTurn(asked);
  const drawn = drawTurn(answer);
  drawKeys();
  keep();
  drawn.item.scrollIntoView({ block: "nearest" });
  await write(answer, drawn);
}

async function write(answer, drawn) {
  stop.hidden = false;
  log.setAttribute("aria-busy", "true");
  await followAnswer(answer, drawn);
  log.removeAttribute("aria-busy");
  stop.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(send, ask).then(() => message.focus());
});
message.addEventListener("keydown", (event) => {
  // While a word is composed from several keys, Enter takes the word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!send.disabled) form.requestSubmit();
});
stop.addEventListener("click", () => {
  const answer = said.at(-1);
  run(stop, () => api("POST", `/v1/jobs/${answer.job}/cancel`, {}));
});
begin.addEventListener("click", () => {
  stream?.source.close();
  stream?.resolve();
  said = [];
  keep();
  say();
  drawAll();
  message.focus();
});
model.addEventListener("change", keep);

const newest = drawAll();
if (said.at(-1)?.job && !said.at(-1).isOver) run(send, () => write(said.at(-1), newest));
