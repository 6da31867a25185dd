// The keyboard, and the page that tells of it.
import { byId, dialog, el } from "./dom.js";
import { t } from "./strings.js";

const HINTS = [
  ["a dog + a beach", "hint_plus"],
  ["a boat - 0.5:water", "hint_minus"],
  ["an animal not:dog", "hint_not"],
  ["a bird July 2023", "hint_date"],
  ["tag:bird ext:jpg", "hint_filter"],
  ['"red apple"', "hint_quote"],
];
const KEYS = [
  ["/", "key_slash"],
  ["← ↑ ↓ →", "key_arrows"],
  ["Enter", "key_enter"],
  ["Esc", "key_escape"],
  ["+", "key_plus"],
  ["-", "key_minus"],
  ["h", "key_h"],
  ["r", "key_r"],
  ["w", "key_w"],
  ["f", "key_f"],
  ["s", "key_s"],
  ["v", "key_v"],
  ["?", "key_question"],
];

export function showHelp() {
  if (document.querySelector("dialog.help")) return;
  const rows = (all, name) => all.flatMap(([what, key]) => [el("dt", {}, el(name, {}, what)), el("dd", {}, t(key))]);
  const box = dialog(
    { className: "box help", "aria-labelledby": "help-title" },
    el("h2", { id: "help-title" }, t("helpTitle")),
    el("h3", {}, t("helpWords")),
    el("dl", {}, ...rows(HINTS, "code")),
    el("p", { className: "dim" }, t("paste")),
    el("h3", {}, t("helpKeys")),
    el("dl", {}, ...rows(KEYS, "kbd")),
    el(
      "div",
      { className: "row-of" },
      el("button", { type: "button", className: "main", autofocus: true, onclick: () => box.close() }, t("close")),
    ),
  );
}

const isWriting = (target) => target.matches?.("input, textarea, select, [contenteditable]");

// `acts` has what each key does; those of the grid get the active tile's item.
export function wireKeys(acts) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    if (isWriting(event.target)) return;
    const known = {
      "/": acts.search,
      "?": showHelp,
      f: acts.panel,
      s: acts.save,
      v: () => byId("pick").click(),
      Escape: acts.escape,
      "+": acts.more,
      "=": acts.more,
      "-": acts.less,
    };
    if (!known[event.key] || known[event.key](event) === false) return;
    event.preventDefault();
  });
}
