// Sends a job for the model of this page, and opens the job's own page. The page has all words.
import { rememberJob } from "/jobs.js";
import { api, panel } from "/wallets.js";

const form = document.getElementById("compose");
const prompt = document.getElementById("compose-prompt");
const send = document.getElementById("compose-send");
const { kind, model, jobsMax, words } = JSON.parse(form.dataset.facts);
const { say, run } = panel("compose", words);

async function ask() {
  const input = kind === "embedding" ? { input: [prompt.value] } : { prompt: prompt.value };
  const job = await api("POST", "/v1/jobs", { kind, model, input });
  rememberJob(job.id, jobsMax);
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
