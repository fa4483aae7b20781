// One row of the list. Rows are elements that are used again for other events while one scrolls, so
// filling one must be cheap, and must leave nothing of the event before.

import { severityClass } from "./severities.js";
import { appendText, cut, make } from "./text.js";
import { shortTime } from "./times.js";

// More does not fit into a line.
const SUMMARY_MAX = 300;
const FIELD_MAX = 80;
const TAGS_MAX = 3;

export function makeRow(id) {
  const row = make("div", "row");
  row.id = id;
  row.setAttribute("role", "option");
  row.append(
    make("time", "when"),
    make("bdi", "severity"),
    make("bdi", "source"),
    make("span", "what"),
    make("span", "verdict"),
  );
  return row;
}

export function fillRow(row, event) {
  const [when, severity, source, what, verdict] = row.children;
  const [time, fraction] = shortTime(event.received).split(/(?=\.)/);
  when.replaceChildren(time ?? "", make("span", "fraction", fraction ?? ""));
  when.dateTime = event.received;
  row.dataset.severity = severityClass(event.severity);
  write(severity, event.severity, 14);
  write(source, [event.hostname, event.source].filter(Boolean).join(" · "), FIELD_MAX);
  const summary = make("bdi", "summary");
  write(summary, event.summary, SUMMARY_MAX);
  const tags = (event.tags ?? []).slice(0, TAGS_MAX).map((tag) => {
    const element = make("bdi", "tag");
    write(element, tag, 24);
    return element;
  });
  what.replaceChildren(summary, ...tags);
  const [word, ...others] = verdictOf(event);
  verdict.replaceChildren(...(word ? [word] : []));
  if (others.length) verdict.append(make("span", "others", `, ${others.join(", ")}`));
  verdict.dataset.kind = event.status !== "stored" ? "lost" : word ? "changed" : "";
}

/** What MozDef would have done to the event, in a word or two. */
function verdictOf({ status, kinds }) {
  return status === "stored" ? kinds : [status];
}

function write(element, value, limit) {
  const text = value === null || value === undefined ? "" : String(value);
  element.replaceChildren();
  const start = cut(text, limit);
  appendText(element, start.length < text.length ? `${start}…` : start);
}
