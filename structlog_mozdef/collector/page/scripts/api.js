// The collector's API. Addresses are relative, so that the page also works below a path of a proxy.

const ROOT = "api/v1/";

export class Failed extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function address(path, params) {
  const query = params?.toString();
  return query ? `${ROOT}${path}?${query}` : ROOT + path;
}

async function request(path, params, options) {
  const response = await fetch(address(path, params), options);
  if (response.ok) return response;
  let message = `The collector answered ${response.status}.`;
  try {
    message = (await response.json()).error ?? message;
  } catch {
    // an answer without a reason
  }
  throw new Failed(response.status, String(message));
}

export async function getJSON(path, params, signal) {
  return (await request(path, params, { signal })).json();
}

/** As text, for what `JSON.parse` would change. */
export async function getText(path, signal) {
  return (await request(path, undefined, { signal })).text();
}

export async function deleteAll() {
  await request("events", undefined, { method: "DELETE" });
}

/** Open the stream of events as they arrive; returns a function that closes it. */
export function live(params, { onOpen, onEvents, onCleared, onLost }) {
  const source = new EventSource(address("live", params));
  source.addEventListener("open", onOpen);
  source.addEventListener("events", (message) => onEvents(JSON.parse(message.data)));
  source.addEventListener("cleared", onCleared);
  source.addEventListener("error", () => onLost(source.readyState === EventSource.CLOSED));
  return () => source.close();
}

/**
 * Call `load` again and again: soon after `touch()`, never twice at the same time, and the less
 * often the longer the collector takes for it, so that the page never keeps it busy.
 */
export class Refresher {
  #load;
  #pause;
  #timer = null;
  #running = null;
  #again = false;
  #last = -Infinity;

  constructor(load, pause = 1000) {
    this.#load = load;
    this.#pause = pause;
  }

  touch() {
    if (this.#running) this.#again = true;
    else if (this.#timer === null) {
      const wait = Math.max(0, this.#last + this.#pause - performance.now());
      this.#timer = setTimeout(() => this.#run(), wait);
    }
  }

  /** What was asked for is out of date: ask again at once. */
  now() {
    this.#running?.abort();
    this.#running = null;
    clearTimeout(this.#timer);
    this.#run();
  }

  async #run() {
    this.#timer = null;
    this.#again = false;
    const running = (this.#running = new AbortController());
    const begin = performance.now();
    try {
      await this.#load(running.signal);
    } catch {
      // the next one may succeed; that the connection is lost is said elsewhere
    }
    if (this.#running !== running) return;
    this.#running = null;
    this.#last = performance.now() + 4 * (performance.now() - begin);
    if (this.#again) this.touch();
  }
}
