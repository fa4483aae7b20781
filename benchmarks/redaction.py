"""The cost of redaction in a log call, on events with what its patterns look for in strings.

No string of an event is that of the event before it: what a program remembers of one helps only
where a real program would repeat it as well (the names of fields, the user agents).
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.loggers import (
    Nowhere,
    configured_logger,
    hide_hyperscan,
    hyperscan_here,
    structlog_json_logger,
)
from benchmarks.results import Results, Table, micro, ratio

ROUNDS = 9
CALLS = 2_000
_USER_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36",
    "curl/8.5.0",
    "python-requests/2.32.3",
)
_LARGE_BYTES = 50_000
_PART_BYTES = 12_500


def _plain(number: int) -> dict[str, Any]:
    return {
        "username": f"kang{number}",
        "sourceipaddress": "10.0.0.7",
        "success": True,
        "number": number,
    }


def _urls(number: int) -> dict[str, Any]:
    return {
        **_plain(number),
        "url": f"https://shop.example.com/orders/{number}/items?page=3&sort=price&lang=en",
        "referer": f"https://shop.example.com/search?q=boots+size+{number}&page=2",
        "method": "GET",
        "status": 200,
    }


def _mail(number: int) -> dict[str, Any]:
    return {**_urls(number), "email": f"kang{number}@example.com"}


def _user_agents(number: int) -> dict[str, Any]:
    return {**_plain(number), "useragent": _USER_AGENTS[number % len(_USER_AGENTS)]}


def _json_text(number: int) -> dict[str, Any]:
    body = {
        "order": number,
        "items": [{"sku": f"B-{number}", "quantity": 2, "price": "19.90"}],
        "currency": "EUR",
        "note": "leave it at the door",
    }
    return {**_plain(number), "body": json.dumps(body)}


def _headers(number: int) -> dict[str, Any]:
    return {
        **_plain(number),
        "headers": {
            "host": "shop.example.com",
            "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "accept-encoding": "gzip, deflate, br",
            "user-agent": _USER_AGENTS[number % len(_USER_AGENTS)],
            "x-request-id": f"7f9c24e8-3b12-4fef-91e0-{number:012d}",
            "cache-control": "max-age=0",
        },
    }


def _password(number: int) -> dict[str, Any]:
    return {**_plain(number), "password": f"correct horse {number}"}


def _false_alarm(number: int) -> dict[str, Any]:
    return {**_plain(number), "reason": f"token: expired at {number}"}


def _all(number: int) -> dict[str, Any]:
    return {
        **_urls(number),
        **_user_agents(number),
        **_json_text(number),
        **_headers(number),
    }


def _large(part: str) -> Callable[[int], dict[str, Any]]:
    """Return events of 50 kB: *part*, again and again."""
    text = (part * (_PART_BYTES // len(part) + 1))[:_PART_BYTES]

    def fields(number: int) -> dict[str, Any]:
        parts = range(_LARGE_BYTES // _PART_BYTES)
        return {**_plain(number), **{f"part{part}": f"{number} {text}" for part in parts}}

    return fields


_TRACEBACK = (
    '  File "/srv/app/orders/views.py", line 214, in create_order\n'
    "    total = price_of(items, currency=currency)\n"
)
_PROSE = "The worker took the order from the queue, and wrote the answer for the shop. "

#: What an event has in its fields -> the fields of one.
EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "plain words": _plain,
    "URLs": _urls,
    "URLs and a mail address": _mail,
    "a user agent": _user_agents,
    "a JSON text": _json_text,
    "headers": _headers,
    "all of these": _all,
    "a password": _password,
    "what looks like a secret": _false_alarm,
}
LARGE_EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "50 kB of prose": _large(_PROSE),
    "50 kB of a traceback": _large(_TRACEBACK),
    "50 kB of JSON texts": _large(json.dumps(_json_text(1)) + "\n"),
    "50 kB of URLs": _large(_urls(1)["url"] + "\n"),
}


class Medians(NamedTuple):
    """Seconds of a call, by each chain."""

    floor: float
    without: float
    redacting: float


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved runs, with hyperscan and without, in two processes."""
    rounds, calls = (3, 200) if quick else (ROUNDS, CALLS)
    found = []
    for uses_hyperscan in (True, False):
        with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")
        ) as processes:
            found.append(processes.submit(_measure, uses_hyperscan, rounds, calls).result())
    rows = [
        [
            name,
            ratio(fast.without, fast.floor),
            ratio(fast.redacting, fast.floor),
            ratio(slow.redacting, slow.floor),
            micro(fast.floor),
            micro(fast.redacting),
            micro(slow.redacting),
        ]
        for name, fast, slow in zip(found[0], found[0].values(), found[1].values(), strict=True)
    ]
    return Results(
        [
            Table(
                "log call with redaction, configure()'s chain, events dropped",
                [
                    "an event with",
                    "ratio redact=False",
                    "ratio",
                    "ratio, no hyperscan",
                    "floor us",
                    "us",
                    "us, no hyperscan",
                ],
                rows,
                "processor time; ratio: to structlog's own JSON chain writing to /dev/null, in the"
                f" same run; {hyperscan_here()}; medians of {rounds} interleaved rounds of"
                f" {calls:,} calls (50 kB: a tenth)",
            )
        ]
    )


def _measure(uses_hyperscan: bool, rounds: int, calls: int) -> dict[str, Medians]:
    if not uses_hyperscan:
        hide_hyperscan()
    loggers = {
        "structlog JSON": structlog_json_logger(),
        "without": configured_logger(Nowhere(), redact=False),
        "with": configured_logger(Nowhere()),
    }
    found = {}
    for name, fields in {**EVENTS, **LARGE_EVENTS}.items():
        times = _times(loggers, fields, rounds, calls if name in EVENTS else calls // 10)
        found[name] = Medians(*(statistics.median(of) for of in times.values()))
    return found


def _times(
    loggers: dict[str, Any],
    fields: Callable[[int], dict[str, Any]],
    rounds: int,
    calls: int,
) -> dict[str, list[float]]:
    """Return the processor time a call of each logger, round by round."""
    times: dict[str, list[float]] = {name: [] for name in loggers}
    numbers: Iterator[int] = itertools.count(10_000)
    for _ in range(rounds):
        for name, log in loggers.items():
            events = [fields(next(numbers)) for _ in range(calls)]
            start = time.thread_time()
            for event in events:
                log.info("Request served", **event)
            times[name].append((time.thread_time() - start) / calls)
    return times


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
