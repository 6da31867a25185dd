// Asks the server for results, page by page. A later search overtakes an earlier one.
import { Problem, ask } from "./client.js";
import { isBrowsing, listParameters } from "./query.js";
import { change, current } from "./state.js";

// Few at first, so that they are there at once.
const FIRST = 60;
const LATER = 200;
// Long enough to pass over letters of a word, short enough not to be felt.
const PAUSE = 50;

// What was found for the search in the address.
export const found = { items: [], below: [], plan: null, query: "", next: null, took: 0, isLoading: false, problem: null, isFresh: false };

const listeners = new Set();
export const onFound = (listener) => listeners.add(listener);
const tell = (kind) => {
  for (const listener of listeners) listener(found, kind);
};

let running = new AbortController();
let waiting = 0;
let asked = null;

// Searches soon while somebody types, at once otherwise.
export function search({ typing = false } = {}) {
  clearTimeout(waiting);
  running.abort();
  if (typing) waiting = setTimeout(begin, PAUSE);
  else begin();
}

async function begin() {
  const state = current();
  running = new AbortController();
  const { signal } = running;
  asked = listParameters(state);
  Object.assign(found, { isLoading: true });
  tell("began");
  try {
    const answer = await page(FIRST, null, signal);
    Object.assign(found, answer, { problem: null, isBrowsing: isBrowsing(state), isGrouped: Boolean(state.group), isAll: state.all });
    end("found");
  } catch (error) {
    fail(error);
  }
}

async function page(top, cursor, signal) {
  const parameters = new URLSearchParams(asked);
  parameters.set("top", top);
  if (cursor) parameters.set("cursor", cursor);
  const { results, below, plan, query, next, took_ms } = await ask("/search", { parameters, signal });
  return { items: results, below: below ?? [], plan, query, next: next ?? null, took: took_ms };
}

function end(kind) {
  found.isLoading = false;
  tell(kind);
}

function fail(error) {
  if (error.name === "AbortError") return;
  found.problem = error instanceof Problem ? error : new Problem(-1, String(error));
  end("failed");
}

// The next page, once at a time.
export async function more() {
  if (found.isLoading || !found.next) return;
  found.isLoading = true;
  const { signal } = running;
  try {
    const answer = await page(LATER, found.next, signal);
    found.items = found.items.concat(answer.items);
    Object.assign(found, { next: answer.next, below: answer.below });
    end("more");
  } catch (error) {
    // Without a next page the list would look as if it ended here.
    fail(error);
  }
}

// Everything in the order in which it is shown.
export const listed = () => (found.below.length ? found.items.concat(found.below) : found.items);

export const showAll = (all) => change({ all });
