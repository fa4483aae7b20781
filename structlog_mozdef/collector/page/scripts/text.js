// Text of events is only ever data. What cannot be seen, or would change how the rest is read, is
// shown as the escape that JSON has for it; what is long is cut.

// Control characters, soft hyphen, characters of no width, separators of lines, all that changes
// the direction of text, fillers and blanks that are letters, "tag" characters, and halves of
// surrogate pairs. Variation selectors stay: emoji have them.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e01ef}]|[\ud800-\udfff]/gu;

const SHORT = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r" };

const NAMES = {
  "\u061c": "Arabic letter mark",
  "\u200b": "zero-width space",
  "\u200e": "left-to-right mark",
  "\u200f": "right-to-left mark",
  "\u202a": "left-to-right embedding",
  "\u202b": "right-to-left embedding",
  "\u202c": "end of an embedding or override",
  "\u202d": "left-to-right override",
  "\u202e": "right-to-left override",
  "\u2066": "left-to-right isolate",
  "\u2067": "right-to-left isolate",
  "\u2068": "first strong isolate",
  "\u2069": "end of an isolate",
  "\ufeff": "byte order mark",
};

// So many are elements of their own; a text of nothing else must not become 100,000 elements.
const MARKS_MAX = 200;

function escapeOf(character) {
  if (SHORT[character]) return SHORT[character];
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Return `text` with escapes for what cannot be seen. */
function visible(text) {
  return text.replace(HIDDEN, escapeOf);
}

/** Return at most `limit` characters of `text`, never half of a pair. */
export function cut(text, limit) {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit);
}

/** Append `text` to `element`: text nodes, and a marked element for what cannot be seen. */
export function appendText(element, text) {
  let end = 0;
  let marks = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (marks++ === MARKS_MAX) break;
    if (match.index > end) element.append(text.slice(end, match.index));
    element.append(markOf(match[0]));
    end = match.index + match[0].length;
  }
  if (end < text.length) element.append(visible(text.slice(end)));
}

function markOf(character) {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.textContent = escapeOf(character);
  const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  mark.title = `U+${code} ${NAMES[character] ?? "cannot be seen"}`;
  return mark;
}

/** Append at most `limit` characters of `text`, with a button that shows the rest. */
export function appendCut(element, text, limit) {
  const start = cut(text, limit);
  appendText(element, start);
  if (start.length === text.length) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "more";
  button.textContent = `show all (${text.length.toLocaleString("en")} characters)`;
  button.addEventListener("click", () => {
    button.remove();
    appendText(element, text.slice(start.length));
  });
  element.append(button);
}

/** Create an element with a class and children; strings become text. */
export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** An element whose text has a direction of its own, which cannot change that of its neighbours. */
export function isolated(className, text, limit = 2000) {
  const element = make("bdi", className);
  appendCut(element, text, limit);
  return element;
}
