// The results as they are shown: the grid with its lines, what the status line says of it, the choices beside that.
import { showChips } from "./chips.js";
import { rights } from "./client.js";
import { openItem } from "./detail.js";
import { byId, el, icon } from "./dom.js";
import { count } from "./facets.js";
import { found, listed, more, showAll } from "./finding.js";
import { Grid } from "./grid.js";
import { clearNotice, guide, noneLike, nothing } from "./notice.js";
import { isBrowsing } from "./query.js";
import { canSave, saveSearch } from "./saved.js";
import { change, current } from "./state.js";
import { t } from "./strings.js";
import { tile } from "./tile.js";

// Room for a line across the grid.
const LINE = 84;

let acts = null;
let onAdded = () => {};

export const grid = new Grid(byId("grid"), {
  label: () => t("results"),
  tile: (item, index, { isFast }) => tile(item, { isFast, isWeak: isWeak(item, index), acts }),
  open: (index) => openItem(grid.items[index].item),
  hungry: more,
});

// `moreLess` has what the buttons of a tile do; `added` is called when the first pictures were added.
export function wireShowing(moreLess, added) {
  [acts, onAdded] = [moreLess, added];
}

const isWeak = (item, index) => index >= found.items.length || item.above_cut === false;

// Where the matches end, a line is drawn across the grid; none where nothing is a match or the order is another one.
function breaks() {
  const isInOrder = !current().sort;
  const cut = found.below.length ? found.items.length : isInOrder ? found.items.findIndex((one) => one.above_cut === false) : -1;
  const last = found.below.length && !found.isAll ? [{ at: listed().length, height: LINE, make: everything }] : [];
  return cut > 0 ? [{ at: cut, height: LINE, make: cutLine }, ...last] : last;
}

function cutLine() {
  return el("div", { className: "cut" }, el("strong", {}, t("cutLine")), el("span", {}, t("cutLineMore")));
}

function everything() {
  return el(
    "div",
    { className: "cut is-end" },
    el("button", { type: "button", className: "plain", onclick: () => showAll(true) }, t("showAll")),
  );
}

export function showResults(kind) {
  clearNotice();
  grid.show(listed(), breaks(), { hasMore: Boolean(found.next), keep: kind === "more" });
  showEnd();
  if (kind === "found") {
    performance.mark("fovea-results");
    showChips(found.plan);
    countFor(found.plan);
  }
  if (rights.isEmpty && !listed().length) guide(onAdded);
  else if (!listed().length) nothing();
  else if (!found.items.length) noneLike();
  document.body.classList.toggle("is-empty", rights.isEmpty && !listed().length);
  showChoices();
  said();
}

// Below the last row: that more comes, or that it did not come.
export function showEnd() {
  const retry = () =>
    el("button", { type: "button", className: "plain", onclick: () => more({ again: true }) }, icon("refresh"), t("retry"));
  byId("more").replaceChildren(...(found.isStuck ? [t("errorGone"), " ", retry()] : [t("loadingMore")]));
  byId("more").hidden = !found.next;
}

// The panel counts among what the filters let through, those that stand in the words among them.
async function countFor({ filters }) {
  const n = await count(filters);
  if (n !== null && found.isBrowsing && !found.isGrouped) said(n);
}

function said(n_pictures = null) {
  const n = found.items.length;
  const isOpen = Boolean(found.next);
  let words = "";
  if (found.isGrouped) words = t(isOpen ? "groupsMore" : "groupsFound", { n });
  else if (found.isBrowsing) words = isOpen && n_pictures === null ? "" : t("pictures", { n: n_pictures ?? n });
  else if (found.isAll) words = t("isAll");
  else words = n ? t(isOpen ? "matchesMore" : "matches", { n }) : t("noneLike");
  if (!listed().length) words = rights.isEmpty ? t("guideTitle") : t("nothing");
  const took = el("span", { className: "took" }, t("took", { n: Math.max(1, Math.round(found.took)) }));
  byId("said").replaceChildren(words, words ? " " : "", words ? took : "");
}

function select(name, options) {
  const chosen = current()[name];
  const made = el(
    "select",
    { "aria-label": t(name), onchange: () => change({ [name]: made.value, view: "" }) },
    ...options.map(([value, label]) => el("option", { value, selected: value === chosen }, t(label))),
  );
  return made;
}

function showChoices() {
  const first = isBrowsing(current()) ? "sort_browse" : "sort_";
  const orders = isBrowsing(current())
    ? [
        ["", first],
        ["name", "sort_name"],
      ]
    : [
        ["", first],
        ["date", "sort_date"],
        ["name", "sort_name"],
      ];
  const groups = ["", "similar", "day", "folder"].map((value) => [value, `group_${value}`]);
  const button = (name, label, onclick) =>
    el("button", { type: "button", className: "plain", title: t(label), onclick }, icon(name), el("span", {}, t(label)));
  const had = document.activeElement?.closest?.("#choices") ? document.activeElement.getAttribute("aria-label") : null;
  byId("choices").replaceChildren(
    ...[
      select("sort", orders),
      select("group", groups),
      found.isAll &&
        !found.isBrowsing &&
        el("button", { type: "button", className: "plain", onclick: () => showAll(false) }, t("onlyMatches")),
      canSave() && !isPlain() && button("save", "saveSearch", saveSearch),
      button("copy", "copies", () => change({ view: "copies" })),
    ].filter(Boolean),
  );
  if (had) byId("choices").querySelector(`[aria-label="${had}"]`)?.focus();
}

const isPlain = () => isBrowsing(current()) && !found.plan?.filters.length;
