// What was sent beside what is stored, line by line.
//
// A line is {depth, sent, stored, path, state, notes}; `sent` and `stored` are {name, node, close} or
// null where that side has nothing. Nothing here calls itself: events may be nested deeper than a
// stack, and have more lines than anybody reads, so that lines are made one after the other.

/**
 * Yield the lines. `differences` are attached to the line of their path; for those whose path is on
 * no line, see `unplaced`.
 */
export function* lines(sent, stored, differences) {
  const notes = new Map();
  const renamed = new Map();
  for (const difference of differences) {
    if (!notes.has(difference.path)) notes.set(difference.path, []);
    notes.get(difference.path).push(difference);
    const { path, stored_path: target } = difference;
    if (target && target !== path) renamed.set(path, target);
  }
  const targets = new Set(renamed.values());
  const tasks = [{ sent, stored, path: "", name: null, depth: 0 }];
  while (tasks.length) {
    const task = tasks.pop();
    if (task.line) {
      yield task.line;
      continue;
    }
    const { path, name, storedName = name, depth } = task;
    yield {
      depth,
      path,
      sent: task.sent ? { name, node: task.sent } : null,
      stored: task.stored ? { name: storedName, node: task.stored } : null,
      state: targets.has(path) || storedName !== name ? "renamed" : stateOf(task.sent, task.stored),
      notes: (path && notes.get(path)) || [],
    };
    const isOpen = [task.sent, task.stored].map((node) => Boolean(node?.entries?.length));
    if (!isOpen[0] && !isOpen[1]) continue;
    tasks.push({
      line: {
        depth,
        path,
        sent: isOpen[0] ? { name: null, node: task.sent, close: true } : null,
        stored: isOpen[1] ? { name: null, node: task.stored, close: true } : null,
        state: isOpen[0] && isOpen[1] ? "same" : isOpen[0] ? "removed" : "added",
        notes: [],
      },
    });
    const children = pairs(task.sent, task.stored, path ? `${path}.` : "", renamed);
    for (let index = children.length - 1; index >= 0; index--) {
      const child = children[index];
      tasks.push({ ...child, path: path ? `${path}.${child.name}` : String(child.name), depth: depth + 1 });
    }
  }
}

/**
 * Pair the entries of two nodes by name: in the order of the first, then what only the second has. An
 * entry that was renamed beside its neighbours is paired with its new name.
 */
function pairs(sent, stored, prefix, renamed) {
  const known = new Map(stored?.entries ?? []);
  const seen = new Set();
  const result = [];
  const own = new Set((sent?.entries ?? []).map(([name]) => name));
  // From the end: of a name that was sent twice, the last one is stored.
  for (const [name, node] of [...(sent?.entries ?? [])].reverse()) {
    const target = renamed.get(prefix + name);
    const storedName = target?.startsWith(prefix) ? target.slice(prefix.length) : name;
    const isFree = known.has(storedName) && !seen.has(storedName) && (storedName === name || !own.has(storedName));
    if (isFree) {
      seen.add(storedName);
      result.push({ name, storedName, sent: node, stored: known.get(storedName) });
    } else result.push({ name, sent: node, stored: undefined });
  }
  result.reverse();
  for (const [name, node] of known) if (!seen.has(name)) result.push({ name, sent: undefined, stored: node });
  return result;
}

function stateOf(sent, stored) {
  if (!sent) return "added";
  if (!stored) return "removed";
  if (sent.kind !== stored.kind) return "changed";
  if (sent.entries) return "same";
  if (sent.kind === "string") return sent.value === stored.value ? "same" : "changed";
  return sent.text === stored.text || isSameNumber(sent, stored) ? "same" : "changed";
}

/** 1e3 and 1000.0 are the same number; large integers are compared by their digits. */
function isSameNumber(sent, stored) {
  const value = Number(sent.text);
  return sent.kind === "number" && value === Number(stored.text) && Math.abs(value) < 2 ** 53;
}

/** The differences whose path is on no line. */
export function unplaced(sent, stored, differences) {
  return differences.filter(({ path }) => !path || !(reaches(sent, path) || reaches(stored, path)));
}

/** Whether a dotted path leads to something; names may have dots themselves. */
function reaches(node, path) {
  const open = [{ node, path }];
  while (open.length) {
    const { node: parent, path: rest } = open.pop();
    for (const [name, child] of parent?.entries ?? []) {
      if (rest === String(name)) return true;
      if (rest.startsWith(`${name}.`)) open.push({ node: child, path: rest.slice(String(name).length + 1) });
    }
  }
  return false;
}
