// What is looked for and what is open: all of it stands in the address, so that a link shows the same and Back goes back.
const LISTS = ["filters", "like", "less"];
const FLAGS = ["all", "words"];
const TEXTS = ["q", "picture", "region", "sort", "group", "view", "open", "collection"];
// Of a list in the address each entry has its own parameter.
const NAMES = { filters: "f" };
// What changes what is found; the rest only how it is looked at.
const ASKED = ["q", "filters", "like", "less", "picture", "region", "sort", "group", "all", "words", "view", "collection"];

export function read(text) {
  const from = new URLSearchParams(text);
  const state = {};
  for (const key of LISTS) state[key] = from.getAll(NAMES[key] ?? key).filter(Boolean);
  for (const key of FLAGS) state[key] = from.get(key) === "1";
  for (const key of TEXTS) state[key] = from.get(key) ?? "";
  return state;
}

export function write(state) {
  const to = new URLSearchParams();
  for (const key of TEXTS) if (state[key]) to.set(key, state[key]);
  for (const key of LISTS) for (const one of state[key]) to.append(NAMES[key] ?? key, one);
  for (const key of FLAGS) if (state[key]) to.set(key, "1");
  const text = to.toString();
  return text ? `?${text}` : "";
}

export const isSame = (one, other) => ASKED.every((key) => String(one[key]) === String(other[key]));

let state = read(globalThis.location?.search ?? "");
let wasTyping = false;
const listeners = new Set();

export const current = () => state;
export const onChange = (listener) => listeners.add(listener);
export const address = (part = {}) => `/${write({ ...state, ...part })}`;

// One entry of the history for each step, and one for all the letters of a word.
export function change(part, { typing = false, replace = false } = {}) {
  const before = state;
  const after = { ...state, ...part };
  if (write(after) === write(before)) return;
  state = after;
  const isStep = !replace && !(typing && wasTyping);
  history[isStep ? "pushState" : "replaceState"](null, "", address());
  wasTyping = typing;
  for (const listener of listeners) listener(state, before, { typing });
}

// Starts another search: what belonged to the old one goes.
export function ask(part, options) {
  const none = { q: "", filters: [], like: [], less: [], picture: "", region: "", all: false, words: false, view: "", open: "" };
  change({ ...none, ...part }, options);
}

globalThis.addEventListener?.("popstate", () => {
  const before = state;
  state = read(location.search);
  wasTyping = false;
  for (const listener of listeners) listener(state, before, { typing: false });
});
