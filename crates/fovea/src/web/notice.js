// What is said in the place of results: nothing is indexed, nothing was found, or something went wrong.
import { may } from "./client.js";
import { byId, el, icon } from "./dom.js";
import { addButton, folderForm } from "./library.js";
import { ask, current } from "./state.js";
import { t } from "./strings.js";

export const clearNotice = () => byId("notice").replaceChildren();

const card = (className, ...children) =>
  byId("notice").replaceChildren(el("section", { className: `notice ${className}` }, ...children));

// First run: what to do, on the command line or from here.
export function guide(changed) {
  if (byId("notice").querySelector(".guide")) return;
  const command = (text) => el("code", { className: "command" }, text);
  const here = may("admin") && [el("h3", {}, t("guideHere")), folderForm("guide-path")];
  const add = may("write") && [
    el("h3", {}, t("guideDrop")),
    el("p", { className: "dim" }, t("guideDropMore")),
    addButton(changed),
  ];
  card(
    "guide",
    el("img", { src: "/assets/icon.svg", alt: "", width: 64, height: 64 }),
    el("h2", {}, t("guideTitle")),
    el("p", { className: "lead" }, t("guideLead")),
    el("h3", {}, t("guideFolder")),
    command("fovea index ~/Pictures"),
    ...(here || []),
    el("p", { className: "dim" }, t("guideStays")),
    ...(add || []),
  );
}

export function nothing() {
  card(
    "nothing",
    icon("search"),
    el("h2", {}, t("nothing")),
    el("p", {}, t("nothingMore")),
    el("button", { type: "button", className: "plain", onclick: () => ask({}) }, t("clearAll")),
  );
}

// Above what came nearest, where nothing is likely to be meant.
export function noneLike() {
  card("none-like", el("p", {}, t("noneLikeMore")));
}

// A failure, with what can be done about it. What was found before stays below it.
export function failure(problem, retry) {
  const isGone = problem.status === 0;
  const title = isGone ? t("errorGone") : problem.status === 429 || problem.status === 503 ? t("errorBusy") : t("errorTitle");
  const isForgotten = problem.status === 404 && current().picture;
  const words = isGone ? t("errorGoneMore") : isForgotten ? t("errorPicture") : problem.detail;
  card(
    "failure",
    el("h2", {}, title),
    el("p", { lang: isGone || isForgotten ? null : "en" }, words),
    el("button", { type: "button", className: "main", onclick: retry }, icon("refresh"), t("retry")),
  );
  byId("notice").firstChild.setAttribute("role", "alert");
}
