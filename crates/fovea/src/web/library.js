// Where the pictures come from, and how more of them get in.
import { ask as request, closeSession, may, rights } from "./client.js";
import { byId, el, toast } from "./dom.js";
import { startJob } from "./jobs.js";
import { ask, current } from "./state.js";
import { t } from "./strings.js";

let sources = [];

export async function loadLibrary() {
  sources = may("admin") ? await request("/sources").catch(() => []) : [];
  showLibrary();
}

async function begin(path) {
  try {
    await startJob(path);
    toast(t("updateStarted"));
  } catch (error) {
    toast(error.detail || t("errorGone"));
  }
}

// A form that takes a folder of the server.
export function folderForm(id) {
  const input = el("input", {
    id,
    name: "path",
    required: true,
    placeholder: "/home/me/Pictures",
    autocomplete: "off",
    spellcheck: false,
  });
  const form = el(
    "form",
    { className: "inline" },
    el("label", { htmlFor: id }, t("indexPath")),
    el("div", { className: "row-of" }, input, el("button", { type: "submit", className: "main" }, t("indexStart"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin(input.value.trim());
  });
  return form;
}

// Adds files as items, one after the other.
export async function addPictures(files, done) {
  let n = 0;
  for (const file of files) {
    toast(t("adding", { n: n + 1, all: files.length }));
    try {
      await request("/items", { method: "POST", bytes: file, parameters: { name: file.name } });
      n += 1;
    } catch (error) {
      toast(t("addFailed", { name: file.name, why: error.detail || t("errorGone") }));
      if (error.status === 0) break;
    }
  }
  if (n) toast(t("addedAll", { n }));
  done();
}

export function addButton(done) {
  const input = el("input", { type: "file", accept: "image/*", multiple: true, hidden: true });
  input.addEventListener("change", () => addPictures([...input.files], done));
  return el(
    "span",
    {},
    input,
    el("button", { type: "button", className: "plain", onclick: () => input.click() }, t("addPictures")),
  );
}

function folder({ root, n_items, online }) {
  const count = online ? t("folderItems", { n: n_items }) : t("folderOffline");
  return el(
    "li",
    { className: "folder" },
    el("span", { className: "value-name", title: root }, root.split(/[\\/]/).slice(-2).join("/")),
    el("span", { className: online ? "count" : "count is-off" }, count),
  );
}

export function showCollections() {
  const host = byId("collections");
  host.hidden = rights.collections.length < 2;
  if (host.hidden) return;
  const options = rights.collections.map(({ name, is_default }) =>
    el("option", { value: is_default ? "" : name, selected: (current().collection || "") === (is_default ? "" : name) }, name),
  );
  const choice = el("select", { id: "collection", onchange: () => ask({ collection: choice.value }) }, ...options);
  host.replaceChildren(el("label", { htmlFor: "collection" }, t("collection")), choice);
}

async function signOut() {
  await closeSession().catch(() => {});
  localStorage.removeItem("fovea-signed-in");
  location.reload();
}

export function showLibrary(changed = () => location.reload()) {
  const signed = localStorage.getItem("fovea-signed-in") === "1";
  const admin = may("admin") && [
    sources.length ? el("ul", { className: "folders" }, ...sources.map(folder)) : el("p", { className: "dim" }, t("foldersNone")),
    el(
      "div",
      { className: "row-of" },
      sources.length > 0 && el("button", { type: "button", className: "plain", onclick: () => begin() }, t("update")),
      addButton(changed),
    ),
  ];
  byId("library").replaceChildren(
    el("h3", {}, t("library")),
    ...(admin || []),
    el(
      "p",
      { className: "foot" },
      el("a", { href: "/api" }, t("apiLink")),
      signed && el("button", { type: "button", className: "quiet", onclick: signOut }, t("signOut")),
    ),
  );
}
