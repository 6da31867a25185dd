// Index runs: shown while they last, wherever they were begun.
import { ask as request, may, url } from "./client.js";
import { byId, el, toast } from "./dom.js";
import { t } from "./strings.js";

// How often it is asked whether somebody began one.
const LOOK_MS = 10_000;

let following = null;
let latest = null;
let onOver = () => {};

const isOver = ({ state }) => state !== "waiting" && state !== "running";

// `over` is called when a job ends, and while one goes on each time it has read more.
export function wireJobs(over) {
  onOver = over;
  look();
  setInterval(() => document.hidden || look(), LOOK_MS);
}

export async function look() {
  if (following) return;
  try {
    const running = (await request("/jobs")).find((job) => !isOver(job));
    if (running) follow(running);
  } catch {
    // Whoever searches is told that the server is gone; nothing is to be added here.
  }
}

export function follow(job) {
  if (following) return;
  show(job);
  following = new EventSource(url(`/jobs/${job.id}/events`));
  following.addEventListener("job", (event) => {
    const now = JSON.parse(event.data);
    show(now);
    if (isOver(now)) end(now);
  });
  // The stream ends with the job; an end before that means that the server went away.
  following.addEventListener("error", () => {
    stop();
    setTimeout(look, 2000);
  });
}

function stop() {
  following?.close();
  following = null;
  latest = null;
  byId("jobs").hidden = true;
}

function end(job) {
  stop();
  if (job.state === "failed") toast(t("jobFailed", { why: job.error ?? "" }));
  else toast(t(job.state === "done" ? "jobDone" : "jobCancelled"));
  onOver(job);
}

function doing({ state, n_jobs, n_done, doing: said }) {
  if (state === "waiting") return t("jobWaiting");
  if (n_jobs > 0 && n_done < n_jobs) return t("jobProgress", { done: n_done, all: n_jobs });
  return n_jobs > 0 ? said || t("jobProgress", { done: n_done, all: n_jobs }) : t("jobScanning");
}

function show(job) {
  const before = latest;
  latest = job;
  const host = byId("jobs");
  if (!host.firstChild || before?.id !== job.id) host.replaceChildren(...card(job));
  host.hidden = false;
  host.querySelector(".job-doing").textContent = doing(job);
  host.querySelector(".job-skipped").textContent = job.n_skipped ? t("jobSkipped", { n: job.n_skipped }) : "";
  const progress = host.querySelector("progress");
  if (job.n_jobs > 0) Object.assign(progress, { max: job.n_jobs, value: job.n_done });
  else progress.removeAttribute("value");
}

function card(job) {
  const cancel = () => request(`/jobs/${job.id}`, { method: "DELETE" }).catch((error) => toast(error.detail || t("errorGone")));
  return [
    el(
      "div",
      { className: "job-head" },
      el("strong", {}, t("job")),
      may("admin") && el("button", { type: "button", className: "plain", onclick: cancel }, t("jobStop")),
    ),
    el("progress", { "aria-label": t("job") }),
    el("p", { className: "dim" }, el("span", { className: "job-doing" }), " ", el("span", { className: "job-skipped" })),
  ];
}

// Brings the collection up to date with its folders, or takes one in.
export async function startJob(path) {
  const job = await request("/jobs", { method: "POST", document: path ? { path } : {} });
  follow(job);
}
