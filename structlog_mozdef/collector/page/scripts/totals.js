// What arrived and what became of it, whatever the filters are.

import { make } from "./text.js";
import { number } from "./times.js";

const TITLES = {
  received: "Received",
  stored: "Stored",
  refused: "Refused",
  dropped: "Dropped",
  forgotten: "Forgotten",
};
const HINTS = {
  refused: "MozDef's index does not take them",
  dropped: "MozDef loses them",
  forgotten: "The oldest ones went, since the collector keeps a limited number",
};

export class Totals {
  #values = new Map();
  /** How many events the collector has now. */
  kept = 0;

  constructor(element) {
    for (const [name, title] of Object.entries(TITLES)) {
      const value = make("dd", "", "–");
      const pair = make("div", `total-${name}`, make("dt", "", title), value);
      if (HINTS[name]) pair.title = HINTS[name];
      element.append(pair);
      this.#values.set(name, { value, pair });
    }
  }

  show(totals) {
    this.kept = totals.received - totals.forgotten;
    for (const [name, { value, pair }] of this.#values) {
      value.textContent = number(totals[name]);
      pair.classList.toggle("zero", !totals[name]);
    }
    this.#values.get("forgotten").pair.hidden = !totals.forgotten;
  }
}
