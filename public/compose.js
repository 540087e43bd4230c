// Sends a job for the model of this page, and opens the job's own page. The page has all words.
import { api, panel } from "/wallets.js";

const form = document.getElementById("compose");
const prompt = document.getElementById("compose-prompt");
const send = document.getElementById("compose-send");
const { kind, model, jobsMax, words } = JSON.parse(form.dataset.facts);
const { say, run } = panel("compose", words);

// The list of this browser's jobs, as the first page keeps it.
const JOBS_KEY = "aitbc.jobs";

// If storage is full or forbidden, only the list is lost, not the job.
function remember(id) {
  try {
    const jobs = JSON.parse(localStorage.getItem(JOBS_KEY) ?? "[]").filter((known) => known !== id);
    localStorage.setItem(JOBS_KEY, JSON.stringify([id, ...jobs].slice(0, jobsMax)));
  } catch {}
}

async function ask() {
  const input = kind === "embedding" ? { input: [prompt.value] } : { prompt: prompt.value };
  const job = await api("POST", "/v1/jobs", { kind, model, input });
  remember(job.id);
  say(words.sending);
  location.assign(`/jobs/${job.id}`);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(send, ask);
});
for (const suggestion of form.querySelectorAll("[data-suggestion]")) {
  suggestion.addEventListener("click", () => {
    prompt.value = suggestion.textContent;
    prompt.focus();
  });
}
