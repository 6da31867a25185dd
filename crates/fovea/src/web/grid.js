// The grid: only the rows that can be seen are in the document, so that ten thousand results scroll like ten. One tile can be
// reached by Tab, the arrow keys move from there.
import { layOut, rowAt, rowOf } from "./layout.js";
import { el } from "./dom.js";

// Screens kept ready above and below.
const AHEAD = 0.75;
// Screens before the end at which more is asked for.
const HUNGRY = 2;
// Pixels between two frames above which pictures are waited for: they would be gone before they came.
const FAST = 1500;
const UNDER = 26;
// Below these widths a tile has no room for bars beside the numbers, and none for a date.
const NARROW = 132;
const TINY = 104;

export class Grid {
  constructor(host, { label, tile, open, hungry }) {
    Object.assign(this, { host, label, tile, open, hungry });
    this.items = [];
    this.breaks = [];
    this.rows = [];
    this.shown = new Map();
    this.active = 0;
    this.lastTop = 0;
    this.hasMore = false;
    addEventListener("scroll", () => this.schedule(), { passive: true });
    // The host itself has no width while it is hidden.
    this.room = host.parentElement;
    new ResizeObserver(() => this.width !== this.room.clientWidth && this.reflow()).observe(this.room);
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("focusin", (event) => this.focused(event));
    host.addEventListener("click", (event) => this.click(event));
  }

  // Another list, or the same one longer.
  show(items, breaks, { hasMore, keep }) {
    Object.assign(this, { items, breaks, hasMore });
    if (!keep) this.active = 0;
    this.reflow(keep ? this.lasting() : []);
    if (!keep && scrollY > 0) scrollTo({ top: 0, behavior: "instant" });
  }

  shape() {
    const { width } = this;
    const height = width < 560 ? 122 : width < 1000 ? 168 : 196;
    return { width, height, gap: width < 560 ? 6 : 12, under: UNDER };
  }

  // Rows that a longer list does not move: all but the last one, up to the first line.
  lasting() {
    const line = this.rows.findIndex(({ kind }) => kind === "line");
    return this.rows.slice(0, line < 0 ? Math.max(0, this.rows.length - 1) : line);
  }

  reflow(kept = []) {
    this.width = this.room.clientWidth;
    if (!this.width) return;
    const { rows, height } = layOut(this.items, this.breaks, this.shape(), kept);
    this.rows = rows;
    for (const index of [...this.shown.keys()]) if (index >= kept.length) this.drop(index);
    this.host.hidden = rows.length === 0;
    this.host.style.height = `${height}px`;
    const isGrid = rows.length > 0;
    for (const [name, value] of [
      ["role", "grid"],
      ["aria-label", this.label()],
      ["aria-rowcount", this.hasMore ? -1 : rows.length],
    ]) {
      if (isGrid) this.host.setAttribute(name, value);
      else this.host.removeAttribute(name);
    }
    // What is seen comes first, what may be scrolled to a frame later.
    this.draw(kept.length ? AHEAD : 0);
    this.schedule();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  // Takes away what is out of sight and puts in what has come into it, each row at its place in the document.
  draw(ahead = AHEAD) {
    if (!this.rows.length) return;
    const top = -this.host.getBoundingClientRect().top;
    const screen = innerHeight;
    const isFast = Math.abs(top - this.lastTop) > FAST;
    this.lastTop = top;
    const first = rowAt(this.rows, top - ahead * screen);
    const last = rowAt(this.rows, top + (1 + ahead) * screen);
    const pinned = this.hasFocus() ? rowOf(this.rows, this.active) : -1;
    for (const index of [...this.shown.keys()]) {
      if ((index < first || index > last) && index !== pinned) this.drop(index);
    }
    for (let index = first; index <= Math.min(last, this.rows.length - 1); index += 1) this.put(index, isFast);
    if (isFast) this.settle();
    if (this.hasMore && last >= this.rows.length - 1 - 1) this.hungry();
    else if (this.hasMore && this.rows.at(-1).top - top < (1 + HUNGRY) * screen) this.hungry();
  }

  hasFocus() {
    return this.host.contains(document.activeElement);
  }

  drop(index) {
    const row = this.shown.get(index);
    // A picture that is still on its way would keep those that are looked at waiting.
    for (const picture of row.querySelectorAll("img")) if (!picture.complete) picture.removeAttribute("src");
    row.remove();
    this.shown.delete(index);
  }

  put(index, isFast) {
    if (this.shown.has(index)) return;
    const row = this.rows[index];
    const made = row.kind === "line" ? this.line(row) : this.tiles(row, isFast);
    made.setAttribute("aria-rowindex", index + 1);
    made.style.transform = `translateY(${row.top}px)`;
    made.style.height = `${row.height}px`;
    const after = [...this.shown.keys()].filter((other) => other > index);
    const next = after.length ? this.shown.get(Math.min(...after)) : null;
    this.host.insertBefore(made, next);
    this.shown.set(index, made);
  }

  line(row) {
    return el("div", { role: "row", className: "row line" }, el("div", { role: "gridcell", className: "line-cell" }, row.make()));
  }

  tiles(row, isFast) {
    const cells = row.cells.map(({ left, width }, at) => {
      const index = row.from + at;
      const cell = this.tile(this.items[index], index, { isFast });
      cell.style.left = `${left}px`;
      cell.style.width = `${width}px`;
      if (width < NARROW) cell.classList.add("is-narrow");
      if (width < TINY) cell.classList.add("is-tiny");
      cell.dataset.index = index;
      cell.querySelector("a").tabIndex = index === this.active ? 0 : -1;
      return cell;
    });
    return el("div", { role: "row", className: "row" }, ...cells);
  }

  // Pictures that were not asked for while everything flew past.
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      for (const picture of this.host.querySelectorAll("img[data-src]")) {
        picture.src = picture.dataset.src;
        delete picture.dataset.src;
      }
    }, 90);
  }

  link(index) {
    return this.host.querySelector(`[data-index="${index}"] a`);
  }

  focused(event) {
    const cell = event.target.closest("[data-index]");
    if (cell) this.activate(Number(cell.dataset.index));
  }

  activate(index) {
    const before = this.link(this.active);
    if (before) before.tabIndex = -1;
    this.active = index;
    const link = this.link(index);
    if (link) link.tabIndex = 0;
  }

  // Moves the focus to an item, wherever it is.
  focus(index) {
    if (!this.items.length) return;
    const to = Math.max(0, Math.min(this.items.length - 1, index));
    const row = this.rows[rowOf(this.rows, to)];
    const above = this.host.getBoundingClientRect().top + row.top;
    const head = document.querySelector(".top").offsetHeight + 12;
    if (above < head) scrollBy({ top: above - head, behavior: "instant" });
    else if (above + row.height > innerHeight - 12) scrollBy({ top: above + row.height - innerHeight + 12, behavior: "instant" });
    this.activate(to);
    this.put(this.rows.indexOf(row), false);
    this.activate(to);
    this.link(to)?.focus({ preventScroll: true });
    this.schedule();
  }

  click(event) {
    const link = event.target.closest("a.shot");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    this.open(Number(link.closest("[data-index]").dataset.index));
  }

  key(event) {
    if (!event.target.matches("a.shot") || event.altKey || event.metaKey) return;
    const to = this.target(event.key, event.ctrlKey);
    if (to === null) return;
    event.preventDefault();
    if (to >= 0) this.focus(to);
  }

  // Which item a key leads to from the active one; -1 where it leads nowhere, null where it is none of ours.
  target(key, isFar) {
    const at = rowOf(this.rows, this.active);
    const row = this.rows[at];
    switch (key) {
      case "ArrowLeft":
        return this.active - 1;
      case "ArrowRight":
        return Math.min(this.active + 1, this.items.length - 1);
      case "ArrowUp":
        return this.across(at, -1);
      case "ArrowDown":
        return this.across(at, 1);
      case "PageUp":
        return this.across(rowAt(this.rows, row.top - innerHeight * 0.8), -1);
      case "PageDown":
        return this.across(rowAt(this.rows, row.top + innerHeight * 0.8), 1);
      case "Home":
        return isFar ? 0 : row.from;
      case "End":
        return isFar ? this.items.length - 1 : row.to - 1;
      default:
        return null;
    }
  }

  // The item above or below that stands nearest to the middle of the active one.
  across(at, step) {
    const here = this.rows[rowOf(this.rows, this.active)];
    const { left, width } = here.cells[this.active - here.from];
    let index = Math.min(Math.max(at + step, 0), this.rows.length - 1);
    while (this.rows[index]?.kind === "line") index += step;
    const row = this.rows[index];
    if (!row) return -1;
    const distance = (cell) => Math.abs(cell.left + cell.width / 2 - (left + width / 2));
    const nearest = row.cells.reduce((best, cell, one) => (distance(cell) < distance(row.cells[best]) ? one : best), 0);
    return row.from + nearest;
  }
}
