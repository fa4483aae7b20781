// The time as two fields, for those who cannot drag over the histogram.

import { make } from "./text.js";

const TITLES = { since: "From (UTC)", until: "Until (UTC)" };

export class TimeRange {
  #fields = new Map();

  /** `onChange(change)` as for `Facets`. */
  constructor(element, onChange) {
    const group = make("div", "group times");
    for (const [name, title] of Object.entries(TITLES)) {
      const field = make("input");
      field.type = "datetime-local";
      field.step = "1";
      field.addEventListener("change", () => {
        const value = field.value && `${field.value}Z`;
        onChange((filters) => filters.with({ [name]: value }));
      });
      group.append(make("label", "", title, field));
      this.#fields.set(name, field);
    }
    element.append(group);
  }

  /** Show the time that the filters have; a field has whole seconds. */
  select(filters) {
    for (const [name, field] of this.#fields) {
      const time = new Date(filters[name]);
      field.value = Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(0, 19);
    }
  }
}
