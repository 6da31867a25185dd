// Asks the server for results, page by page. A later search overtakes an earlier one.
import { Problem, ask } from "./client.js";
import { isBrowsing, listParameters } from "./query.js";
import { change, current } from "./state.js";

// Few at first, so that they are there at once.
const FIRST = 30;
const LATER = 200;
// Long enough to pass over letters of a word, short enough not to be felt.
const PAUSE = 40;

// What was found for the search in the address.
export const found = {
  items: [],
  below: [],
  plan: null,
  query: "",
  next: null,
  took: 0,
  isLoading: false,
  problem: null,
  isFresh: false,
};

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
    Object.assign(found, answer, {
      problem: null,
      isStuck: false,
      isBrowsing: isBrowsing(state),
      isGrouped: Boolean(state.group),
      isAll: state.all,
    });
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
  // While matches go on, nothing is below them.
  return { items: results, below: (!next && below) || [], plan, query, next: next ?? null, took: took_ms };
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

// Leaves off; what was found stays.
export function leaveOff() {
  clearTimeout(waiting);
  running.abort();
}

// The next page, once at a time. After a failure only somebody who asks for it tries again.
export async function more({ again = false } = {}) {
  if (found.isLoading || !found.next || (found.isStuck && !again)) return;
  Object.assign(found, { isLoading: true, isStuck: false });
  const { signal } = running;
  try {
    const answer = await page(LATER, found.next, signal);
    found.items = found.items.concat(answer.items);
    Object.assign(found, { next: answer.next, below: answer.below });
    end("more");
  } catch (error) {
    if (error.name === "AbortError") return;
    // Said at the end of the list, which would otherwise look as if it were whole.
    found.isStuck = true;
    end("stuck");
  }
}

// Everything in the order in which it is shown.
export const listed = () => (found.below.length ? found.items.concat(found.below) : found.items);

export const showAll = (all) => change({ all });
