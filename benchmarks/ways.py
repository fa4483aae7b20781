"""The ways of logging that are measured: a set-up, the event, how it is logged, and what is wrong.

`log_call` runs each of them in its own process, which is `log_call_program`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks import calls, set_ups
from benchmarks.set_ups import SetUp
from benchmarks.timing import AsyncCall, Call


class State(enum.StrEnum):
    """What is wrong while events are logged.

    Attributes:
        QUIET: nothing.
        OUTAGE: nobody listens until the last log call has returned.
        ORPHANS: as OUTAGE, and streams of dead processes wait in the spool.
        POISON: the receiver always fails with one of the first events.
    """

    QUIET = "quiet"
    OUTAGE = "outage"
    ORPHANS = "orphans"
    POISON = "poison"


@dataclass(frozen=True)
class Way:
    """One way of logging.

    Attributes:
        name: in tables.
        open: sets the process up, with the URL of the receiver, a folder of its own, and the
            options of a sink.
        call: returns what logs one event, whose field ``number`` is the argument.
        call_async: the same with ``await``; None: ``call`` is used.
        events: how many are logged.
        threads: that log at the same time.
        state: what is wrong meanwhile.
        ships: whether events go to the receiver.
        options: of the sink.
        rounds: how often it is measured.
        pause: seconds between a thousand calls and the next thousand, in which nothing is timed.
    """

    name: str
    open: Callable[..., SetUp]
    call: Callable[[Any], Call] = calls.event
    call_async: Callable[[Any], AsyncCall] | None = None
    events: int = 100_000
    threads: int = 1
    state: State = State.QUIET
    ships: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    rounds: int = 3
    pause: float = 0.0


def _local(set_up: Callable[..., SetUp], *arguments: Any) -> Callable[..., SetUp]:
    """Return what opens *set_up*, which sends nothing."""

    def opened(_url: str, _folder: str, **_options: Any) -> SetUp:
        return set_up(*arguments)

    return opened


def _ours(set_up: Callable[..., SetUp], **fixed: Any) -> Callable[..., SetUp]:
    """Return what opens *set_up*, with *fixed* options of its own."""

    def opened(url: str, _folder: str, **options: Any) -> SetUp:
        return set_up(url, **fixed, **options)

    return opened


#: The two places where events wait -> their names in tables.
PLACES = {"memory": "in memory", "spool": "through the spool"}


def _in_both(key: str, name: str, opens: Callable[..., SetUp], **rest: Any) -> dict[str, Way]:
    return {
        f"{key}/{place}": Way(f"{name}, {where}", opens, **rest) for place, where in PLACES.items()
    }


_ROOM = {"max_bytes": 2**31}
_FEW = 20_000
_configured = _ours(set_ups.configured)
_unredacted = _ours(set_ups.configured, redact=False)

FLOOR = "floor"
_FLOOR_NAME = "structlog's JSON to /dev/null (the floor)"

# More rounds where goals are.
_ROUNDS = 5
ONE_THREAD: dict[str, Way] = {
    FLOOR: Way(_FLOOR_NAME, _local(set_ups.floor), ships=False, rounds=_ROUNDS),
    **_in_both("configure", "configure() as in the README", _configured, rounds=_ROUNDS),
    "no-hyperscan/memory": Way(
        "... where hyperscan is not installed, in memory",
        _ours(set_ups.without_hyperscan),
        rounds=_ROUNDS,
    ),
    **_in_both("unredacted", "... with redact=False", _unredacted, rounds=_ROUNDS),
    **_in_both(
        "unnumbered",
        "... with sequence=False",
        _ours(set_ups.configured, sequence=False),
        rounds=_ROUNDS,
    ),
    **_in_both("sealed", "... with seal=KEY_FILE", set_ups.sealed, rounds=_ROUNDS),
    **_in_both(
        "explicit", "the chain by hand of chains.rst", _ours(set_ups.explicit), rounds=_ROUNDS
    ),
}
TEES_AND_HANDLERS: dict[str, Way] = {
    "no-tee": Way(
        "the chain that prints JSON, of chains.rst", _local(set_ups.tee, None), ships=False
    ),
    **_in_both("tee", "... with a MozDefTee in it", _ours(set_ups.tee)),
    "file-handler": Way(
        "logging: FileHandler and Formatter",
        _local(set_ups.file_handler),
        calls.record,
        ships=False,
    ),
    "queue-handler": Way(
        "logging: QueueHandler to that", _local(set_ups.queue_handler), calls.record, ships=False
    ),
    "json-handler": Way(
        "logging: FileHandler and JSON", _local(set_ups.json_handler), calls.record, ships=False
    ),
    **_in_both("handler", "logging: MozDefHandler", _ours(set_ups.handler), call=calls.record),
}
EXCEPTION: dict[str, Way] = {
    "exception-floor": Way(
        f"{_FLOOR_NAME}, log.exception()",
        _local(set_ups.floor_with_exceptions),
        calls.exception,
        None,
        _FEW,
        ships=False,
    ),
    **_in_both(
        "exception", "configure(), log.exception()", _configured, call=calls.exception, events=_FEW
    ),
}
KILOBYTE: dict[str, Way] = {
    "kilobyte-floor": Way(
        f"{_FLOOR_NAME}, 1 kB", _local(set_ups.floor), calls.kilobyte, ships=False
    ),
    **_in_both(
        "kilobyte",
        "configure(), 1 kB",
        _configured,
        call=calls.kilobyte,
        options=_ROOM,
    ),
}
LARGE: dict[str, Way] = {
    "large-floor": Way(
        f"{_FLOOR_NAME}, 50 kB", _local(set_ups.floor), calls.large, None, _FEW, ships=False
    ),
    **_in_both(
        "large", "configure(), 50 kB", _configured, call=calls.large, events=_FEW, options=_ROOM
    ),
}
ASYNC: dict[str, Way] = {
    "async-floor": Way(
        f"{_FLOOR_NAME}, log.ainfo()",
        _local(set_ups.floor),
        call_async=calls.event_async,
        events=_FEW,
        ships=False,
    ),
    **_in_both(
        "async", "configure(), log.ainfo()", _configured, call_async=calls.event_async, events=_FEW
    ),
}
THREADS: dict[str, Way] = {
    "threads-floor": Way(
        _FLOOR_NAME, _local(set_ups.floor), threads=8, ships=False, rounds=_ROUNDS
    ),
    **_in_both("threads", "configure()", _configured, threads=8, rounds=_ROUNDS),
    **_in_both(
        "threads-unredacted", "configure(redact=False)", _unredacted, threads=8, rounds=_ROUNDS
    ),
}
STATES: dict[str, Way] = {
    **_in_both("outage", "an outage", _configured, events=50_000, state=State.OUTAGE),
    "full/memory": Way(
        "an outage longer than the buffer, in memory",
        _configured,
        events=200_000,
        state=State.OUTAGE,
    ),
    "orphans/spool": Way(
        "an outage and 10,000 orphans, through the spool",
        _configured,
        events=50_000,
        state=State.ORPHANS,
        pause=0.13,  # together longer than a sink takes to look through the folder again
    ),
    **_in_both("poison", "a poison event", _configured, state=State.POISON),
}
WAYS: dict[str, Way] = {
    **ONE_THREAD,
    **TEES_AND_HANDLERS,
    **EXCEPTION,
    **KILOBYTE,
    **LARGE,
    **ASYNC,
    **THREADS,
    **STATES,
}
