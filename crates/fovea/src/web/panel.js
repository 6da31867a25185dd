// The panel of filters: beside the results where there is room, over them where there is none.
import { byId } from "./dom.js";

const narrow = matchMedia("(max-width: 999px)");

export function wirePanel() {
  const panel = byId("panel");
  const opener = byId("panel-open");
  const set = (isOpen) => {
    document.body.classList.toggle("has-panel", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    // What is out of sight is out of reach, too.
    panel.inert = !isOpen;
  };
  const isOpen = () => document.body.classList.contains("has-panel");
  const close = () => {
    if (!narrow.matches || !isOpen()) return false;
    set(false);
    opener.focus();
    return true;
  };
  const toggle = () => {
    set(!isOpen());
    if (isOpen()) panel.querySelector(narrow.matches ? "#panel-close" : "button.value, .facet button")?.focus();
    else opener.focus();
  };
  opener.addEventListener("click", toggle);
  byId("panel-close").addEventListener("click", toggle);
  // A press beside the panel closes it where it lies over the results.
  byId("main").addEventListener("pointerdown", (event) => {
    if (narrow.matches && isOpen()) {
      event.preventDefault();
      set(false);
    }
  });
  narrow.addEventListener("change", () => set(!narrow.matches));
  set(!narrow.matches);
  return { toggle, close };
}
