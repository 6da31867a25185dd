// Why a picture stands where it does: its place, how likely it is meant, what each term and space gave.
import { ask as request } from "./client.js";
import { byId, el } from "./dom.js";
import { listParameters } from "./query.js";
import { current } from "./state.js";
import { known, percent, t } from "./strings.js";

// Opens and closes the explanation; it is asked for once.
export function wireWhy(button, item) {
  let asked = null;
  button.addEventListener("click", async () => {
    const box = byId("why");
    const isOpen = box.hidden;
    box.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen || asked) return;
    box.replaceChildren(el("div", { className: "loading" }));
    try {
      asked = await request(`/items/${item}/explain`, { parameters: listParameters(current()) });
      box.replaceChildren(...explained(asked));
    } catch (error) {
      box.replaceChildren(el("p", { className: "trouble" }, error.detail || t("errorGone")));
    }
  });
}

function explained(said) {
  return [
    el("p", { className: "why-lead" }, placed(said)),
    said.match && el("p", {}, judged(said.match)),
    ...terms(said.terms ?? []),
    ...spaces(said.spaces ?? []),
    said.keyword && el("p", {}, t("whyWritten", { words: said.keyword.words.map((word) => word.split("|")[0]).join(", ") })),
    ...reasons(said.reasons ?? []),
    ...(said.notes ?? []).map(({ reason }) => el("p", { className: "dim", lang: "en" }, reason)),
  ].filter(Boolean);
}

function placed({ rank, matching, rank_of_all, n_items }) {
  if (rank !== null && matching !== n_items) return t("whyAmong", { rank, n: matching });
  return t("whyPlace", { rank: rank_of_all ?? rank ?? "–", n: n_items });
}

function judged({ probability, cut, said }) {
  return said ? t("whySaid", { n: percent(probability) }) : t("whyProbability", { n: percent(probability), cut: percent(cut) });
}

// A bar as long as the share that a part gave, to the left where it took away.
function bar(share, most) {
  const made = el("i", { className: share < 0 ? "share is-away" : "share", "aria-hidden": "true" });
  made.style.width = `${Math.min(100, (100 * Math.abs(share)) / (most || 1))}%`;
  return el("span", { className: "share-line" }, made);
}

const number = (value) => value.toFixed(3);

function terms(all) {
  if (!all.length) return [];
  const most = Math.max(...all.map(({ share }) => Math.abs(share)));
  const rows = all.map(({ term, weight, share }) =>
    el(
      "li",
      {},
      el("span", { className: "share-name" }, weight === 1 ? term : `${weight} × ${term}`),
      el("span", { className: "count" }, number(share)),
      bar(share, most),
    ),
  );
  return [el("h3", {}, t("whyTerms")), el("ul", { className: "shares" }, ...rows)];
}

function beside({ caption, above }) {
  if (caption) return `“${caption}”`;
  if (above === null || above === undefined) return "";
  return t(above < 0 ? "whyBelow" : "whyAbove", { n: Math.abs(above).toFixed(1) });
}

function spaces(all) {
  if (!all.length) return [];
  const most = Math.max(...all.map(({ cosine }) => Math.abs(cosine)));
  const name = (space) => (known(`space_${space}`) ? t(`space_${space}`) : space);
  const rows = all.map((one) =>
    el(
      "li",
      {},
      el("span", { className: "share-name" }, name(one.space)),
      el("span", { className: "count" }, number(one.cosine)),
      bar(one.cosine, most),
      el("span", { className: "dim" }, beside(one)),
    ),
  );
  return [el("h3", {}, t("whySpaces")), el("ul", { className: "shares" }, ...rows)];
}

function reasons(all) {
  if (!all.length) return [];
  return [el("h3", {}, t("whyNotShown")), el("ul", {}, ...all.map(({ reason }) => el("li", { lang: "en" }, reason)))];
}
