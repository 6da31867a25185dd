// One result in the grid: the picture, its date, how strong the match is, and what can be done with it.
import { thumbnail } from "./client.js";
import { el, icon } from "./dom.js";
import { address } from "./state.js";
import { day, percent, t } from "./strings.js";

// Probabilities from which on a match is called so; the list itself is cut by the server.
const STRENGTHS = [
  [0.75, 4],
  [0.4, 3],
  [0.1, 2],
  [0, 1],
];

export const strength = (match) => STRENGTHS.find(([least]) => match >= least)[1];

export const fileName = (path) => path.split(/[\\/]/).pop();
// What a person would call it: the name without its ending.
export const title = (path) =>
  fileName(path)
    .replace(/\.[^.]+$/, "")
    .replace(/[_-]+/g, " ");

// As filters take it, and short: when the camera took it, or the file's day in UTC where it does not say.
export function dateOf({ taken, modified_ms: modified }) {
  if (taken) return taken.slice(0, 10);
  return modified === undefined ? "" : new Date(modified).toISOString().slice(0, 10);
}

function spoken(item) {
  const tags = Object.keys(item.tags ?? {}).slice(0, 2);
  const parts = [title(item.path), tags.join(", "), day(dateOf(item))];
  if (item.match !== undefined) parts.push(t("match", { n: percent(item.match) }), t(`strength_${strength(item.match)}`));
  if (item.others?.length) parts.push(t("others", { n: item.others.length }));
  return parts.filter(Boolean).join(", ");
}

// Four bars, as strong as the match; the number beside them says the same.
export function bars(match) {
  const n = strength(match);
  const drawn = [1, 2, 3, 4].map((at) => el("i", { className: at <= n ? "on" : "" }));
  return el("span", { className: `bars of-${n}`, "aria-hidden": "true" }, ...drawn);
}

function picture(item, isFast) {
  const made = el("img", { alt: "", decoding: "async", draggable: false });
  made.addEventListener("load", () => made.classList.add("is-here"));
  made.addEventListener("error", () => made.classList.add("is-missing"));
  if (isFast) made.dataset.src = thumbnail(item);
  else made.src = thumbnail(item);
  return made;
}

function under(item) {
  const label = item.group ?? dateOf(item);
  const words = el("span", { className: "when", title: item.path }, label || title(item.path));
  if (item.match === undefined) return el("div", { className: "under", "aria-hidden": "true" }, words);
  const match = el(
    "span",
    { className: "strength", title: t(`strength_${strength(item.match)}`) },
    bars(item.match),
    percent(item.match),
  );
  return el("div", { className: "under", "aria-hidden": "true" }, words, match);
}

// `acts` has `more` and `less`, which take an item.
export function tile(item, { isFast, isWeak, acts }) {
  const name = title(item.path);
  const link = el(
    "a",
    { className: "shot", href: address({ open: item.item }), "aria-label": spoken(item) },
    picture(item, isFast),
  );
  if (item.others?.length) {
    link.append(el("span", { className: "stack", "aria-hidden": "true" }, icon("stack"), `+${item.others.length}`));
  }
  const cell = el("div", { role: "gridcell", className: isWeak ? "tile is-weak" : "tile" }, link, under(item));
  // The buttons are made when somebody comes near: most tiles are only looked at. By keys + and - do the same.
  const summon = () => cell.querySelector(".acts") ?? link.after(buttons(item, name, acts));
  cell.addEventListener("pointerenter", summon, { once: true });
  return cell;
}

function buttons(item, name, acts) {
  const act = (kind, label) =>
    el(
      "button",
      {
        type: "button",
        className: "act",
        tabIndex: -1,
        title: t(`${kind}Like`),
        "aria-label": t(label, { name }),
        onclick: () => acts[kind](item),
      },
      icon(kind),
    );
  return el("div", { className: "acts" }, act("more", "moreLikeOf"), act("less", "lessLikeOf"));
}
