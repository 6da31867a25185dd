// Searches with a name: run, kept, forgotten.
import { ask as request, may } from "./client.js";
import { byId, dialog, el, iconButton, toast } from "./dom.js";
import { found } from "./finding.js";
import { ask, current } from "./state.js";
import { t } from "./strings.js";

let all = [];

export async function loadSaved() {
  try {
    all = await request("/saved");
  } catch {
    all = [];
  }
  showSaved();
}

export function showSaved() {
  const row = ({ name, query }) =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", className: "value", title: query, onclick: () => ask({ q: query }) },
        el("span", { className: "value-name" }, `@${name}`),
      ),
      may("write") && iconButton("close", t("forget", { name }), () => forget(name), { className: "icon small" }),
    );
  byId("saved").replaceChildren(
    el("h3", {}, t("saved")),
    all.length ? el("ul", { className: "saved-list" }, ...all.map(row)) : el("p", { className: "dim" }, t("savedNone")),
  );
}

const pathOf = (name) => `/saved/${encodeURIComponent(name)}`;

async function forget(name) {
  try {
    await request(pathOf(name), { method: "DELETE" });
    toast(t("forgotten", { name }));
  } catch (error) {
    toast(error.detail || t("errorGone"));
  }
  await loadSaved();
  byId("saved").querySelector("button")?.focus();
}

// Whether there is something to save: a search, by somebody who may.
export const canSave = () => may("write") && Boolean(found.query) && !current().picture && current().view !== "copies";

export function saveSearch() {
  if (current().picture) return toast(t("cannotSavePicture"));
  if (!canSave()) return;
  const { query } = found;
  const name = el("input", {
    id: "save-name",
    name: "name",
    required: true,
    autocomplete: "off",
    maxLength: 64,
    "aria-describedby": "save-hint save-trouble",
  });
  const trouble = el("p", { id: "save-trouble", className: "trouble", role: "alert", hidden: true });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "save-title" }, t("saveSearch")),
    el("p", { className: "query" }, query),
    el("label", { htmlFor: "save-name" }, t("saveName")),
    name,
    el("p", { id: "save-hint", className: "dim" }, t("saveHint")),
    trouble,
    el(
      "div",
      { className: "row-of" },
      el("button", { type: "button", className: "plain", onclick: () => box.close() }, t("cancel")),
      el("button", { type: "submit", className: "main" }, t("save")),
    ),
  );
  const box = dialog({ className: "box", "aria-labelledby": "save-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = name.value.trim().replace(/^@/, "").replace(/\s+/g, "-");
    try {
      const kept = await request(pathOf(wanted), { method: "PUT", document: { query } });
      box.close();
      toast(t("savedAs", { name: kept.name }));
      loadSaved();
    } catch (error) {
      Object.assign(trouble, { hidden: false, textContent: error.detail || t("errorGone") });
    }
  });
}
