// Whether anything is missing: the numbers of each stream, that is, of each process that logged.

import { getJSON } from "./api.js";
import { appendText, cut, isolated, make } from "./text.js";
import { counted, number } from "./times.js";

const RANGES_SHOWN = 20;

export class Streams {
  #button;
  #table;
  #streams = [];
  #unseen = 0;

  constructor(button, table, dialog) {
    this.#button = button;
    this.#table = table;
    button.addEventListener("click", () => {
      this.#draw();
      dialog.showModal();
    });
  }

  async load(signal) {
    const answer = await getJSON("streams", undefined, signal);
    this.#streams = answer.streams;
    this.#unseen = answer.unseen;
    const missing = this.#streams.reduce((sum, stream) => sum + stream.missing, 0);
    this.#button.dataset.state = !this.#streams.length ? "none" : missing ? "gaps" : "whole";
    const names = counted(this.#streams.length, "stream");
    const text = missing ? `${counted(missing, "event")} missing` : "nothing missing";
    this.#button.textContent = this.#streams.length ? `${names}, ${text}` : "No numbered streams";
    if (this.#table.closest("dialog").open) this.#draw();
  }

  #draw() {
    if (!this.#streams.length) {
      const text = "No event with a stream_id and a sequence has arrived. The processors of structlog-mozdef add them.";
      this.#table.replaceChildren(make("p", "muted", text));
      return;
    }
    const head = make("tr");
    for (const title of ["Process", "Numbers", "Received", "Missing", "Repeats", "Ended"]) {
      const cell = make("th", "", title);
      cell.scope = "col";
      head.append(cell);
    }
    const body = make("tbody", "", ...this.#streams.slice(0, 200).map(rowOf));
    this.#table.replaceChildren(make("table", "", make("thead", "", head), body));
    if (this.#unseen) {
      const text = `${counted(this.#unseen, "event")} went before their numbers were read: gaps may be theirs.`;
      this.#table.append(make("p", "muted", text));
    }
  }
}

function rowOf(stream) {
  const process = make("th", "");
  process.scope = "row";
  appendText(process, cut(String(stream.process ?? "unknown"), 60));
  process.append(isolated("id", String(stream.stream_id).slice(0, 60)));
  const { missing } = stream;
  const gaps = make("td", missing ? "gaps" : "whole", missing ? `${number(missing)}: ${rangesOf(stream)}` : "none");
  return make(
    "tr",
    "",
    process,
    make("td", "", numbersOf(stream)),
    make("td", "", number(stream.received)),
    gaps,
    make("td", "", number(stream.repeats)),
    make("td", "", stream.ended ? "yes" : "not yet"),
  );
}

function numbersOf({ first, last, began }) {
  return `${number(first)}–${number(last)}${began ? "" : ", began before"}`;
}

function rangesOf({ gaps, more_gaps: isCut }) {
  const shown = gaps.slice(0, RANGES_SHOWN).map(([first, last]) => (first === last ? number(first) : `${number(first)}–${number(last)}`));
  return shown.join(", ") + (isCut || gaps.length > shown.length ? ", …" : "");
}
