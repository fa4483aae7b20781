// What keeps the list up to date: pages of older and newer events as one scrolls, and the events
// that arrive. While the list is paused, or scrolled away from its top, they are only counted.

import { Failed, getJSON, live } from "./api.js";

const PAGE = 200;

export class Feed {
  paused = false;
  waiting = 0;
  state = "connecting"; // or "live", "lost"
  #close = null;
  #loading = null;
  #arrivedMeanwhile = null;
  #isFromOldest = false;
  #isRejected = false;
  #filters;

  /** `onChange()`: the state, the number of waiting events or the rows changed. */
  constructor(list, { onChange, onTotals, onArrived, onError }) {
    this.list = list;
    Object.assign(this, { onChange, onTotals, onArrived, onError });
  }

  /** Show what these filters select, from the newest on. */
  start(filters) {
    this.#filters = filters;
    this.stop();
    this.state = "connecting";
    this.waiting = 0;
    this.onChange();
    // First the stream, then the list: no event can fall between the two.
    this.#openStream({}, () => this.newest());
  }

  /** Nobody looks: close the stream, but keep the rows. */
  sleep() {
    this.stop();
    this.state = "asleep";
  }

  /** Go on where `sleep` stopped, if what is shown is still there. */
  async wake() {
    if (this.state !== "asleep") return;
    this.state = "connecting";
    this.onChange();
    const newest = this.list.rows[0];
    if (newest && (await this.#isStillThere(newest))) this.#openStream({ after: newest.id }, () => {});
    else this.start(this.#filters);
  }

  /** After a lost connection the collector sends what was missed. */
  #openStream(extra, onFirstOpen) {
    let isFirst = true;
    const filters = this.#filters;
    this.#close = live(filters.params(extra), {
      onOpen: () => {
        this.state = "live";
        if (isFirst) onFirstOpen();
        isFirst = false;
        this.onChange();
      },
      onEvents: (message) => this.#arrived(message),
      onCleared: () => {
        this.waiting = 0;
        this.newest();
        this.onArrived([]);
      },
      onLost: (isFinal) => {
        this.state = "lost";
        this.onChange();
        if (isFinal) this.#explain(filters);
      },
    });
  }

  async #isStillThere(event) {
    try {
      return (await getJSON(`events/${event.id}`)).received === event.received;
    } catch {
      return false; // cleared, too old, or of a collector that is gone
    }
  }

  stop() {
    this.#loading?.abort();
    this.#loading = null;
    this.#close?.();
    this.#close = null;
  }

  pause() {
    this.paused = true;
    this.onChange();
  }

  resume() {
    this.paused = false;
    return this.newest();
  }

  /** Load the newest events, and follow them from then on. */
  async newest() {
    const messages = (this.#arrivedMeanwhile = []);
    const page = await this.#load({ order: "newest" });
    if (this.#arrivedMeanwhile === messages) this.#arrivedMeanwhile = null;
    if (!page) return;
    this.waiting = 0;
    this.#isFromOldest = false;
    this.list.replace(page.events, { hasOlder: page.more });
    for (const message of messages) this.#add(message);
    this.onChange();
  }

  /** Load the oldest events: the list can be read from its other end, too. */
  async oldest() {
    const page = await this.#load({ order: "oldest" });
    if (!page) return;
    const rows = page.events.reverse();
    this.#isFromOldest = page.more;
    this.list.replace(rows, { hasOlder: false, hasNewer: page.more, atEnd: true });
    this.onChange();
  }

  /** Load what comes next in one direction. */
  async more(direction) {
    if (this.#loading || (direction === "newer" && this.paused)) return;
    // A reader who scrolls to the top wants to follow again, unless they come from the oldest events.
    if (direction === "newer" && this.list.atTop && !this.#isFromOldest) {
      await this.newest();
      return;
    }
    const { rows } = this.list;
    if (direction === "older") {
      const page = await this.#load({ before: rows.at(-1).id, order: "newest" });
      if (page && this.list.rows.at(-1) === rows.at(-1)) this.list.append(page.events, page.more);
    } else {
      const page = await this.#load({ after: rows[0].id, order: "oldest" });
      if (!page || this.list.rows[0] !== rows[0]) return;
      this.list.hasNewer = page.more;
      this.#isFromOldest &&= page.more;
      this.waiting = page.more ? Math.max(0, this.waiting - page.events.length) : 0;
      this.list.prepend(page.events.reverse(), { follow: !page.more });
    }
    this.onChange();
  }

  #arrived({ events, skipped = 0, totals }) {
    if (totals) this.onTotals(totals);
    // What is being loaded may have been read before these arrived.
    if (this.#arrivedMeanwhile) this.#arrivedMeanwhile.push({ events, skipped });
    else this.#add({ events, skipped });
    if (events.length) this.onArrived(events, skipped);
  }

  #add({ events, skipped }) {
    const newest = this.list.rows[0]?.id ?? -1;
    const fresh = events.filter((event) => event.id > newest).sort((one, other) => other.id - one.id);
    if (!fresh.length) return;
    if (this.paused || !this.list.atTop || this.list.hasNewer) {
      this.waiting += fresh.length + skipped;
      this.list.hasNewer = true;
    } else if (skipped) {
      // What was skipped would be a hole: it is loaded from the collector if one scrolls there.
      this.list.replace(fresh, { hasOlder: true });
    } else this.list.prepend(fresh);
    this.onChange();
  }

  /** The collector does not send events: show those that are there, or why it will not. */
  async #explain(filters) {
    await this.newest();
    if (this.#filters !== filters || this.#isRejected) return;
    setTimeout(() => {
      if (this.state === "lost" && this.#filters === filters) this.start(filters);
    }, 2000);
  }

  /** Load a page; returns nothing if it failed, or if something newer was asked for meanwhile. */
  async #load(extra) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    try {
      return await getJSON("events", this.#filters.params({ limit: PAGE, ...extra }), loading.signal);
    } catch (error) {
      if (error instanceof Failed) this.onError(error.message);
      this.#isRejected = error.status === 400;
      return null;
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }
}
