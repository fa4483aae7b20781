// The keyboard. Single keys can be switched off, for those who speak to their computer, and never
// reach further than the field or the dialog that one is in.

import { make } from "./text.js";

const STORED_AS = "collector-keys";

/**
 * Listen to keys. `actions` are [keys, names of the keys, what it does, function]; a key is as in
 * `KeyboardEvent.key`.
 */
export function listenToKeys(actions, { list, help, box }) {
  const known = new Map(actions.flatMap(([keys, , , action]) => keys.map((key) => [key, action])));
  for (const [, names, text] of actions) {
    const keys = names.flatMap((name, index) => [index ? " " : "", make("kbd", "", name)]);
    help.append(make("dt", "", ...keys), make("dd", "", text));
  }
  box.checked = recall() !== "off";
  box.addEventListener("change", () => remember(box.checked ? "on" : "off"));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const isSingle = event.key.length === 1;
    if (isSingle && !box.checked) return;
    if (event.key !== "Escape" && belongsTo(event.target, event.key, list)) return;
    const action = known.get(event.key);
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

/** Whether the element that has the focus does something with the key. */
function belongsTo(target, key, list) {
  if (target.matches("input:not([type=checkbox]), textarea, select")) return true;
  const isArrow = key.length > 1 && key !== "Enter";
  if (isArrow) return !(target === list || target === document.body);
  const isControl = target.matches("a, button, input, summary");
  return isControl && (key === " " || key === "Enter");
}

// A browser may keep a page from storing anything.
function recall() {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(STORED_AS, value);
  } catch {
    // it is on again after a reload
  }
}
