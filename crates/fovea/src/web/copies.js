// The same picture saved more than once, and shots that are only alike: two lists that are never mixed. Nothing is touched.
import { ask as request, thumbnail } from "./client.js";
import { byId, el } from "./dom.js";
import { openItem } from "./detail.js";
import { address, change, current } from "./state.js";
import { bytes, percent, t } from "./strings.js";
import { fileName } from "./tile.js";

// Groups that are shown at once; more come at a press.
const SHOWN = 40;
// Cosine from which on two shots are called alike; that of `fovea dedupe --similar`.
const ALIKE = 0.9;

let latest = 0;

export async function showCopies() {
  const mine = (latest += 1);
  const host = byId("copies");
  host.hidden = false;
  host.replaceChildren(head(), el("p", { className: "dim" }, t("copiesBusy")), el("div", { className: "loading" }));
  try {
    const parameters = { filter: current().filters.join(" "), similar: ALIKE };
    const found = await request("/duplicates", { parameters });
    if (mine === latest) host.replaceChildren(head(), ...lists(found));
    return { n: found.same.length };
  } catch (error) {
    if (mine !== latest) return null;
    const words = error.status === 404 || error.status === 405 ? t("copiesUnknown") : error.detail || t("errorGone");
    host.replaceChildren(head(), el("p", { className: "trouble" }, words));
    return null;
  }
}

export function hideCopies() {
  latest += 1;
  byId("copies").hidden = true;
}

function head() {
  return el(
    "div",
    { className: "copies-head" },
    el("h2", {}, t("copiesTitle")),
    el("button", { type: "button", className: "plain", onclick: () => change({ view: "" }) }, t("copiesBack")),
  );
}

function lists({ items, same, similar }) {
  const spare = same.reduce((all, one) => all + one.spare_bytes, 0);
  const pictures = t("pictures", { n: items });
  const lead = same.length ? t("copiesSome", { n: same.length, size: bytes(spare) }) : t("copiesNone", { n: pictures });
  return [
    el("p", { className: "lead", role: "status" }, lead),
    same.length > 0 && el("p", { className: "dim" }, t("copiesLead")),
    ...some(same, ({ keep, copies }) =>
      group([{ ...keep, said: t("keep"), isBest: true }, ...copies.map((one) => ({ ...one, said: whatChanged(one) }))]),
    ),
    similar.length > 0 && el("h2", {}, t("similarTitle")),
    similar.length > 0 && el("p", { className: "dim" }, t("similarLead")),
    ...some(similar, ({ shots }) => group(shots.map((one) => ({ ...one, said: t("alike", { n: percent(one.cosine) }) })))),
  ].filter(Boolean);
}

function some(groups, make) {
  const first = groups.slice(0, SHOWN).map(make);
  const rest = groups.slice(SHOWN);
  if (!rest.length) return first;
  const button = el(
    "button",
    { type: "button", className: "plain", onclick: () => button.replaceWith(...some(rest, make)) },
    t("moreValues", { n: rest.length }),
  );
  return [...first, button];
}

// What a copy is to the best one, in words.
function whatChanged({ identical, shown, marked, likeness, worse_by }) {
  if (identical) return t("identical");
  const words = [
    shown < 0.985 && t("cropped", { n: percent(shown) }),
    worse_by === "color" && t("grey"),
    marked && t("marked"),
    t("alike", { n: percent(likeness) }),
  ];
  return words.filter(Boolean).join(", ");
}

function card({ item, path, width, height, format, bytes: size, said, isBest, ...one }) {
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openItem(item);
  };
  return el(
    "li",
    { className: isBest ? "copy is-best" : "copy" },
    el(
      "a",
      { href: address({ open: item }), onclick: open, title: path },
      el("img", { src: thumbnail({ item, ...one }), alt: fileName(path), loading: "lazy", decoding: "async" }),
    ),
    el("span", { className: "copy-said" }, said),
    el("span", { className: "copy-name" }, fileName(path)),
    el("span", { className: "dim" }, `${width} × ${height} ${format}, ${bytes(size)}`),
  );
}

const group = (items) => el("ul", { className: "copies" }, ...items.map(card));
