// The page: makes the parts and connects them. What is selected and which event is open stand in the
// page's address, which alone decides what is shown.

import { Announcer } from "./announcer.js";
import { address, deleteAll, getJSON, Refresher } from "./api.js";
import { showChosen } from "./chosen.js";
import { EventView } from "./event.js";
import { Facets } from "./facets.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { Histogram } from "./histogram.js";
import { listenToKeys } from "./keys.js";
import { EventList } from "./list.js";
import { Streams } from "./streams.js";
import { isolated, make } from "./text.js";
import { TimeRange } from "./time_range.js";
import { counted, number } from "./times.js";
import { Totals } from "./totals.js";

const TYPING_PAUSE = 250;

const element = (id) => document.getElementById(id);

let filters = new Filters(location.search);

const announcer = new Announcer(element("announcements"));
const totals = new Totals(element("totals"));
const list = new EventList(element("list"), {
  onOpen: ({ id }) => open(id),
  onEnd: (direction) => feed.more(direction),
  onScroll: () => showState(),
});
const view = new EventView(element("event"), { onClose: () => close(), onStep: (step) => move(step) });
const facets = new Facets(element("filters"), select);
const times = new TimeRange(element("filters"), select);
const streams = new Streams(element("streams"), element("streams-table"), element("streams-dialog"));
const histogram = new Histogram(element("histogram"), (since, until) =>
  select((now) => now.with({ since, until })),
);
const feed = new Feed(list, {
  onChange: showState,
  onTotals: (numbers) => totals.show(numbers),
  onArrived(events, skipped) {
    announcer.arrived(events, skipped);
    for (const refresher of refreshers) refresher.touch();
  },
  onError: complain,
});
const refreshers = [
  new Refresher(async (signal) => {
    histogram.show(await getJSON("histogram", filters.params({ buckets: histogram.buckets }), signal));
  }),
  new Refresher((signal) => facets.load(signal), 1500),
  new Refresher((signal) => streams.load(signal), 2000),
  new Refresher(async (signal) => totals.show(await getJSON("totals", undefined, signal))),
];

/** Change the filters, and with them the address and all that is shown. */
function select(change) {
  filters = change(filters);
  const query = filters.params().toString();
  history.replaceState(null, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
  apply();
}

function apply() {
  if (element("text").value !== filters.text) element("text").value = filters.text;
  showChosen(element("chosen"), filters, select);
  facets.select(filters);
  times.select(filters);
  element("download").href = address("events.ndjson", filters.params());
  complain("");
  feed.start(filters);
  for (const refresher of refreshers) refresher.now();
}

function open(id, options) {
  // The first one can be left with the browser's "back"; those after it replace it.
  const isFirst = openedId() === null;
  history[isFirst ? "pushState" : "replaceState"](null, "", `${location.pathname}${location.search}#event=${id}`);
  showOpened(options);
}

function close() {
  if (openedId() === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  showOpened();
  element("list").focus({ preventScroll: true });
}

function openedId() {
  const match = /^#event=(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : null;
}

function showOpened(options) {
  const id = openedId();
  document.body.classList.toggle("has-event", id !== null);
  list.markOpened(id);
  if (id === null) view.close();
  else {
    list.activate(id);
    view.open(id, options);
  }
}

/** Go to the next row; an event that is open is exchanged for it. */
function move(step) {
  const event = list.move(step);
  if (event && openedId() !== null) open(event.id);
}

function showState() {
  const { paused, state, waiting } = feed;
  const isHeld = paused || waiting > 0 || !list.atTop;
  const button = element("pause");
  button.dataset.state = state !== "live" ? state : paused ? "paused" : "live";
  const words = { connecting: "Connecting", lost: "Reconnecting", live: "Live", paused: "Paused" };
  const word = words[button.dataset.state];
  element("pause-text").textContent = word;
  // The word says how it is, and not what the button does.
  button.setAttribute("aria-label", `${word}: ${paused ? "resume" : "pause"}`);
  button.title = paused ? "Resume (space)" : "Pause (space)";
  const news = element("news");
  news.hidden = !(isHeld && waiting > 0);
  news.textContent = `↑ ${number(waiting)} new`;
  showEmpty();
}

function showEmpty() {
  const box = element("empty");
  box.hidden = list.rows.length > 0 || feed.state !== "live";
  if (box.hidden) return;
  if (!filters.empty) {
    box.replaceChildren(make("p", "", "No event is selected by these filters."));
    return;
  }
  const url = new URL("events", location.href.split(/[?#]/)[0]).href;
  const code = `structlog_mozdef.configure("${url}")`;
  box.replaceChildren(
    make("p", "", "Nothing has arrived yet. Send events to "),
    make("p", "", make("code", "", url)),
    make("p", "", "for example from a program with"),
    make("p", "", make("code", "", code)),
  );
}

function complain(text) {
  const toast = element("toast");
  toast.hidden = !text;
  toast.replaceChildren(isolated("", text, 300));
}

function pauseOrResume() {
  if (feed.paused) feed.resume();
  else feed.pause();
  announcer.say(feed.paused ? "Paused" : "Live");
}

function follow() {
  if (feed.paused) feed.resume();
  else feed.newest();
  element("list").focus({ preventScroll: true });
}

function askToClear() {
  element("clear-text").textContent =
    `${counted(totals.kept, "event")} will be deleted from the collector, whatever the filters are.`;
  element("clear-dialog").returnValue = "cancel";
  element("clear-dialog").showModal();
}

async function clear() {
  try {
    await deleteAll();
  } catch (error) {
    complain(error.message);
    return;
  }
  close();
  announcer.say("All events are deleted");
  apply();
}

function escape() {
  const text = element("text");
  if (document.activeElement === text) {
    if (text.value) select((now) => now.with({ text: "" }));
    element("list").focus({ preventScroll: true });
  } else if (document.body.classList.contains("shows-filters")) showFilters(false);
  else close();
}

function showFilters(shown) {
  document.body.classList.toggle("shows-filters", shown);
  element("show-filters").setAttribute("aria-expanded", shown);
}

function openActive() {
  const event = list.active ?? list.move(0);
  if (event) open(event.id, { focus: true });
}

let typing = null;
element("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const text = element("text").value.trim();
    if (text !== filters.text) select((now) => now.with({ text }));
  }, TYPING_PAUSE);
});
element("pause").addEventListener("click", pauseOrResume);
element("news").addEventListener("click", follow);
element("clear").addEventListener("click", askToClear);
element("clear-dialog").addEventListener("close", (event) => {
  if (event.target.returnValue === "clear") clear();
});
element("help").addEventListener("click", () => element("help-dialog").showModal());
element("show-filters").addEventListener("click", () =>
  showFilters(!document.body.classList.contains("shows-filters")),
);
element("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the part after "#" is for the event that is open
  element("list").focus();
});
addEventListener("popstate", () => {
  const query = new Filters(location.search);
  const isOther = query.params().toString() !== filters.params().toString();
  filters = query;
  if (isOther) apply();
  showOpened();
});
document.addEventListener("visibilitychange", () => {
  // A browser has few connections for a server, and nobody looks at this one.
  if (document.hidden) feed.sleep();
  else {
    feed.wake();
    for (const refresher of refreshers) refresher.touch();
  }
});

listenToKeys(
  [
    [["j", "ArrowDown"], ["j", "↓"], "older event", () => move(1)],
    [["k", "ArrowUp"], ["k", "↑"], "newer event", () => move(-1)],
    [["PageDown"], ["Page ↓"], "a page down", () => list.move(list.pageSize)],
    [["PageUp"], ["Page ↑"], "a page up", () => list.move(-list.pageSize)],
    [["g", "Home"], ["g", "Home"], "the newest events", follow],
    [["G", "End"], ["G", "End"], "the oldest events", () => feed.oldest()],
    [["Enter"], ["Enter"], "open the event", openActive],
    [["Escape"], ["Esc"], "close the event, or leave the search", escape],
    [["/"], ["/"], "search", () => element("text").focus()],
    [[" "], ["Space"], "pause or resume", pauseOrResume],
    [["d"], ["d"], "only what MozDef would drop, rename or mangle", () =>
      select((now) => now.with({ differing: !now.differing }))],
    [["?"], ["?"], "this list", () => element("help-dialog").showModal()],
  ],
  { list: element("list"), help: element("keys"), box: element("keys-on") },
);

apply();
showOpened();
