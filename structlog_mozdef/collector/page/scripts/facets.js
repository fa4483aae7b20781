// The filters at the side: what there is to choose from, with the number of events of each.

import { getJSON } from "./api.js";
import { LISTS } from "./filters.js";
import { bySeverity, severityClass } from "./severities.js";
import { appendText, cut, make } from "./text.js";
import { number } from "./times.js";

const TITLES = { severity: "Severity", category: "Category", source: "Source", tag: "Tag", hostname: "Host" };
const SHOWN = 8;
const VALUE_MAX = 60;

export class Facets {
  #element;
  #groups = new Map();
  #flags = new Map();
  #onChange;
  #filters = null;
  #counts = {};
  #opened = new Set();

  /** `onChange(change)`: a value was switched; `change(filters)` returns the filters with it. */
  constructor(element, onChange) {
    this.#element = element;
    this.#onChange = onChange;
    this.#addFlags();
    for (const name of LISTS) this.#addGroup(name);
  }

  /** Show which values the filters have. */
  select(filters) {
    this.#filters = filters;
    for (const [name, box] of this.#flags) box.checked = filters[name];
    for (const name of LISTS) this.#draw(name);
  }

  /**
   * Ask for the counts. Those of a list do not depend on what is chosen in it: what could be chosen
   * besides would otherwise be zero.
   */
  async load(signal) {
    const filters = this.#filters;
    const chosen = LISTS.filter((name) => filters[name].length);
    const requests = [filters, ...chosen.map((name) => filters.with({ [name]: [] }))];
    const [all, ...others] = await Promise.all(
      requests.map((each) => getJSON("facets", each.params(), signal)),
    );
    if (filters !== this.#filters) return;
    this.#counts = { ...all };
    chosen.forEach((name, index) => (this.#counts[name] = others[index][name]));
    for (const name of LISTS) this.#draw(name);
  }

  #addFlags() {
    const texts = {
      differing: "Only what MozDef would drop, rename or mangle",
      lost: "Only what is not stored",
    };
    const group = make("div", "flags");
    for (const [name, text] of Object.entries(texts)) {
      const box = make("input");
      box.type = "checkbox";
      box.id = `flag-${name}`;
      box.addEventListener("change", () =>
        this.#onChange((filters) => filters.with({ [name]: box.checked })),
      );
      group.append(make("label", "", box, make("span", "", text)));
      this.#flags.set(name, box);
    }
    this.#element.append(group);
  }

  #addGroup(name) {
    const title = make("h2", "", TITLES[name]);
    title.id = `facet-${name}`;
    const list = make("ul");
    list.setAttribute("aria-labelledby", title.id);
    const more = make("button", "more");
    more.type = "button";
    more.hidden = true;
    more.addEventListener("click", () => {
      if (!this.#opened.delete(name)) this.#opened.add(name);
      this.#draw(name);
    });
    const section = make("div", "group", title, list, more);
    section.hidden = true;
    this.#element.append(section);
    this.#groups.set(name, { section, list, more, drawn: "" });
  }

  #draw(name) {
    const group = this.#groups.get(name);
    const values = this.#values(name);
    const opened = this.#opened.has(name);
    const shown = opened ? values.slice(0, 200) : values.slice(0, SHOWN);
    // An element that is not changed keeps the focus, and a click that is under way.
    const state = JSON.stringify([shown, this.#filters?.[name], values.length]);
    if (state === group.drawn) return;
    group.drawn = state;
    group.section.hidden = !values.length;
    const kept = new Map([...group.list.children].map((item) => [item.firstElementChild.dataset.value, item]));
    const items = shown.map(({ value, count }) => this.#item(name, String(value), count, kept.get(String(value))));
    if (items.length !== kept.size || items.some((item, index) => item !== group.list.children[index])) {
      const focused = group.list.contains(document.activeElement) ? document.activeElement : null;
      group.list.replaceChildren(...items);
      focused?.focus({ preventScroll: true });
    }
    group.more.hidden = values.length <= SHOWN;
    group.more.textContent = opened ? "Fewer" : `${values.length - SHOWN} more`;
    group.more.setAttribute("aria-expanded", opened);
  }

  /** What the collector counted, and what is chosen although nothing has it (any more). */
  #values(name) {
    const counted = this.#counts[name] ?? [];
    const known = new Set(counted.map(({ value }) => value));
    const others = (this.#filters?.[name] ?? []).filter((value) => !known.has(value));
    const values = [...counted, ...others.map((value) => ({ value, count: 0 }))];
    return name === "severity" ? values.sort((one, other) => bySeverity(one.value, other.value)) : values;
  }

  #item(name, value, count, kept) {
    const item = kept ?? this.#makeItem(name, value);
    const button = item.firstElementChild;
    button.setAttribute("aria-pressed", this.#filters?.[name].includes(value) ?? false);
    const text = number(count);
    if (button.lastElementChild.textContent !== text) button.lastElementChild.textContent = text;
    return item;
  }

  #makeItem(name, value) {
    const text = make("bdi", "value");
    const start = cut(value, VALUE_MAX);
    appendText(text, value === "" ? "(empty)" : start.length < value.length ? `${start}…` : start);
    const button = make("button", "facet", text, make("span", "count"));
    button.type = "button";
    button.dataset.value = value;
    if (name === "severity") button.dataset.severity = severityClass(value);
    button.addEventListener("click", () => this.#onChange((filters) => filters.toggled(name, value)));
    return make("li", "", button);
  }
}
