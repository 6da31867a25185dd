// What is known of a picture, beside it.
import { ask as request, thumbnail } from "./client.js";
import { el, icon, toast } from "./dom.js";
import { filter } from "./query.js";
import { address, ask, change, current } from "./state.js";
import { bytes, known, moment, percent, spoken, t } from "./strings.js";
import { bars, fileName, strength, title } from "./tile.js";

const SIMILAR = 12;

// From top to bottom. `shown` is the result, where it is one.
export function about(item, shown, { buttons, openItem }) {
  return [
    head(item, shown),
    el("div", { className: "act-grid" }, ...buttons),
    el("div", { id: "why", hidden: true }),
    tags(shown),
    captions(item),
    colors(item),
    group(shown, openItem),
    similar(item, openItem),
    facts(item),
  ].filter(Boolean);
}

function head(item, shown) {
  const when = item.metadata.taken?.[0] ?? shown?.taken ?? item.modified_ms;
  const match =
    shown?.match !== undefined &&
    el(
      "p",
      { className: "strength-line" },
      bars(shown.match),
      `${t("match", { n: percent(shown.match) })} · ${t(`strength_${strength(shown.match)}`)}`,
    );
  return el(
    "div",
    { className: "about-head" },
    el("h2", { title: item.path }, title(item.path)),
    el("p", { className: "dim" }, moment(when)),
    match,
    item.online === false && el("p", { className: "note" }, t("offline")),
  );
}

const section = (name, ...children) => el("section", {}, el("h3", {}, t(name)), ...children);

function tags(shown) {
  const all = Object.entries(shown?.tags ?? {}).toSorted(([, one], [, other]) => other - one);
  if (!all.length) return null;
  const one = ([name, share]) =>
    el(
      "button",
      { type: "button", className: "pill", title: t("searchTag", { name }), onclick: () => narrow(filter("tag", name)) },
      name,
      el("span", { className: "count" }, percent(share)),
    );
  return section("tags", el("div", { className: "pills" }, ...all.map(one)));
}

function narrow(one) {
  const { filters } = current();
  if (filters.includes(one)) change({ open: "" });
  else change({ open: "", filters: [...filters, one] });
}

// Those that the reader understands best come first.
const nearness = ({ lang }) => (!lang ? 2 : lang.startsWith(spoken()) ? 0 : lang.startsWith("en") ? 1 : 3);

function captions({ captions: all }) {
  if (!all.length) return null;
  const sorted = all.toSorted((one, other) => nearness(one) - nearness(other));
  const said = ({ lang, text }) => el("p", { className: "caption", lang: lang ?? null, dir: "auto" }, text);
  const first = sorted.filter((one, at) => at < 2 || (at < 5 && nearness(one) < 2));
  const rest = sorted.slice(first.length);
  const more = rest.length > 0 && el("details", {}, el("summary", {}, t("moreCaptions", { n: rest.length })), ...rest.map(said));
  return section("captions", ...first.map(said), more || "");
}

function colors({ colors: all }) {
  if (!all.length) return null;
  const one = ({ rgb, share }) => {
    const made = el("button", {
      type: "button",
      className: "color",
      title: `${rgb} · ${percent(share)}`,
      "aria-label": t("searchColor", { name: rgb }),
      onclick: () => ask({ filters: [`color:${rgb}`] }),
    });
    made.style.backgroundColor = rgb;
    made.style.flexGrow = String(Math.max(share, 0.05));
    return made;
  };
  return section("colors", el("div", { className: "colors" }, ...all.map(one)));
}

// Small pictures that lead to others.
export function strip(items, openItem) {
  return el(
    "div",
    { className: "strip" },
    ...items.map((one) => {
      const id = one.item ?? one;
      const open = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openItem(id);
      };
      const name = one.path ? title(one.path) : t("detail");
      return el(
        "a",
        { href: address({ open: id }), onclick: open, title: name },
        el("img", { src: thumbnail(one), alt: name, loading: "lazy", decoding: "async" }),
      );
    }),
  );
}

function group(shown, openItem) {
  return shown?.others?.length ? section("inGroup", strip(shown.others, openItem)) : null;
}

function similar({ item }, openItem) {
  const made = section("findSimilar", el("div", { className: "strip is-empty" }));
  const fill = ({ results }) => {
    if (!results.length) return made.remove();
    const all = el("button", { type: "button", className: "quiet", onclick: () => ask({ like: [item] }) }, t("seeAll"));
    made.lastChild.replaceWith(strip(results, openItem));
    made.append(all);
  };
  request(`/items/${item}/similar`, { parameters: { top: SIMILAR } }).then(fill, () => made.remove());
  return made;
}

function facts(item) {
  const copy = () =>
    navigator.clipboard?.writeText(item.path).then(
      () => toast(t("copied")),
      () => {},
    );
  const path = el(
    "span",
    { className: "path" },
    item.path,
    el(
      "button",
      { type: "button", className: "icon small", title: t("copyPath"), "aria-label": t("copyPath"), onclick: copy },
      icon("copy"),
    ),
  );
  const rows = [
    [t("file"), fileName(item.path)],
    [t("dimensions"), `${item.width} × ${item.height}`],
    [t("size"), bytes(item.size)],
    [t("format"), item.format.toUpperCase()],
    [t("modified"), moment(item.modified_ms)],
    [t("added"), moment(item.added_ms)],
    ...Object.entries(item.metadata).map(([key, values]) => [
      known(`key_${key}`) ? t(`key_${key}`) : key.replaceAll("_", " "),
      values.join(", "),
    ]),
    [t("key_path"), path],
  ];
  const pairs = rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return section("metadata", el("dl", {}, ...pairs));
}
