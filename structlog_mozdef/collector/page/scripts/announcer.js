// What a screen reader says of events that arrive: now and then a sentence, not each event.

import { counted } from "./times.js";

// What arrives together is one sentence, and the next one comes no sooner than this.
const GATHER = 1000;
const PAUSE = 10_000;

export class Announcer {
  #element;
  #events = 0;
  #errors = 0;
  #timer = null;
  #last = -PAUSE;

  constructor(element) {
    this.#element = element;
  }

  arrived(events, skipped = 0) {
    this.#events += events.length + skipped;
    this.#errors += events.filter(({ status }) => status !== "stored").length;
    const wait = Math.max(GATHER, this.#last + PAUSE - performance.now());
    if (this.#events) this.#timer ??= setTimeout(() => this.#sayCounts(), wait);
  }

  /** Say something at once, that the user asked for. */
  say(text) {
    this.#element.textContent = text;
  }

  #sayCounts() {
    const lost = this.#errors ? `, ${this.#errors} of them not stored` : "";
    this.say(`${counted(this.#events, "new event")}${lost}`);
    this.#events = this.#errors = 0;
    this.#timer = null;
    this.#last = performance.now();
  }
}
