// The list of this browser's jobs, as the first page keeps it.

const JOBS_KEY = "aitbc.jobs";

// If storage is full or forbidden, only the list is lost, not the job.
export function rememberJob(id, most) {
  try {
    const jobs = JSON.parse(localStorage.getItem(JOBS_KEY) ?? "[]").filter((known) => known !== id);
    localStorage.setItem(JOBS_KEY, JSON.stringify([id, ...jobs].slice(0, most)));
  } catch {}
}
