// Makes elements. Whatever comes from the server goes in as text, never as markup.
const SVG = "http://www.w3.org/2000/svg";

// Strokes on a square of 24.
const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
  filters: "M4 7h10M18 7h2M4 17h2M10 17h10M14 7a2 2 0 1 0 4 0a2 2 0 1 0-4 0M6 17a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  help: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M9.500 9.500a2.500 2.500 0 1 1 3.700 2.200c-.8.5-1.200 1-1.200 1.800M12 16.800h.01",
  auto: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 3v18M12 7l5.500 5.500M12 11.500l4 4M12 16l2.500 2.500",
  light:
    "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  dark: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  crop: "M7 2.500V17h14.500M2.500 7H17v14.500",
  heat: "M12 3c1 3.500 5 5.500 5 10a5 5 0 0 1-10 0c0-2 1-3.500 2-4.500c.3 1.500 1 2.500 2 3c.5-3 0-6 1-8.500z",
  why: "M9 18h6M10 21h4M12 3a6 6 0 0 0-3.500 10.900c.9.7 1.300 1.400 1.500 2.100h4c.2-.7.600-1.400 1.500-2.100A6 6 0 0 0 12 3z",
  download: "M12 4v11M7.500 11l4.500 4.500L16.500 11M5 20h14",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  save: "M6.500 4h11v16.500L12 16.500l-5.500 4z",
  stack: "M8 8h12v12H8zM4 16V4h12",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 1 0 0-13M15.500 15.500L20.500 20.500",
  refresh: "M19.500 12a7.500 7.500 0 1 1-2.200-5.300M19.500 4v4h-4",
  words:
    "M4 18l4.500-12L13 18M5.500 14h6M15 12.500c.5-1.500 1.500-2 2.500-2c2 0 2.500 1.200 2.500 2.500v5M20 14.500c-4-.5-5 .500-5 1.800c0 2.200 4 2.500 5 0",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

// Handlers, properties and attributes by their names; what is null or false is left out.
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.includes("-")) made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

export function iconButton(name, label, onclick, properties = {}) {
  return el(
    "button",
    { type: "button", className: "icon", title: label, "aria-label": label, onclick, ...properties },
    icon(name),
  );
}

// A dialog that takes its place in the document while it is open.
export function dialog(properties, ...children) {
  const made = el("dialog", properties, ...children);
  made.addEventListener("close", () => made.remove());
  // A press beside the box closes it, as people expect.
  made.addEventListener("pointerdown", (event) => event.target === made && made.close());
  document.body.append(made);
  made.showModal();
  return made;
}

let fading = 0;

// Says what was done, for a while.
export function toast(words) {
  const shown = byId("toast");
  shown.textContent = words;
  shown.classList.add("is-on");
  clearTimeout(fading);
  fading = setTimeout(() => shown.classList.remove("is-on"), 5000);
}
