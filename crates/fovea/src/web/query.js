// From what the address says to what the server is asked, and from a plan back to text: the query language of docs/query.md.

// Strong enough to be felt beside what is looked for, too weak to drown it.
const AWAY = "0.5:";

// Whether something in the text is looked for; filters alone are not.
export function hasTerms(text) {
  const pieces = text.match(/"[^"]*"?|\S+/g) ?? [];
  return pieces.some((piece) => !/^[-!]?[\p{L}_]+:\S/u.test(piece) && !["|", "-", "+"].includes(piece) && !/^not:/.test(piece));
}

// The whole question as text: words, and pictures that are to be more or less like it.
export function line({ q, like, less, picture }) {
  const positive = like.map((item) => `+ #${item}`);
  // Beside words a picture only pulls away; where nothing is looked for, it can only be left out.
  const pulls = hasTerms(q) || like.length > 0;
  const negative = less.map((item) =>
    pulls && !(picture && !like.length && !hasTerms(q)) ? `- ${AWAY}#${item}` : `not:#${item}`,
  );
  const [first, ...rest] = positive;
  const start = first && !hasTerms(q) ? first.slice(2) : first;
  return [q.trim(), start, ...rest, ...negative].filter(Boolean).join(" ");
}

// Parameters of everything that takes a search.
export function parameters(state) {
  const all = new URLSearchParams();
  const q = line(state);
  if (q) all.set("q", q);
  if (state.filters.length) all.set("filter", state.filters.join(" "));
  if (state.picture) all.set("picture", state.picture);
  if (state.region) all.set("region", state.region);
  if (state.words) all.set("guess", "false");
  return all;
}

export function listParameters(state) {
  const all = parameters(state);
  if (state.sort) all.set("sort", state.sort);
  if (state.group) all.set("group", state.group);
  all.set("cut", state.all ? "false" : "true");
  return all;
}

export const isBrowsing = (state) => !line(state) && !state.picture;

// A filter as the language writes it.
export function filter(key, value) {
  const text = String(value);
  const isPlain = text !== "" && !/[\s|"“”]/.test(text);
  return `${key}:${isPlain ? text : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`}`;
}

const weighed = ({ weight, term }) => (Math.abs(weight) === 1 ? term : `${Math.abs(weight)}:${term}`);

// Text that means these parts of a plan.
export function written({ terms, without, filters }) {
  const first = terms.filter(({ weight }) => weight > 0);
  const away = terms.filter(({ weight }) => weight < 0);
  const words = first.map((one, at) => (at ? `+ ${weighed(one)}` : weighed(one)));
  // Nothing can only be taken away: what is left of such a query leaves out instead.
  const taken = away.map((one) => (first.length ? `- ${weighed(one)}` : `not:${one.term}`));
  const left = without.map(
    (one) => `not:${one.startsWith('"') || one.startsWith("#") || one.startsWith("@") ? one : `"${one}"`}`,
  );
  return [...words, ...taken, ...left, ...filters].join(" ");
}
