// The panel that narrows down: how many pictures have which year, folder, tag; colours and shapes.
import { ask as request } from "./client.js";
import { byId, el } from "./dom.js";
import { filter } from "./query.js";
import { change, current } from "./state.js";
import { known, t } from "./strings.js";

const FEW = 6;
const MANY = 60;
const COLORS = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "white", "grey", "black"];
const SHAPES = ["landscape", "portrait", "square"];
// In this order; whatever else the server counts comes after.
const ORDER = ["tag", "year", "folder", "camera", "rating", "ext"];

let latest = 0;
let counted = null;
// The filters for which that was.
let countedFor = null;
let applied = [];
const open = new Set();

// Counts again for the filters of a search. Nothing waits for it, and an old answer never replaces a newer one. Other words
// with the same filters have the same counts, which are not asked for again.
export async function count(filters) {
  const mine = (latest += 1);
  const key = filters.join("\n");
  const isSame = key === applied.join("\n");
  applied = filters;
  if (!isSame) show();
  if (key === countedFor) return counted.items;
  try {
    const parameters = { filter: filters.join(" "), limit: MANY };
    const answer = await request("/facets", { parameters });
    if (mine !== latest) return null;
    [counted, countedFor] = [answer, key];
    show();
    return answer.items;
  } catch {
    // The results say what is wrong with the server; the panel keeps what it had.
    return null;
  }
}

// After something was indexed all counts are old.
export const forgetCounts = () => {
  countedFor = null;
};

function toggle(one) {
  const { filters } = current();
  change({ filters: filters.includes(one) ? filters.filter((other) => other !== one) : [...filters, one] });
}

// Whether it can be taken away here: what stands in the words is taken away by its chip.
const isOn = (one) => applied.includes(one) || current().filters.includes(one);

function value(key, { value: text, count: n }) {
  const one = filter(key, text);
  const said = key === "rating" ? "★".repeat(Number(text)) || String(text) : String(text);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", className: "value", "aria-pressed": String(isOn(one)), onclick: () => toggle(one) },
      el("span", { className: "value-name", title: said }, said),
      el("span", { className: "count" }, n.toLocaleString()),
    ),
  );
}

function facet({ by, values }) {
  const isOpen = open.has(by);
  const shown = isOpen ? values : values.slice(0, FEW);
  const rest = values.length - FEW;
  const flip = () => {
    if (isOpen) open.delete(by);
    else open.add(by);
    show();
    byId(`facet-${by}`).querySelector(".quiet")?.focus();
  };
  const more =
    rest > 0 &&
    el(
      "button",
      { type: "button", className: "quiet", "aria-expanded": String(isOpen), onclick: flip },
      isOpen ? t("fewerValues") : t("moreValues", { n: rest }),
    );
  return el(
    "div",
    { className: "facet", id: `facet-${by}` },
    el("h3", {}, known(`key_${by}`) ? t(`key_${by}`) : by),
    el("ul", {}, ...shown.map((one) => value(by, one))),
    more,
  );
}

function swatches() {
  const swatch = (color) => {
    const one = `color:${color}`;
    return el("button", {
      type: "button",
      className: `swatch is-${color}`,
      title: t(`color_${color}`),
      "aria-label": t(`color_${color}`),
      "aria-pressed": String(isOn(one)),
      onclick: () => toggle(one),
    });
  };
  return el(
    "div",
    { className: "facet" },
    el("h3", {}, t("key_color")),
    el("div", { className: "swatches" }, ...COLORS.map(swatch)),
  );
}

function shapes() {
  const shape = (name) => {
    const one = `orientation:${name}`;
    return el(
      "button",
      { type: "button", className: "pill", "aria-pressed": String(isOn(one)), onclick: () => toggle(one) },
      el("i", { className: `shape is-${name}`, "aria-hidden": "true" }),
      t(`orientation_${name}`),
    );
  };
  return el(
    "div",
    { className: "facet" },
    el("h3", {}, t("key_orientation")),
    el("div", { className: "pills" }, ...SHAPES.map(shape)),
  );
}

export function show() {
  const place = (by) => (ORDER.includes(by) ? ORDER.indexOf(by) : ORDER.length);
  // A key with one value narrows nothing down.
  const useful = (counted?.facets ?? []).filter(
    ({ by, values }) => values.length > 1 || values.some((one) => isOn(filter(by, one.value))),
  );
  const all = useful.sort((one, other) => place(one.by) - place(other.by)).map(facet);
  const had = document.activeElement?.closest?.("#facets") ? document.activeElement.textContent : null;
  byId("facets").replaceChildren(
    ...(counted?.items === 0 && !applied.length ? [] : [...all.slice(0, 1), swatches(), shapes(), ...all.slice(1)]),
  );
  if (had) [...byId("facets").querySelectorAll("button")].find((one) => one.textContent === had)?.focus();
}
