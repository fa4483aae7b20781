// JSON as it was written: numbers keep their digits, objects keep repeated names and their order,
// and NaN is allowed, as in Python. `JSON.parse` would hide just what this page is there to show.
//
// A node is {kind: "object", entries: [[name, node], ...]}, {kind: "array", entries: [[index, node],
// ...]}, {kind: "string", value}, or {kind: "number" | "literal", text}. Nothing here calls itself:
// events may be nested deeper than a stack.

const SCALAR = /(-?[0-9][0-9.eE+-]*)|(true|false|null|NaN|-?Infinity)/y;
const SPACE = /[ \t\n\r]*/y;

export class NotJSON extends Error {}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** Return the next character that is no space, without going past it. */
  peek() {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
    return this.text[this.at];
  }

  expect(character) {
    if (this.peek() !== character) throw new NotJSON(`no ${character} at ${this.at}`);
    this.at += 1;
  }

  accept(character) {
    if (this.peek() !== character) return false;
    this.at += 1;
    return true;
  }

  string() {
    this.expect('"');
    const start = this.at - 1;
    for (;;) {
      const end = this.text.indexOf('"', this.at);
      if (end < 0) throw new NotJSON("a string without an end");
      this.at = end + 1;
      let backslashes = 0;
      while (this.text[end - 1 - backslashes] === "\\") backslashes += 1;
      if (backslashes % 2 === 0) break;
    }
    const literal = this.text.slice(start, this.at);
    try {
      return JSON.parse(literal);
    } catch {
      throw new NotJSON(`a string that is none at ${start}`);
    }
  }

  scalar() {
    if (this.peek() === '"') return { kind: "string", value: this.string() };
    SCALAR.lastIndex = this.at;
    const match = SCALAR.exec(this.text);
    if (!match) throw new NotJSON(`no value at ${this.at}`);
    this.at = SCALAR.lastIndex;
    return { kind: match[1] === undefined ? "literal" : "number", text: match[0] };
  }
}

const END = { object: "}", array: "]" };

/** Parse `text`. Throws NotJSON. */
export function parse(text) {
  const reader = new Reader(text);
  const open = [];
  for (;;) {
    let node = null;
    if (reader.accept("{")) node = { kind: "object", entries: [] };
    else if (reader.accept("[")) node = { kind: "array", entries: [] };
    else node = reader.scalar();
    if (node.entries && reader.peek() !== END[node.kind]) {
      open.push({ node, name: beginEntry(reader, node) });
      continue;
    }
    if (node.entries) reader.at += 1;
    // `node` is complete, and perhaps completes those around it.
    for (;;) {
      const parent = open.at(-1);
      if (!parent) {
        if (reader.peek() !== undefined) throw new NotJSON(`more at ${reader.at}`);
        return node;
      }
      parent.node.entries.push([parent.name, node]);
      if (reader.accept(",")) {
        parent.name = beginEntry(reader, parent.node);
        break;
      }
      reader.expect(END[parent.node.kind]);
      node = open.pop().node;
    }
  }
}

/** Read what comes before a value: the name of an object's entry, or nothing. */
function beginEntry(reader, node) {
  if (node.kind === "array") return node.entries.length;
  reader.peek();
  const name = reader.string();
  reader.expect(":");
  return name;
}

/** Return the node of an object's entry; of repeated names the last one counts. */
export function entry(node, name) {
  return node?.kind === "object" ? node.entries.findLast(([key]) => key === name)?.[1] : undefined;
}

/** Return a string or number as JavaScript has it, and undefined for everything else. */
export function valueOf(node) {
  if (node?.kind === "string") return node.value;
  return node?.kind === "number" ? Number(node.text) : undefined;
}

/** Write a node as JSON, indented, with its digits as they were. */
export function write(node, indent = "  ") {
  const parts = [];
  const tasks = [{ node, depth: 0, before: "", after: "" }];
  while (tasks.length) {
    const task = tasks.pop();
    if (typeof task === "string") {
      parts.push(task);
      continue;
    }
    const { node: current, depth, before, after } = task;
    if (!current.entries?.length) {
      parts.push(before, head(current), after);
      continue;
    }
    const [open, close] = current.kind === "object" ? "{}" : "[]";
    parts.push(before, open, "\n");
    tasks.push(`${indent.repeat(Math.min(depth, 100))}${close}${after}`);
    const pad = indent.repeat(Math.min(depth + 1, 100));
    for (let index = current.entries.length - 1; index >= 0; index--) {
      const [name, child] = current.entries[index];
      tasks.push({
        node: child,
        depth: depth + 1,
        before: pad + (current.kind === "object" ? `${JSON.stringify(name)}: ` : ""),
        after: `${index < current.entries.length - 1 ? "," : ""}\n`,
      });
    }
  }
  return parts.join("");
}

function head(node) {
  if (node.entries) return node.kind === "object" ? "{}" : "[]";
  return node.kind === "string" ? JSON.stringify(node.value) : node.text;
}
