// Speaks with the server: one door for all requests, and errors that say what happened in words.
import { current } from "./state.js";

const ROOT = "/api/v1";

// What went wrong; `status` is 0 where no answer came at all.
export class Problem extends Error {
  constructor(status, detail, character = null) {
    super(detail);
    Object.assign(this, { status, detail, character });
  }
}

let signIn = null;
// Whoever asks for a key; requests wait for it.
export const onLocked = (handler) => {
  signIn = handler;
};

// An address of the server, in the collection that is looked at.
export function url(path, parameters) {
  const [bare, query] = (path.startsWith(ROOT) ? path : ROOT + path).split("?");
  const all = new URLSearchParams(query);
  for (const [key, value] of new URLSearchParams(parameters)) all.append(key, value);
  if (current().collection) all.set("collection", current().collection);
  const text = all.toString();
  return text ? `${bare}?${text}` : bare;
}

export const thumbnail = (item) => url(item.thumbnail ?? `/items/${item.item ?? item}/thumbnail`);

async function send(address, options) {
  try {
    return await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "");
  }
}

async function problem(response) {
  const said = await response.json().catch(() => ({}));
  return new Problem(response.status, said.detail ?? response.statusText, said.character ?? null);
}

// The answer as a document. `document` is sent as JSON, `bytes` as they are.
export async function ask(path, { method = "GET", parameters, document, bytes, signal } = {}) {
  const options = { method, signal };
  if (document !== undefined) {
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(document);
  } else if (bytes) {
    options.headers = { "content-type": bytes.type || "application/octet-stream" };
    options.body = bytes;
  }
  const address = url(path, parameters);
  let response = await send(address, options);
  if (response.status === 401 && signIn) {
    await signIn();
    response = await send(address, options);
  }
  if (!response.ok) throw await problem(response);
  return response.status === 204 ? null : response.json();
}

// Trades a key for a cookie that scripts cannot read.
export async function openSession(key) {
  const response = await send(`${ROOT}/session`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  if (!response.ok) throw await problem(response);
}

export const closeSession = () => send(`${ROOT}/session`, { method: "DELETE" });

// What this visitor may do, until the server has said it: nothing that changes anything.
export const rights = { role: "read", collections: [], isEmpty: false };
export const may = (role) => ["read", "write", "admin"].indexOf(rights.role) >= ["read", "write", "admin"].indexOf(role);

export async function learnRights() {
  const said = await ask("/collections");
  const chosen = said.collections.find((one) => (current().collection ? one.name === current().collection : one.is_default));
  const n_items = chosen?.n_items ?? said.collections[0]?.n_items ?? 0;
  Object.assign(rights, { role: said.role, collections: said.collections, isEmpty: n_items === 0, n_items });
  return rights;
}

// Kept with the collection for judging the search later; nobody waits for it.
export function note(kind, item, query) {
  if (!may("write")) return;
  ask("/events", { method: "POST", document: { kind, item, query } }).catch(() => {});
}
