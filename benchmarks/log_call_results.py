"""The tables and figures of `benchmarks.log_call`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.loggers import hyperscan_here
from benchmarks.results import Results, Table, count, lost_of, micro, of_rounds, ratio
from benchmarks.ways import (
    ASYNC,
    EXCEPTION,
    FLOOR,
    KILOBYTE,
    LARGE,
    ONE_THREAD,
    STATES,
    TEES_AND_HANDLERS,
    THREADS,
    WAYS,
    Way,
)


@dataclass
class Measured:
    """What was measured of one way.

    Attributes:
        rounds: what each round has found: seconds of a call (``median``, ``p99``, ``p999``,
            ``max``, ``mean``), of the processor for each event (``cpu``), and numbers.
        failure: why a round has found nothing.
    """

    rounds: list[dict[str, float]] = field(default_factory=list)
    failure: str = ""

    def median(self, name: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(each[name] for each in self.rounds)

    def total(self, name: str) -> int:
        """Return the sum of the rounds."""
        return int(sum(each[name] for each in self.rounds))


Found = Mapping[str, Measured]
#: The name of a column, and its cell, of a way and of the floor of its table.
Column = tuple[str, Callable[[Measured, Measured], str]]


@dataclass(frozen=True)
class Group:
    """The ways of one table; the first is its floor."""

    title: str
    ways: Mapping[str, Way]
    columns: Sequence[Column]
    caveat: str


def results_of(found: Found) -> Results:
    """Return what *found* says, by keys of `WAYS`; the floor must be among them."""
    return Results(
        [_table(group, found) for group in _groups(found) if group.ways.keys() & found.keys()],
        figures=_figures(found),
    )


def _time(name: str) -> Column:
    header = {"p999": "p99.9", "max": "longest"}.get(name, name)
    return f"{header} us", lambda way, _: micro(way.median(name))


_RATIO: Column = ("ratio", lambda way, floor: ratio(way.median("median"), floor.median("median")))
_MEAN: Column = ("mean ratio", lambda way, floor: ratio(way.median("mean"), floor.median("mean")))
_CALLS_RATIO: Column = (
    "calls/s ratio",
    lambda way, floor: ratio(way.median("calls_a_second"), floor.median("calls_a_second")),
)
_CALLS: Column = ("calls/s", lambda way, _: count(way.median("calls_a_second")))
_CPU: Column = ("CPU us/event", lambda way, _: micro(way.median("cpu")))
_ARRIVED: Column = ("arrived/s", lambda way, _: count(way.median("arrived_a_second")))
_LOST: Column = ("lost", lambda way, _: lost_of(way.total("lost"), way.total("logged")))
_DROPPED: Column = ("dropped and counted", lambda way, _: count(way.total("dropped")))

_SINGLE = [_time(name) for name in ("median", "p99", "p999")]
_ONE = [_RATIO, *_SINGLE, _MEAN, _time("mean"), _CPU, _ARRIVED, _LOST]
_MANY = [_CALLS_RATIO, _CALLS, *_SINGLE, _CPU, _ARRIVED, _LOST]
_TROUBLED = [_RATIO, *_SINGLE, _time("max"), _LOST, _DROPPED]


_AS_IN_README = (FLOOR, "configure/memory", "configure/spool")


def _groups(found: Found) -> list[Group]:
    measured = [each for each in found.values() if each.rounds]
    timer = min((each.median("timer") for each in measured), default=0.0)
    calls = (
        "a tight loop with the sender at work, whose share of the processors is in the mean, and"
        " hardly in the median; calls follow one another, so a call that waits delays those after"
        f" it, which do not count as late (coordinated omission); the timer's cost,"
        f" {timer * 1e9:.0f} ns a call, is subtracted"
    )
    same = "ratio: to structlog's own chain with the same event; the rest as in the first table"
    return [
        Group(
            "log call of this project, one thread",
            ONE_THREAD,
            _ONE,
            f"an event of about 450 bytes; {hyperscan_here()}; {calls}; CPU: of all threads of the"
            " process, until the last event is delivered; arrived/s: from the first call to the"
            " last event at the receiver; lost: not arrived there, of all rounds; ratio: to the"
            " floor; each in its own process",
        ),
        Group(
            "log call of a tee and of log handlers",
            {FLOOR: WAYS[FLOOR], **TEES_AND_HANDLERS},
            _ONE,
            "what a tee costs is the difference to the chain without it, which prints by json and"
            " caches no logger, as the document has it; FileHandler writes the message alone, JSON"
            " and MozDefHandler the fields of extra= as well; all handlers write to /dev/null but"
            " the MozDefHandler; the rest as in the first table",
        ),
        Group(
            "log call with an exception",
            EXCEPTION,
            _ONE,
            "a traceback of ten frames, raised and caught in the time of the call; structlog's own"
            f" chain with format_exc_info; {same}",
        ),
        Group(
            "log call with 1 kB",
            KILOBYTE,
            _ONE,
            f"the event of the first table with a text of words, and room for 2 GiB; {same}",
        ),
        Group(
            "log call with 50 kB",
            LARGE,
            _ONE,
            "four texts of words, and room for 2 GiB (default 64 MiB in memory, 1 GiB in a"
            f" spool); {same}",
        ),
        Group(
            "awaited log call",
            ASYNC,
            _ONE,
            f"structlog runs the chain in a thread of asyncio's pool; {same}",
        ),
        Group(
            "log call of this project, 8 threads",
            THREADS,
            _MANY,
            "each thread in a tight loop; calls/s: of all threads together; ratio: of these to"
            " structlog's own chain with 8 threads (more is better); times of a single call, in"
            " which other threads may have worked; the rest as in the first table",
        ),
        Group(
            "log call of configure() while something is wrong",
            {**{key: WAYS[key] for key in _AS_IN_README}, **STATES},
            _TROUBLED,
            "as in the README, with its defaults; an outage: nobody listens until the last call has"
            " returned, then what waits is delivered; one that is longer than the buffer:"
            f" {STATES['full/memory'].events:,} events, with room for 100,000; orphans: streams of"
            " dead processes, an event each, and pauses between the calls, so that the sink looks"
            " for orphans meanwhile; a poison event: the receiver answers 500 to each request with"
            " the first event in it, which is not counted as lost; the rest as in the first"
            " table",
        ),
    ]


def _table(group: Group, found: Found) -> Table:
    floor = found.get(next(iter(group.ways)), Measured())
    return Table(
        group.title,
        ["way", *(name for name, _ in group.columns)],
        [
            [_name(way, found[key]), *_cells(group.columns, way, found[key], floor)]
            for key, way in group.ways.items()
            if key in found
        ],
        f"{group.caveat}; {_rounds(group, found)}",
    )


def _rounds(group: Group, found: Found) -> str:
    rounds = {len(found[key].rounds) for key in group.ways if key in found}
    if len(rounds) == 1:
        return of_rounds(rounds.pop())
    return f"medians of {min(rounds)} to {max(rounds)} interleaved rounds"


def _name(way: Way, measured: Measured) -> str:
    return f"{way.name} (failed: {measured.failure})" if measured.failure else way.name


def _cells(
    columns: Sequence[Column], way: Way, measured: Measured, floor: Measured
) -> Sequence[str]:
    if not (measured.rounds and floor.rounds):
        return ["-"] * len(columns)
    local = (_ARRIVED, _LOST, _DROPPED)  # only for what goes to the receiver
    return [
        cell(measured, floor) if way.ships or (name, cell) not in local else "-"
        for name, cell in columns
    ]


def _figures(found: Found) -> dict[str, float]:
    """Return the ratios to the floor of each group, and losses, by ``WAY.WHAT``."""
    figures = {
        "floor_calls_a_second": found[FLOOR].median("calls_a_second"),
        "floor_seconds": found[FLOOR].median("median"),
    }
    for group in _groups(found):
        floor = found.get(next(iter(group.ways)), Measured())
        for key, way in group.ways.items():
            each = found.get(key, Measured())
            if not (each.rounds and floor.rounds):
                continue
            for name in ("median", "mean", "calls_a_second"):
                figures[f"{key}.{name}"] = each.median(name) / floor.median(name)
            if way.ships:
                rate = each.median("arrived_a_second") / floor.median("calls_a_second")
                figures[f"{key}.arrived_a_second"] = rate
                figures[f"{key}.lost"] = each.total("lost")
    return figures
