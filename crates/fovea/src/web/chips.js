// What the query was taken for, part by part; each part can be taken away.
import { thumbnail } from "./client.js";
import { choosePart } from "./crop.js";
import { byId, el, icon, iconButton } from "./dom.js";
import { given } from "./pictures.js";
import { written } from "./query.js";
import { ask, change, current } from "./state.js";
import { known, t } from "./strings.js";

let plan = null;

export function showChips(latest) {
  plan = latest;
  const state = current();
  const chips = plan && state.view !== "copies" ? [...terms(state), ...withouts(state), ...filters(state)] : [];
  if (plan && chips.length > 1)
    chips.push(el("button", { type: "button", className: "quiet", onclick: () => ask({}) }, t("clearAll")));
  const note = (name, said) => el("span", { className: "note" }, t(name, { said }));
  const notes = [
    ...(plan?.unused ?? []).map(({ said }) => note("unused", said)),
    ...(plan?.passed_over ?? []).map((said) => note("passedOver", said)),
  ];
  const had = byId("chips").contains(document.activeElement);
  byId("chips").replaceChildren(...chips, ...notes);
  byId("chips").hidden = chips.length + notes.length === 0;
  // Whoever removed a chip by key stays among them, or goes back to the box.
  if (had) (byId("chips").querySelector("button") ?? byId("q")).focus();
}

// What remains of the plan as text, without what stands in the address by itself.
function rewrite(without) {
  const state = current();
  const ids = new Set([...state.like, ...state.less].map((item) => `#${item}`));
  const isOwn = (one) => ids.has(one);
  // Filters of the panel stay there, unless the server writes them otherwise.
  const own = state.filters.every((one) => plan.filters.includes(one)) ? state.filters : [];
  change({
    q: written({
      terms: plan.terms.filter((one) => one !== without && one.kind !== "image" && !(one.kind === "item" && isOwn(one.term))),
      without: plan.without.filter((one) => one !== without && !isOwn(one)),
      filters: plan.filters.filter((one) => one !== without && !own.includes(one)),
    }),
    filters: own,
  });
}

function chip(kind, words, remove, { picture = null, extra = [], title = null } = {}) {
  return el(
    "span",
    { className: `chip ${kind}`, title },
    picture,
    el("span", { className: "chip-words" }, words),
    ...extra,
    iconButton("close", t("remove", { what: words }), remove),
  );
}

function terms(state) {
  return plan.terms.map((one) => {
    if (one.kind === "image") return pictureChip(state);
    if (one.kind === "item") return itemChip(state, one.term.slice(1), one.weight < 0 ? "lessChip" : "like", () => rewrite(one));
    const what = one.term.replace(/^"|"$/g, "");
    const weight = Math.abs(one.weight) === 1 ? "" : ` × ${Math.abs(one.weight)}`;
    const words = one.kind === "words" || one.kind === "phrase" ? t(one.weight < 0 ? "termAway" : "termWords", { what }) : what;
    const stands = plan.names?.[one.term]?.saved;
    return chip(one.weight < 0 ? "away" : "term", words + weight, () => rewrite(one), {
      title: stands ? t("standsFor", { query: stands }) : null,
    });
  });
}

function withouts(state) {
  return plan.without.map((one) => {
    if (one.startsWith("#")) return itemChip(state, one.slice(1), "notLike", () => rewrite(one));
    return chip("away", t("termWithout", { what: one.replace(/^"|"$/g, "") }), () => rewrite(one));
  });
}

function small(source) {
  return el("img", { src: source, alt: "", className: "chip-picture" });
}

const partButton = (onclick) => iconButton("crop", t("choosePart"), onclick);
const withPart = (words, state) => (state.region ? `${words} · ${t("partOf")}` : words);

function itemChip(state, item, words, otherwise) {
  const list = ["like", "less"].find((key) => state[key].includes(item));
  const isLike = words === "like";
  const remove = () => {
    if (!list) return otherwise();
    change({ [list]: state[list].filter((other) => other !== item), region: isLike ? "" : state.region });
  };
  const isOnly = isLike && state.like.length === 1 && !state.picture && !state.less.length;
  const extra = isOnly ? [partButton(() => choosePart(thumbnail(item)))] : [];
  const said = isOnly ? withPart(t(words), state) : t(words);
  return chip(isLike ? "term" : "away", said, remove, { picture: small(thumbnail(item)), extra });
}

function pictureChip(state) {
  const source = given(state.picture);
  const picture = source ? small(source) : icon("picture");
  const isOnly = !state.like.length && !state.less.length;
  const extra = source && isOnly ? [partButton(() => choosePart(source))] : [];
  return chip("term", withPart(t("yourPicture"), state), () => change({ picture: "", region: "" }), { picture, extra });
}

// `tag:bird` -> `Shows: bird`, in the language of the page as far as the key is known.
export function readable(text) {
  const parts = /^(-?)([\p{L}_]+):(.*)$/su.exec(text);
  if (!parts || text.includes(" | ")) return text;
  const [, sign, key, value] = parts;
  const bare = value.replace(/^"(.*)"$/s, "$1");
  const name = known(`key_${key}`) ? t(`key_${key}`) : key;
  const said = known(`${key}_${bare}`) ? t(`${key}_${bare}`) : bare;
  return `${sign ? "≠ " : ""}${name}: ${said}`;
}

function filters(state) {
  return plan.filters.map((one) => {
    const guessed = plan.guessed.find(({ filter }) => filter === one);
    const remove = () =>
      state.filters.includes(one) ? change({ filters: state.filters.filter((other) => other !== one) }) : rewrite(one);
    const extra = guessed ? [iconButton("words", t("keepWords", { said: guessed.said }), () => change({ words: true }))] : [];
    const title = guessed ? t("fromWords", { said: guessed.said }) : one;
    return chip("filter", readable(one), remove, { extra, title });
  });
}
