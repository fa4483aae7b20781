// What is selected, as words that can be taken away one by one.

import { LISTS } from "./filters.js";
import { isolated, make } from "./text.js";
import { longTime } from "./times.js";

/** Show the filters in `element`; `onChange(change)` as for `Facets`. */
export function showChosen(element, filters, onChange) {
  const chips = [];
  const add = (text, label, change) => {
    const button = make("button", "chip", label, " ", isolated("", text, 40), " ✕");
    button.type = "button";
    button.setAttribute("aria-label", `Remove the filter ${label} ${text.slice(0, 40)}`);
    button.addEventListener("click", () => onChange(change));
    chips.push(button);
  };
  for (const name of LISTS)
    for (const value of filters[name]) add(value || "(empty)", name, (now) => now.toggled(name, value));
  if (filters.text) add(filters.text, "text", (now) => now.with({ text: "" }));
  if (filters.differing) add("differs", "", (now) => now.with({ differing: false }));
  if (filters.status.length) add(filters.status.join(" or "), "status", (now) => now.with({ status: [] }));
  if (filters.since || filters.until) {
    const text = `${longTime(filters.since) || "…"} – ${longTime(filters.until) || "…"}`;
    add(text, "", (now) => now.with({ since: "", until: "" }));
  }
  if (chips.length > 1) {
    const all = make("button", "more", "Clear all filters");
    all.type = "button";
    all.addEventListener("click", () => onChange((now) => now.cleared()));
    chips.push(all);
  }
  element.replaceChildren(...chips);
  element.hidden = !chips.length;
}
