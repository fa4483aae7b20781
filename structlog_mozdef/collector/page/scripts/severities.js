// Severities in the order of RFC 5424, and the class that gives each its colour. Any other value is
// shown as it is, in the colour of what is not known.

const SEVERITIES = [
  "EMERGENCY",
  "ALERT",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "NOTICE",
  "INFO",
  "DEBUG",
];

const CLASSES = {
  EMERGENCY: "critical",
  ALERT: "critical",
  CRITICAL: "critical",
  ERROR: "error",
  WARNING: "warning",
  WARN: "warning",
  NOTICE: "notice",
  INFO: "info",
  DEBUG: "debug",
};

/** From the bottom of a histogram's bar to its top. */
export const CLASS_ORDER = ["critical", "error", "warning", "notice", "info", "debug", "other"];

export function severityClass(severity) {
  return Object.hasOwn(CLASSES, severity) ? CLASSES[severity] : "other";
}

export function bySeverity(one, other) {
  const rank = (name) => (SEVERITIES.includes(name) ? SEVERITIES.indexOf(name) : SEVERITIES.length);
  return rank(one) - rank(other);
}
