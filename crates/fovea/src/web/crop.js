// Chooses the part of the picture that is searched by, where that picture is in the search already.
import { dialog, el } from "./dom.js";
import { Drawing } from "./region.js";
import { change } from "./state.js";
import { t } from "./strings.js";

export function choosePart(source) {
  const holder = el("div", { className: "holder" }, el("img", { src: source, alt: "" }));
  let drawing = null;
  const act = (label, className, onclick) => el("button", { type: "button", className, onclick }, label);
  const box = dialog(
    { className: "box crop", "aria-labelledby": "crop-title" },
    el("h2", { id: "crop-title" }, t("choosePart")),
    el("p", { className: "dim" }, t("regionHelp")),
    el("div", { className: "crop-stage" }, holder),
    el(
      "div",
      { className: "row-of" },
      act(t("cancel"), "plain", () => drawing.leave()),
      act(t("regionSearch"), "main", () => drawing.finish()),
    ),
  );
  drawing = new Drawing(holder, (region) => {
    box.close();
    if (region) change({ region });
  });
}
