// Events over time, stacked by severity. Dragging selects a time.

import { CLASS_ORDER, severityClass } from "./severities.js";
import { make } from "./text.js";
import { axisTime, counted, longTime } from "./times.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR_PIXELS = 9;
// What is there can be seen, however little of the whole it is.
const BAR_MIN = 2;
const DRAG_MIN = 4;

export class Histogram {
  #figure;
  #svg;
  #brush;
  #tip;
  #paths = new Map();
  #data = null;

  /** `onSelect(since, until)`: a time was selected; both are ISO 8601. */
  constructor(figure, onSelect) {
    this.#figure = figure;
    this.#svg = figure.querySelector("svg");
    this.#brush = figure.querySelector(".brush");
    this.#tip = figure.querySelector(".tip");
    for (const name of CLASS_ORDER) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", `bar-${name}`);
      this.#svg.append(path);
      this.#paths.set(name, path);
    }
    new ResizeObserver(() => this.#draw()).observe(figure);
    this.#listen(onSelect);
  }

  /** The number of bars that fit. */
  get buckets() {
    return Math.max(20, Math.min(160, Math.floor(this.#svg.clientWidth / BAR_PIXELS)));
  }

  show(data) {
    if (!data.buckets.length) {
      this.#clear();
      return;
    }
    const buckets = data.buckets.map(({ start, counts }) => {
      const classes = Object.fromEntries(CLASS_ORDER.map((name) => [name, 0]));
      for (const [severity, count] of Object.entries(counts)) classes[severityClass(severity)] += count;
      return { start: Date.parse(start), counts, classes, sum: sumOf(Object.values(classes)) };
    });
    const start = Date.parse(data.start);
    const end = Date.parse(data.end);
    this.#data = { start, end, step: (end - start) / buckets.length, buckets };
    this.#draw();
    this.#label();
  }

  #clear() {
    this.#data = null;
    for (const path of this.#paths.values()) path.setAttribute("d", "");
    for (const label of this.#figure.querySelectorAll("figcaption span")) label.textContent = "";
    this.#svg.setAttribute("aria-label", "No events");
  }

  #draw() {
    const width = this.#svg.clientWidth;
    const height = this.#svg.clientHeight;
    if (!this.#data || !width) return;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { buckets } = this.#data;
    const greatest = Math.max(1, ...buckets.map((bucket) => bucket.sum));
    const shapes = Object.fromEntries(CLASS_ORDER.map((name) => [name, ""]));
    const step = width / buckets.length;
    const thickness = Math.max(1, step - 1.5);
    buckets.forEach(({ classes }, index) => {
      let top = height;
      for (const name of CLASS_ORDER) {
        if (!classes[name]) continue;
        const bar = Math.max(BAR_MIN, (classes[name] / greatest) * (height - 6));
        top -= bar;
        shapes[name] += `M${(index * step).toFixed(1)} ${top.toFixed(1)}h${thickness.toFixed(1)}v${bar.toFixed(1)}h-${thickness.toFixed(1)}z`;
      }
    });
    for (const [name, path] of this.#paths) path.setAttribute("d", shapes[name]);
  }

  #label() {
    const { start, end, buckets } = this.#data;
    const labels = this.#figure.querySelectorAll("figcaption span");
    const sums = {};
    for (const { counts } of buckets)
      for (const [severity, count] of Object.entries(counts)) sums[severity] = (sums[severity] ?? 0) + count;
    const total = sumOf(Object.values(sums));
    [start, (start + end) / 2, end].forEach((time, index) => {
      labels[index].textContent = total ? axisTime(time, end - start) : "";
    });
    const parts = Object.entries(sums).map(([severity, count]) => `${severity.slice(0, 20)} ${count}`);
    const iso = (time) => longTime(new Date(time).toISOString());
    this.#svg.setAttribute(
      "aria-label",
      total ? `${counted(total, "event")} from ${iso(start)} to ${iso(end)}: ${parts.join(", ")}` : "No events",
    );
  }

  #listen(onSelect) {
    const svg = this.#svg;
    let from = null;
    const at = (pointer) => {
      const box = svg.getBoundingClientRect();
      return Math.max(0, Math.min(box.width, pointer.clientX - box.left));
    };
    svg.addEventListener("pointerdown", (pointer) => {
      if (!this.#data || pointer.button !== 0) return;
      from = at(pointer);
      svg.setPointerCapture(pointer.pointerId);
    });
    svg.addEventListener("pointermove", (pointer) => {
      if (from === null) this.#hover(at(pointer));
      else this.#drawBrush(from, at(pointer));
    });
    svg.addEventListener("pointerleave", () => (this.#tip.hidden = true));
    const end = () => {
      from = null;
      this.#brush.hidden = true;
    };
    svg.addEventListener("pointerup", (pointer) => {
      if (from === null) return;
      const [left, right] = [from, at(pointer)].sort((one, other) => one - other);
      end();
      const range = right - left < DRAG_MIN ? this.#bucketAt(left) : this.#timesOf(left, right);
      if (range) onSelect(...range.map((time) => new Date(time).toISOString()));
    });
    svg.addEventListener("pointercancel", end);
    document.addEventListener("keydown", (key) => {
      if (from !== null && key.key === "Escape") {
        key.stopImmediatePropagation();
        end();
      }
    }, true);
  }

  #timesOf(left, right) {
    const { start, end } = this.#data;
    const scale = (end - start) / this.#svg.clientWidth;
    return [Math.floor(start + left * scale), Math.ceil(start + right * scale)];
  }

  /** A click selects one bar, if there is anything in it. */
  #bucketAt(left) {
    const { buckets, start, step } = this.#data;
    const index = Math.min(buckets.length - 1, Math.floor((left / this.#svg.clientWidth) * buckets.length));
    if (!buckets[index]?.sum) return null;
    return [Math.floor(start + index * step), Math.ceil(start + (index + 1) * step)];
  }

  #drawBrush(from, to) {
    this.#tip.hidden = true;
    this.#brush.hidden = false;
    this.#brush.style.left = `${Math.min(from, to)}px`;
    this.#brush.style.width = `${Math.abs(to - from)}px`;
  }

  #hover(left) {
    if (!this.#data) return;
    const { buckets, start, end, step } = this.#data;
    const index = Math.min(buckets.length - 1, Math.floor((left / this.#svg.clientWidth) * buckets.length));
    const bucket = buckets[index];
    this.#tip.hidden = !bucket?.sum;
    if (!bucket?.sum) return;
    const lines = Object.entries(bucket.counts).map(([severity, count]) => make("div", "", `${severity.slice(0, 20)} ${count}`));
    this.#tip.replaceChildren(make("strong", "", axisTime(start + index * step, end - start)), ...lines);
    const width = this.#svg.clientWidth;
    this.#tip.style.left = `${Math.max(0, Math.min(width - 130, left + 12))}px`;
  }
}

function sumOf(values) {
  return values.reduce((sum, value) => sum + value, 0);
}
