// The list of events: a window over what may be 100,000 rows. Only the rows that can be seen are
// elements; they have one height, so that a row's place follows from its number.
//
// `rows` are a piece of what the filters select, newest first and without holes. At its top the list
// follows what arrives; scrolled away from it, what is read stays where it is.

import { fillRow, makeRow } from "./rows.js";

const ROW_HEIGHT = 30; // as in list.css
const OVERSCAN = 6;
// Rows that nobody has scrolled to are let go of while events arrive.
const KEPT_WHILE_FOLLOWING = 1000;
// Elements have a greatest height. Who wants to see more rows than these selects a time.
const ROWS_MAX = 500_000;
const NEAR_THE_END = 40;

export class EventList {
  rows = [];
  hasOlder = false;
  hasNewer = false;
  #slots = new Map();
  #active = null;
  #opened = null;
  #frame = 0;

  /**
   * `onOpen(event)`: a row was chosen. `onEnd("older" | "newer")`: the end of what is loaded is near.
   * `onScroll()`: the list was scrolled.
   */
  constructor(element, { onOpen, onEnd, onScroll }) {
    this.element = element;
    this.sheet = element.firstElementChild;
    this.onEnd = onEnd;
    element.addEventListener("scroll", () => {
      onScroll();
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(element);
    this.sheet.addEventListener("click", (click) => {
      const row = click.target.closest(".row");
      const event = row && this.rows[Number(row.dataset.index)];
      if (!event) return;
      this.activate(event.id);
      onOpen(event);
    });
  }

  get atTop() {
    return this.element.scrollTop < ROW_HEIGHT / 2;
  }

  get active() {
    return this.rows.find((event) => event.id === this.#active) ?? null;
  }

  /** Show these rows instead of all others. */
  replace(rows, { hasOlder, hasNewer = false, atEnd = false }) {
    this.rows = rows;
    this.hasOlder = hasOlder;
    this.hasNewer = hasNewer;
    this.#resize();
    this.element.scrollTop = atEnd ? this.sheet.offsetHeight : 0;
    this.draw();
  }

  /** Add newer rows at the top. Who is there sees them, unless `follow` is false; else nothing moves. */
  prepend(rows, { follow = true } = {}) {
    const follows = follow && this.atTop;
    this.rows = rows.concat(this.rows);
    if (follows && this.rows.length > KEPT_WHILE_FOLLOWING) {
      this.rows.length = KEPT_WHILE_FOLLOWING;
      this.hasOlder = true;
    }
    this.#resize();
    if (!follows) this.element.scrollTop += rows.length * ROW_HEIGHT;
    this.draw();
  }

  /** Add older rows at the end. */
  append(rows, hasOlder) {
    this.rows = this.rows.concat(rows);
    this.hasOlder = hasOlder && this.rows.length < ROWS_MAX;
    this.#resize();
    this.draw();
  }

  /** Make the row the one that the keys start from, and bring it into view. */
  activate(id) {
    this.#active = id;
    const index = this.rows.findIndex((event) => event.id === id);
    if (index >= 0) this.#reveal(index);
    this.draw();
  }

  /** Mark the row of the event that is open. */
  markOpened(id) {
    this.#opened = id;
    this.draw();
  }

  /** Move the active row by `step`; returns its event, or null where there is none. */
  move(step) {
    const index = this.rows.findIndex((event) => event.id === this.#active);
    const first = Math.ceil(this.element.scrollTop / ROW_HEIGHT);
    const wanted = index < 0 ? first : index + step;
    const event = this.rows[Math.max(0, Math.min(this.rows.length - 1, wanted))] ?? null;
    if (event) this.activate(event.id);
    return event;
  }

  /** The number of rows that fit into the window. */
  get pageSize() {
    return Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #resize() {
    this.sheet.style.height = `${this.rows.length * ROW_HEIGHT}px`;
  }

  #reveal(index) {
    const { scrollTop, clientHeight } = this.element;
    const top = index * ROW_HEIGHT;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight)
      this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
  }

  #draw() {
    this.#frame = 0;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - OVERSCAN);
    const end = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + OVERSCAN);
    // A row keeps its element while it is in the window: a step of one row changes one element.
    const size = Math.ceil(clientHeight / ROW_HEIGHT) + 2 * OVERSCAN + 1;
    let active = "";
    for (let slot = 0; slot < Math.max(size, this.#slots.size); slot++) {
      const index = first + ((((slot - first) % size) + size) % size);
      if (slot >= size || index >= end) this.#hide(slot);
      else {
        const row = this.#show(slot, index);
        if (this.rows[index].id === this.#active) active = row.id;
      }
    }
    if (active) this.element.setAttribute("aria-activedescendant", active);
    else this.element.removeAttribute("aria-activedescendant");
    if (this.hasOlder && end > this.rows.length - NEAR_THE_END) this.onEnd("older");
    if (this.hasNewer && first < NEAR_THE_END) this.onEnd("newer");
  }

  #show(slot, index) {
    const event = this.rows[index];
    let held = this.#slots.get(slot);
    if (!held) {
      held = { row: makeRow(`row-${slot}`), event: null, index: -1 };
      this.#slots.set(slot, held);
      this.sheet.append(held.row);
    }
    const { row } = held;
    if (held.event !== event) fillRow(row, event);
    if (held.index !== index) {
      row.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
      row.dataset.index = index;
      row.setAttribute("aria-posinset", index + 1);
    }
    row.setAttribute("aria-setsize", this.hasOlder || this.hasNewer ? -1 : this.rows.length);
    row.hidden = false;
    row.classList.toggle("active", event.id === this.#active);
    row.setAttribute("aria-selected", event.id === this.#opened);
    held.event = event;
    held.index = index;
    return row;
  }

  #hide(slot) {
    const held = this.#slots.get(slot);
    if (held && !held.row.hidden) held.row.hidden = true;
  }
}
