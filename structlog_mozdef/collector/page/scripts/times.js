// Times are UTC on the whole page, as MozDef's are, and numbers are written as in English.

const DAY = 24 * 3600 * 1000;

/** "10:32:07.123", with the date before it where that is not today's. */
export function shortTime(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  const text = time.toISOString();
  const today = Math.floor(Date.now() / DAY) === Math.floor(time.getTime() / DAY);
  return today ? text.slice(11, 23) : `${text.slice(5, 10)} ${text.slice(11, 19)}`;
}

/** "2026-01-31 10:32:07.123 UTC". */
export function longTime(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  return `${time.toISOString().slice(0, 23).replace("T", " ")} UTC`;
}

/** A label for an axis that covers `span` milliseconds. */
export function axisTime(milliseconds, span) {
  const text = new Date(milliseconds).toISOString();
  if (span > 2 * DAY) return text.slice(0, 16).replace("T", " ");
  if (span > 10_000) return text.slice(11, 19);
  return text.slice(11, 23);
}

export function number(value) {
  return Number(value ?? 0).toLocaleString("en");
}

/** "1 event", "2 events". */
export function counted(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}
