// One picture in full: large, what is known of it, where and why it matches, what is like it.
import { ask as request, note, thumbnail, url } from "./client.js";
import { el, icon, iconButton } from "./dom.js";
import { about } from "./about.js";
import { found, listed, more } from "./finding.js";
import { parameters } from "./query.js";
import { Drawing, place } from "./region.js";
import { ask, change, current } from "./state.js";
import { t } from "./strings.js";
import { title } from "./tile.js";
import { wireWhy } from "./why.js";

// What browsers show; of the rest the preview is shown.
const SHOWN = ["jpeg", "png", "webp", "gif", "svg", "bmp", "avif"];
// Larger files are not worth the wait.
const LARGEST = 40_000_000;

let view = null;
let wasPushed = false;
let acts = null;
let onClosed = () => {};

// `moreLess` has `more` and `less`; `closed` is told which item was looked at last.
export function wireDetail(moreLess, closed) {
  [acts, onClosed] = [moreLess, closed];
}

export function openItem(item) {
  note("opened", item, found.query);
  wasPushed = true;
  change({ open: item });
}

// Follows the address: opens, turns to another picture, or closes.
export function follow({ open }) {
  if (!open) return view && close();
  view ??= build();
  if (view.item !== open) turn(open);
}

function close() {
  const { box, item } = view;
  view = null;
  wasPushed = false;
  box.close();
  box.remove();
  onClosed(item);
}

// Leaves by Escape or a button: back to where it was opened from, or to the list where it was opened by a link.
function leave() {
  if (!view) return;
  if (wasPushed) {
    wasPushed = false;
    history.back();
  } else change({ open: "" }, { replace: true });
}

function build() {
  const picture = el("img", { className: "large", alt: "" });
  const holder = el("div", { className: "holder" }, picture);
  const step = (by, name) => iconButton(name, t(name), () => move(by), { className: `icon step is-${name}` });
  const said = el("p", { className: "stage-said", role: "status" });
  const stage = el("div", { className: "stage" }, holder, step(-1, "previous"), step(1, "next"), said);
  const side = el("div", { className: "about", tabIndex: -1 });
  const box = el(
    "dialog",
    { className: "detail", "aria-label": t("detail") },
    iconButton("close", t("close"), leave, { className: "icon leave" }),
    stage,
    side,
  );
  box.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  box.addEventListener("keydown", key);
  document.body.append(box);
  box.showModal();
  return { box, stage, holder, picture, side, said, item: null, heat: null, drawing: null, pressed: null };
}

const position = () => listed().findIndex(({ item }) => item === view.item);

function move(by) {
  const at = position();
  const next = at < 0 ? null : listed()[at + by];
  if (next) change({ open: next.item }, { replace: true });
  if (at + by >= listed().length - 3) more();
}

async function turn(item) {
  view.item = item;
  view.pressed = null;
  endOverlays();
  const shown = listed().find((one) => one.item === item) ?? null;
  for (const [by, name] of [
    [-1, "previous"],
    [1, "next"],
  ]) {
    view.box.querySelector(`.is-${name}`).disabled = !listed()[position() + by] || position() < 0;
  }
  view.picture.classList.remove("is-sharp");
  view.picture.src = thumbnail(shown ?? item);
  view.picture.alt = shown ? title(shown.path) : "";
  frame(shown?.region);
  view.side.replaceChildren(el("div", { className: "loading" }));
  try {
    const known = await request(`/items/${item}`);
    if (view?.item !== item) return;
    fill(known, shown);
  } catch (error) {
    if (view?.item === item) view.side.replaceChildren(el("p", { className: "trouble" }, error.detail || t("errorGone")));
  }
}

// The part that matched, where it was not all of it.
function frame(region) {
  view.holder.querySelector(".matched")?.remove();
  if (!region) return;
  const box = el("i", { className: "matched", "aria-hidden": "true" });
  place(box, region);
  view.holder.append(box);
}

function fill(known, shown) {
  const name = title(known.path);
  view.box.setAttribute("aria-label", name);
  view.picture.alt = name;
  view.picture.width = known.width;
  view.picture.height = known.height;
  sharpen(known);
  const searched = [...parameters(current()).keys()].some((key) => key !== "filter" && key !== "guess");
  const hasTerms = searched && (found.plan?.terms.length ?? 0) > 0;
  const buttons = actions(known, hasTerms);
  view.side.replaceChildren(...about(known, shown, { buttons, openItem: (item) => change({ open: item }, { replace: true }) }));
  view.side.scrollTop = 0;
  if (!view.box.contains(document.activeElement) || document.activeElement === view.box) view.side.focus({ preventScroll: true });
  if (view.pressed) view.box.querySelector(view.pressed)?.click();
  view.pressed = null;
}

// The preview stands until the file itself is here.
function sharpen({ item, original, format, size, online }) {
  if (!SHOWN.includes(format) || size > LARGEST || online === false) return;
  const large = new Image();
  large.src = url(original);
  large.decode().then(
    () => {
      if (view?.item !== item) return;
      view.picture.src = large.src;
      view.picture.classList.add("is-sharp");
    },
    () => {},
  );
}

function actions(known, hasTerms) {
  const act = (name, label, onclick, properties = {}) =>
    el("button", { type: "button", className: "act-wide", onclick, ...properties }, icon(name), el("span", {}, label));
  const why = hasTerms && act("why", t("why"), () => {}, { id: "why-button", "aria-expanded": "false" });
  if (why) wireWhy(why, known.item);
  return [
    act("more", t("moreLike"), () => acts.more(known)),
    act("less", t("lessLike"), () => acts.less(known)),
    act("stack", t("findSimilar"), () => ask({ like: [known.item], filters: current().filters })),
    act("crop", t("region"), draw, { id: "region-button" }),
    hasTerms && act("heat", t("heat"), heat, { id: "heat-button", "aria-pressed": "false" }),
    why,
    el(
      "a",
      { className: "act-wide", href: url(known.original), target: "_blank", rel: "noopener" },
      icon("download"),
      el("span", {}, t("original")),
    ),
  ];
}

function endOverlays() {
  view.heat?.remove();
  view.heat = null;
  view.said.textContent = "";
  view.drawing?.layer.remove();
  view.drawing = null;
  view.stage.classList.remove("is-drawing");
  view.box.querySelector("#heat-button")?.setAttribute("aria-pressed", "false");
}

function draw() {
  if (view.drawing) return view.drawing.finish();
  view.pressed = null;
  endOverlays();
  const { item } = view;
  view.stage.classList.add("is-drawing");
  view.drawing = new Drawing(view.holder, (region) => {
    endOverlays();
    if (region) ask({ like: [item], region, filters: current().filters });
    else view.box.querySelector("#region-button")?.focus();
  });
  const act = (label, className, onclick) => el("button", { type: "button", className, onclick }, label);
  view.said.replaceChildren(
    act(t("cancel"), "plain", () => view.drawing.leave()),
    act(t("regionSearch"), "main", () => view.drawing.finish()),
  );
}

async function heat() {
  const button = view.box.querySelector("#heat-button");
  if (view.heat) return endOverlays();
  endOverlays();
  const { item } = view;
  button.setAttribute("aria-pressed", "true");
  view.said.textContent = t("heatLoading");
  const picture = el("img", { className: "heat", alt: t("heatAlt") });
  view.heat = picture;
  picture.src = url(`/items/${item}/heat`, parameters(current()));
  try {
    await picture.decode();
    if (view?.heat !== picture) return;
    view.holder.append(picture);
    view.said.textContent = "";
  } catch {
    if (view?.heat === picture) sayWhyNot(item);
  }
}

// An image does not tell why it did not come; the same address as a document does.
async function sayWhyNot(item) {
  endOverlays();
  const words = await request(`/items/${item}/heat`, { parameters: parameters(current()) }).then(
    () => t("errorTitle"),
    (error) => error.detail,
  );
  if (view?.item === item) view.said.textContent = words || t("errorGone");
}

function key(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || view.drawing || event.target.matches("input, textarea, select")) return;
  // Whoever is quicker than what is known of the picture need not press again.
  const press = (id) => {
    const button = view.box.querySelector(id);
    if (button) button.click();
    else if (view.side.querySelector(".loading")) view.pressed = id;
  };
  const known = {
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    h: () => press("#heat-button"),
    r: draw,
    w: () => press("#why-button"),
  };
  const likes = { "+": "more", "=": "more", "-": "less" };
  const shown = { item: view.item, path: view.picture.alt };
  if (known[event.key]) known[event.key]();
  else if (likes[event.key]) acts[likes[event.key]](shown);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
