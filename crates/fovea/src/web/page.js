// The page: wires the parts together. What is looked for stands in the address (`state`), what was found in `finding`.
import { showChips } from "./chips.js";
import { learnRights, note, rights } from "./client.js";
import { hideCopies, showCopies } from "./copies.js";
import { follow, openItem, wireDetail } from "./detail.js";
import { byId, el, icon, toast } from "./dom.js";
import { count, forgetCounts, show as showFacets } from "./facets.js";
import { found, listed, more, onFound, search, showAll } from "./finding.js";
import { Grid } from "./grid.js";
import { look, wireJobs } from "./jobs.js";
import { wireKeys } from "./keys.js";
import { addPictures, loadLibrary, showCollections, showLibrary } from "./library.js";
import { clearNotice, failure, guide, noneLike, nothing } from "./notice.js";
import { wirePanel } from "./panel.js";
import { handInAgain, wirePictures } from "./pictures.js";
import { isBrowsing } from "./query.js";
import { canSave, loadSaved, saveSearch, showSaved } from "./saved.js";
import { wireSettings } from "./settings.js";
import { wireSignIn } from "./signin.js";
import { change, current, isSame, onChange } from "./state.js";
import { t, translate } from "./strings.js";
import { tile } from "./tile.js";

const LINE = 84;
// While nothing is indexed, new pictures are looked for this often.
const EMPTY_MS = 3000;

const grid = new Grid(byId("grid"), {
  label: () => t("results"),
  tile: (item, index, { isFast }) => tile(item, { isFast, isWeak: isWeak(item, index), acts: { more: moreLike, less: lessLike } }),
  open: (index) => openItem(grid.items[index].item),
  hungry: more,
});

const isWeak = (item, index) => index >= found.items.length || item.above_cut === false;

function add(list, item, words) {
  const state = current();
  const other = list === "like" ? "less" : "like";
  if (state[list].includes(item)) return;
  change({ [list]: [...state[list], item], [other]: state[other].filter((one) => one !== item), region: "", view: "", open: "" });
  toast(t(words));
}

function moreLike({ item }) {
  note("liked", item, found.query);
  add("like", item, "moreLikeDone");
}

function lessLike({ item }) {
  note("disliked", item, found.query);
  add("less", item, "lessLikeDone");
}

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
  return el("div", { className: "cut is-end" }, el("button", { type: "button", className: "plain", onclick: () => showAll(true) }, t("showAll")));
}

function showResults(kind) {
  clearNotice();
  grid.show(listed(), breaks(), { hasMore: Boolean(found.next), keep: kind === "more" });
  byId("more").hidden = !found.next;
  if (kind === "found") {
    performance.mark("fovea-results");
    showChips(found.plan);
    countFor(found.plan);
  }
  if (rights.isEmpty && !listed().length) guide(reload);
  else if (!listed().length) nothing();
  else if (!found.items.length) noneLike();
  document.body.classList.toggle("is-empty", rights.isEmpty && !listed().length);
  showChoices();
  said();
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
  const made = el("select", { "aria-label": t(name), onchange: () => change({ [name]: made.value, view: "" }) },
    ...options.map(([value, label]) => el("option", { value, selected: value === chosen }, t(label))));
  return made;
}

function showChoices() {
  const first = isBrowsing(current()) ? "sort_browse" : "sort_";
  const orders = isBrowsing(current()) ? [["", first], ["name", "sort_name"]] : [["", first], ["date", "sort_date"], ["name", "sort_name"]];
  const groups = ["", "similar", "day", "folder"].map((value) => [value, `group_${value}`]);
  const button = (name, label, onclick) => el("button", { type: "button", className: "plain", title: t(label), onclick }, icon(name), el("span", {}, t(label)));
  const had = document.activeElement?.closest?.("#choices") ? document.activeElement.getAttribute("aria-label") : null;
  byId("choices").replaceChildren(...[select("sort", orders), select("group", groups),
    found.isAll && !found.isBrowsing && el("button", { type: "button", className: "plain", onclick: () => showAll(false) }, t("onlyMatches")),
    canSave() && !isPlain() && button("save", "saveSearch", saveSearch), button("copy", "copies", () => change({ view: "copies" }))].filter(Boolean));
  if (had) byId("choices").querySelector(`[aria-label="${had}"]`)?.focus();
}

const isPlain = () => isBrowsing(current()) && !found.plan?.filters.length;

onFound((_, kind) => {
  const { problem } = found;
  document.body.classList.toggle("is-searching", kind === "began");
  if (kind === "began") return;
  byId("trouble").hidden = true;
  if (kind !== "failed") return showResults(kind);
  if (problem.status === 404 && current().picture) return forgotten();
  // What cannot be understood yet is mostly not written to its end: the results stay, and the words say what is missing.
  if (problem.status === 400) return misread(problem);
  failure(problem, () => search());
  byId("said").textContent = "";
});

async function forgotten() {
  const wasThere = await handInAgain().catch(() => false);
  if (wasThere) return search();
  failure(found.problem, () => search());
}

function misread({ detail, character }) {
  const at = character ? ` (${t("errorAt", { n: character })})` : "";
  Object.assign(byId("trouble"), { hidden: false, textContent: detail + at });
  if (!listed().length) clearNotice();
}

function refresh(state, typing) {
  const isCopies = state.view === "copies";
  byId("grid").hidden = isCopies;
  document.body.classList.toggle("is-copies", isCopies);
  if (!isCopies) {
    hideCopies();
    return search({ typing });
  }
  clearNotice();
  byId("more").hidden = true;
  showCopies();
  showChips(null);
  count(state.filters);
}

function wireBox() {
  const box = byId("q");
  const clear = byId("clear");
  const show = (q) => {
    if (box.value !== q) box.value = q;
    clear.hidden = !q;
  };
  box.addEventListener("input", (event) => {
    if (event.isComposing) return;
    performance.mark("fovea-typed");
    change({ q: box.value, all: false, view: "" }, { typing: true });
  });
  // A word that is composed, as in Chinese, is searched for when it is chosen.
  box.addEventListener("compositionend", () => change({ q: box.value, all: false, view: "" }, { typing: true }));
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && grid.items.length) grid.focus(grid.active);
    else if (event.key === "Escape" && !box.value) box.blur();
    else return;
    event.preventDefault();
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ q: box.value, view: "" });
    if (grid.items.length) grid.focus(0);
  });
  clear.addEventListener("click", () => {
    change({ q: "" });
    box.focus();
  });
  show(current().q);
  onChange(({ q }) => show(q));
}

// Everything that changes with what is indexed.
async function reload() {
  await learnRights().catch(() => {});
  forgetCounts();
  showCollections();
  showLibrary(reload);
  refresh(current(), false);
  loadLibrary();
  loadSaved();
}

function wireRest() {
  wireDetail({ more: moreLike, less: lessLike }, (item) => {
    const at = grid.items.findIndex((one) => one.item === item);
    if (at >= 0) grid.focus(at);
    else byId("results").focus({ preventScroll: true });
  });
  // Where there is nothing to compare with, what is dropped is taken in.
  wirePictures((files) => rights.isEmpty && (addPictures(files, reload), true));
  const panel = wirePanel();
  const active = (act) => () => (document.activeElement?.matches("a.shot") ? act(grid.items[grid.active]) : false);
  wireKeys({ search: () => byId("q").select() ?? byId("q").focus(), panel: panel.toggle, save: saveSearch, escape: panel.close,
    more: active(moreLike), less: active(lessLike) });
  wireJobs(reload);
  wireSettings(() => {
    translate();
    showFacets();
    showSaved();
    showLibrary(reload);
    showCollections();
    if (found.plan) showResults("found");
  });
}

onChange((state, before, { typing }) => {
  if (state.collection !== before.collection) reload();
  else if (!isSame(state, before)) refresh(state, typing);
  follow(state);
});

function begin() {
  translate();
  wireSignIn(reload);
  wireBox();
  wireRest();
  refresh(current(), false);
  follow(current());
  learnRights().then(() => {
    showCollections();
    loadLibrary();
    loadSaved();
    if (found.plan) showResults("found");
  }, () => {});
  setInterval(async () => {
    if (!rights.isEmpty || document.hidden) return;
    await learnRights().catch(() => {});
    if (!rights.isEmpty) reload();
    else look();
  }, EMPTY_MS);
}

begin();
