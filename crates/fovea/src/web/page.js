// The page: wires the parts together. What is looked for stands in the address (`state`), what was found in `finding`.
import { showChips } from "./chips.js";
import { learnRights, note, rights } from "./client.js";
import { hideCopies, showCopies } from "./copies.js";
import { follow, wireDetail } from "./detail.js";
import { byId, toast } from "./dom.js";
import { count, forgetCounts, show as showFacets } from "./facets.js";
import { found, leaveOff, listed, onFound, search } from "./finding.js";
import { look, wireJobs } from "./jobs.js";
import { wireKeys } from "./keys.js";
import { addPictures, loadLibrary, showCollections, showLibrary } from "./library.js";
import { clearNotice, failure } from "./notice.js";
import { wirePanel } from "./panel.js";
import { handInAgain, wirePictures } from "./pictures.js";
import { loadSaved, saveSearch, showSaved } from "./saved.js";
import { wireSettings } from "./settings.js";
import { grid, showEnd, showResults, wireShowing } from "./showing.js";
import { wireSignIn } from "./signin.js";
import { change, current, isSame, onChange } from "./state.js";
import { t, translate } from "./strings.js";

// While nothing is indexed, new pictures are looked for this often.
const EMPTY_MS = 3000;

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

onFound((_, kind) => {
  const { problem } = found;
  document.body.classList.toggle("is-searching", kind === "began");
  if (kind === "began") return;
  if (kind === "stuck") return showEnd();
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
  document.body.classList.toggle("is-copies", isCopies);
  if (!isCopies) {
    hideCopies();
    return search({ typing });
  }
  leaveOff();
  clearNotice();
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
    document.title = q ? `${q} · Fovea` : "Fovea";
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
  wireShowing({ more: moreLike, less: lessLike }, reload);
  wireDetail({ more: moreLike, less: lessLike }, (item) => {
    const at = grid.items.findIndex((one) => one.item === item);
    if (at >= 0) grid.focus(at);
    else byId("results").focus({ preventScroll: true });
  });
  // Where there is nothing to compare with, what is dropped is taken in.
  wirePictures((files) => rights.isEmpty && (addPictures(files, reload), true));
  const panel = wirePanel();
  const active = (act) => () => (document.activeElement?.matches("a.shot") ? act(grid.items[grid.active]) : false);
  wireKeys({
    search: () => byId("q").select() ?? byId("q").focus(),
    panel: panel.toggle,
    save: saveSearch,
    escape: panel.close,
    more: active(moreLike),
    less: active(lessLike),
  });
  // Whoever is far down in a list is not to lose their place because something was indexed.
  wireJobs(() => (scrollY < innerHeight ? reload() : loadLibrary()));
  wireSettings(() => {
    translate();
    showFacets();
    showSaved();
    showLibrary(reload);
    showCollections();
    if (current().view === "copies") refresh(current(), false);
    else if (found.plan) showResults("found");
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
  learnRights().then(
    () => {
      showCollections();
      loadLibrary();
      loadSaved();
      if (found.plan) showResults("found");
    },
    () => {},
  );
  setInterval(async () => {
    if (!rights.isEmpty || document.hidden) return;
    await learnRights().catch(() => {});
    if (!rights.isEmpty) reload();
    else look();
  }, EMPTY_MS);
}

begin();
