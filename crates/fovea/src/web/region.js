// A frame drawn over a picture, by finger, mouse or keys.
import { el } from "./dom.js";
import { t } from "./strings.js";

const STEP = 0.02;
const LEAST = 0.04;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const round = (value) => Math.round(value * 1000) / 1000;

export const asText = ({ x, y, w, h }) => [x, y, w, h].map(round).join(",");

export function place(frame, [x, y, w, h]) {
  Object.assign(frame.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
}

// Lies over `holder`, which is as large as its picture. `done` gets the frame as text, or null where it was left.
export class Drawing {
  constructor(holder, done) {
    Object.assign(this, { holder, done, box: { x: 0.25, y: 0.25, w: 0.5, h: 0.5 }, start: null });
    this.frame = el("div", {
      className: "frame-box",
      tabIndex: 0,
      role: "application",
      "aria-label": `${t("regionFrame")}. ${t("regionHelp")}`,
    });
    this.said = el("p", { className: "hidden", role: "status" });
    this.layer = el("div", { className: "drawing" }, this.frame, this.said);
    this.layer.addEventListener("pointerdown", (event) => this.press(event));
    this.layer.addEventListener("pointermove", (event) => this.drag(event));
    this.layer.addEventListener("pointerup", () => this.release());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    holder.append(this.layer);
    this.draw();
    this.frame.focus();
  }

  draw() {
    const { x, y, w, h } = this.box;
    place(this.frame, [x, y, w, h]);
    const [left, top, width, height] = [x, y, w, h].map((one) => Math.round(one * 100));
    this.said.textContent = t("regionAt", { x: left, y: top, width, height, w: width, h: height });
  }

  at(event) {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    return { x: clamp((event.clientX - left) / width, 0, 1), y: clamp((event.clientY - top) / height, 0, 1) };
  }

  press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.layer.setPointerCapture(event.pointerId);
    this.start = this.at(event);
  }

  drag(event) {
    if (!this.start) return;
    const to = this.at(event);
    const { start } = this;
    this.box = {
      x: Math.min(start.x, to.x),
      y: Math.min(start.y, to.y),
      w: Math.abs(to.x - start.x),
      h: Math.abs(to.y - start.y),
    };
    this.draw();
  }

  // A press without a drag means nothing.
  release() {
    if (!this.start) return;
    this.start = null;
    this.box.w = clamp(this.box.w, LEAST, 1);
    this.box.h = clamp(this.box.h, LEAST, 1);
    this.box.x = clamp(this.box.x, 0, 1 - this.box.w);
    this.box.y = clamp(this.box.y, 0, 1 - this.box.h);
    this.draw();
    this.frame.focus();
  }

  key(event) {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.leave();
    else if (steps[event.key]) this.step(steps[event.key], event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  step([dx, dy], isSize) {
    const { box } = this;
    if (isSize) {
      box.w = clamp(box.w + dx, LEAST, 1 - box.x);
      box.h = clamp(box.h + dy, LEAST, 1 - box.y);
    } else {
      box.x = clamp(box.x + dx, 0, 1 - box.w);
      box.y = clamp(box.y + dy, 0, 1 - box.h);
    }
    this.draw();
  }

  finish() {
    this.layer.remove();
    this.done(asText(this.box));
  }

  leave() {
    this.layer.remove();
    this.done(null);
  }
}
