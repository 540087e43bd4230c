// Publishes what the client of a job says of the work. The page has all words.
import { api, panel } from "/wallets.js";

const ID = "own-reviews";
const part = () => document.getElementById(ID);
const { words } = JSON.parse(part().dataset.facts);

async function publish(form) {
  const data = new FormData(form);
  const stars = Number(data.get("stars"));
  if (!stars) throw new Error(words.choose);
  const { receipt, miner } = form.dataset;
  const text = data.get("text");
  await api("POST", `/v1/miners/${miner}/reviews`, { receipt_hash: receipt, stars, text });
  location.reload();
}

// The forms come once the job has a receipt, so the document listens.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-receipt]");
  if (!form) return;
  event.preventDefault();
  panel(form.id, words).run(event.submitter, () => publish(form));
});

// While the job goes on, the page's other parts are replaced by what the server draws then, and the forms come with them. What
// somebody types into a form is replaced by nothing.
const isWaiting = () => part()?.dataset.waits === "true";

async function fetchForms() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(ID);
  if (!isWaiting()) return;
  // A job that ended without a result has nothing to review.
  if (fresh) part().replaceWith(document.adoptNode(fresh));
  else part().remove();
}

if (isWaiting()) {
  const watcher = new MutationObserver(async () => {
    // The server may be away: the next change of the page asks it again.
    if (isWaiting()) await fetchForms().catch(() => {});
    if (!isWaiting()) watcher.disconnect();
  });
  watcher.observe(document.getElementById("receipt").parentElement, { childList: true });
}
