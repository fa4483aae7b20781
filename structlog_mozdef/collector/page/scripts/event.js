// One event, opened: what was sent beside what is stored, with each difference where it happens.

import { Failed, getText } from "./api.js";
import { lines, unplaced } from "./compare.js";
import { copy } from "./clipboard.js";
import { entry, NotJSON, parse, valueOf, write } from "./json.js";
import { severityClass } from "./severities.js";
import { appendCut, isolated, make } from "./text.js";
import { longTime } from "./times.js";

const LINES_AT_ONCE = 400;
const TEXT_MAX = 1000;
const INDENT_MAX = 12;

const LOSSES = ["dropped", "refused", "rejected"];
const VERDICTS = {
  stored: "Stored",
  dropped: "Dropped: MozDef loses it",
  refused: "Refused: the index does not take it",
  rejected: "Rejected: the sender sees an error",
};

export class EventView {
  #element;
  #loading = null;
  #onClose;
  #onStep;
  id = null;

  /** `onClose()` and `onStep(step)`: buttons of the event were used. */
  constructor(element, { onClose, onStep }) {
    this.#element = element;
    this.#onClose = onClose;
    this.#onStep = onStep;
  }

  close() {
    this.#loading?.abort();
    this.id = null;
    this.#element.hidden = true;
    this.#element.replaceChildren();
  }

  /** Load an event and show it. */
  async open(id, { focus = false } = {}) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.id = id;
    this.#element.hidden = false;
    try {
      const text = await getText(`events/${encodeURIComponent(id)}`, loading.signal);
      this.#show(id, parse(text));
    } catch (error) {
      if (loading.signal.aborted) return;
      if (!(error instanceof Failed) && !(error instanceof TypeError)) throw error;
      this.#showFailure(id, error);
    }
    if (focus) this.#focusText();
  }

  /** Show something else; the button that had the focus has it again, or else the text. */
  #replace(...children) {
    const focused = this.#element.contains(document.activeElement) ? document.activeElement : null;
    this.#element.replaceChildren(...children);
    if (!focused) return;
    const name = focused.getAttribute("aria-label");
    const buttons = [...this.#element.querySelectorAll("button")];
    const same = buttons.find((button) => button.getAttribute("aria-label") === name);
    if (same) same.focus();
    else this.#focusText();
  }

  /** The text is what scrolls, which keys do only to what has the focus. */
  #focusText() {
    (this.#element.querySelector(".body") ?? this.#element).focus();
  }

  #showFailure(id, error) {
    const gone = error.status === 404;
    const text = gone ? "This event is not stored any more." : `It could not be loaded: ${error.message}`;
    this.#replace(this.#bar(`Event ${id}`, []), make("p", "failure", text));
  }

  #show(id, answer) {
    const event = fieldsOf(answer);
    const stored = entry(answer, "stored");
    const storedNode = stored?.kind === "object" ? stored : null;
    const differences = (entry(answer, "differences")?.entries ?? []).map(([, node]) => fieldsOf(node));
    let sentNode = null;
    try {
      sentNode = parse(event.sent);
    } catch (error) {
      if (!(error instanceof NotJSON)) throw error;
    }
    const actions = [
      copyButton("Copy as JSON", () => write(answer)),
      copyButton("Copy link", () => new URL(`#event=${id}`, location.href).href),
    ];
    const body = make("div", "body", this.#summary(event), this.#reasons(event, sentNode, storedNode, differences));
    const heads = make("div", "heads", side("As sent", () => event.sent));
    heads.append(storedNode ? side("As stored by MozDef", () => write(storedNode)) : make("h3", "", "Nothing is stored"));
    body.append(heads, sentNode ? comparison(sentNode, storedNode, differences) : unparsed(event.sent, storedNode));
    body.tabIndex = 0;
    body.setAttribute("role", "group");
    body.setAttribute("aria-label", "As sent, and as stored");
    this.#replace(this.#bar(`Event ${id}`, actions), body);
    this.#element.setAttribute("aria-label", `Event ${id}`);
  }

  #bar(title, actions) {
    const step = (text, label, by) => {
      const button = make("button", "quiet", text);
      button.type = "button";
      button.setAttribute("aria-label", label);
      button.title = label;
      button.addEventListener("click", () => this.#onStep(by));
      return button;
    };
    const close = make("button", "quiet close", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close the event");
    close.title = "Close (Escape)";
    close.addEventListener("click", this.#onClose);
    const steps = [step("↑", "Newer event (k)", -1), step("↓", "Older event (j)", 1)];
    return make("div", "event-bar", make("h2", "", title), ...steps, make("span", "space"), ...actions, close);
  }

  #summary(event) {
    const severity = isolated("severity", String(event.severity ?? ""), 40);
    const line = make("p", "headline", severity, " ", isolated("summary", String(event.summary ?? ""), TEXT_MAX));
    line.dataset.severity = severityClass(event.severity);
    const verdict = make("span", "outcome", VERDICTS[event.status] ?? String(event.status));
    verdict.dataset.status = event.status;
    const facts = make("p", "facts", verdict, ` · received ${longTime(event.received)}`);
    return make("div", "summary-block", line, facts);
  }

  /** What is not about a line of the event, and why it is lost, if it is. */
  #reasons(event, sent, stored, differences) {
    const elsewhere = new Set(unplaced(sent, stored, differences));
    const list = make("ul", "reasons");
    for (const difference of differences) {
      const isReason = event.status !== "stored" && LOSSES.includes(difference.kind);
      if (!isReason && !elsewhere.has(difference)) continue;
      const item = make("li", "", ...noteParts(difference));
      item.dataset.kind = difference.kind;
      list.append(item);
    }
    return list.children.length ? list : "";
  }
}

/** Return what is a string or a number in an object. */
function fieldsOf(node) {
  return Object.fromEntries(node.entries.map(([name, child]) => [name, valueOf(child)]));
}

function side(title, text) {
  const heading = make("h3", "", title);
  return make("div", "side", heading, copyButton("Copy", text, `Copy what is ${title.slice(3)}`));
}

function copyButton(label, text, name = label) {
  const button = make("button", "quiet", label);
  button.type = "button";
  button.setAttribute("aria-label", name);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text())) ? "Copied" : "Not possible here";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

function unparsed(sent, stored) {
  const box = make("div", "compare unparsed");
  const left = make("bdi", "raw");
  appendCut(left, sent, 4000);
  const right = make("bdi", "raw");
  if (stored) appendCut(right, write(stored), 4000);
  box.append(left, right);
  return box;
}

function comparison(sent, stored, differences) {
  const box = make("div", "compare");
  const all = lines(sent, stored, differences);
  let count = 0;
  const fill = () => {
    for (let drawn = 0; drawn < LINES_AT_ONCE; drawn++) {
      const { value, done } = all.next();
      if (done) return;
      box.append(...lineElements(value, Boolean(stored)));
      count += 1;
    }
    const more = make("button", "more", `show more (${count} lines so far)`);
    more.type = "button";
    more.addEventListener("click", () => {
      more.remove();
      fill();
    });
    box.append(more);
  };
  fill();
  return box;
}

function lineElements(line, isStored) {
  const row = make("div", "line");
  row.dataset.state = line.notes.length ? "noted" : isStored ? line.state : "same";
  if (line.notes.some(({ kind }) => LOSSES.includes(kind))) row.dataset.kind = "lost";
  row.append(cell(line.sent, line.depth), cell(line.stored, line.depth));
  const notes = line.notes.map((difference) => {
    const note = make("div", "note", ...noteParts(difference));
    note.dataset.kind = difference.kind;
    return note;
  });
  return [row, ...notes];
}

function noteParts({ kind, path, reason }) {
  return [make("strong", "", kind), " ", isolated("path", path, 200), path ? " " : "", isolated("", reason, TEXT_MAX)];
}

function cell(content, depth) {
  const element = make("div", "cell");
  if (!content) return element;
  element.classList.add(`indent-${Math.min(depth, INDENT_MAX)}`);
  if (depth > INDENT_MAX) element.append(make("span", "depth", `${depth}▸ `));
  const { name, node, close } = content;
  if (name !== null) {
    const key = isolated(typeof name === "number" ? "index" : "name", String(name), 200);
    element.append(key, ": ");
  }
  if (node.entries) {
    const [open, end] = node.kind === "object" ? "{}" : "[]";
    element.append(close ? end : node.entries.length ? open : open + end);
  } else if (node.kind === "string") element.append('"', isolated("string", node.value, TEXT_MAX), '"');
  else element.append(isolated(node.kind, node.text, TEXT_MAX));
  return element;
}

