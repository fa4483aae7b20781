"""What the seals of a record prove, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from structlog_mozdef.audit.report import Rules, counted, text_of
from structlog_mozdef.audit.seals import Verification
from structlog_mozdef.process.standard_error import count_of

_Since = dict[str, int]


def as_json(
    found: Verification, rules: Rules, since: _Since, *, mixed: bool = False
) -> dict[str, Any]:
    """Return all that was found.

    Args:
        found: the record.
        rules: what counts as missing.
        since: stream id -> the number of an event at which somebody knew the keys of that stream.
        mixed: whether the record has other events as well, which have no seal.

    Raises:
        ValueError: a stream of *since* is not in the record.
    """
    for stream_id in since.keys() - {stream_id for _, _, stream_id in found.streams}:
        raise ValueError(f"--compromised-at names the stream {stream_id}, which is not there")
    distrusted = _distrusted_starts(found, since)
    streams = []
    for (key_id, start, stream_id), stream in found.streams.items():
        untrusted = stream.untrusted(since.get(stream_id))
        if start > distrusted.get(key_id, start):
            untrusted = 1
        streams.append(
            {
                "stream_id": stream_id,
                "key": key_id,
                "start": start,
                "hostname": stream.hostname,
                "processname": stream.processname,
                "processid": stream.processid,
                "authentic": len(stream.numbers),
                "last": stream.numbers.last,
                "last_time": stream.last_time,
                "state": rules.state_of(stream) if stream.numbers else "forged",
                "changed": counted((number, number) for number in stream.changed()),
                "two_versions": counted(stream.two_versions.ranges()),
                "forged": stream.n_forged(),
                "unsealed": found.unsealed_by_stream.get(stream_id, 0),
                "missing": counted(stream.missing(partial=rules.partial)),
                "repeated": counted(stream.repeated.ranges()),
                "not_proved_from": untrusted,
            }
        )
    report = {
        "streams": streams,
        "starts": _starts(found, rules),
        "unsealed": found.unsealed,
        "unknown_keys": found.unknown,
        "impossible": found.impossible,
        "no_events": found.no_events,
    }
    return {"proved": _is_proved(report, mixed=mixed), **report}


def as_lines(report: dict[str, Any]) -> Iterator[str]:
    """Yield the result of `as_json` as lines. They may hold any characters."""
    yield from map(_line_of_stream, report["streams"])
    for key_id, starts in report["starts"].items():
        if starts["missing"]["count"]:
            yield f"key {key_id}: no event of the starts {text_of(starts['missing'])}: MISSING"
        if starts["twice"]:
            yield (
                f"key {key_id}: the starts {', '.join(map(str, starts['twice'][:10]))} were used by"
                " two streams: the KEY FILE WAS COPIED, or restored from a backup"
            )
    for key_id, count in report["unknown_keys"].items():
        yield f"key {key_id} is not given: {count_of(count, 'event')} NOT CHECKED"
    for name, text in (
        ("impossible", "FORGED: no seal has such a start, number or stream"),
        ("unsealed", "without a seal"),
    ):
        if report[name]:
            yield f"{report[name]:,} {text}"
    if report["no_events"]:
        yield f"{count_of(report['no_events'], 'line', 'are')} no event"
    yield "proved" if report["proved"] else "NOT PROVED"


def _line_of_stream(stream: dict[str, Any]) -> str:
    if stream["state"] == "forged":
        return f"{stream['stream_id']}  {stream['forged']:,} FORGED  nothing of it is authentic"
    line = (
        f"{stream['stream_id']}  {stream['authentic']:,} authentic, the last {stream['last']:,}"
        f"  {stream['state']}, last at {stream['last_time'] or 'no time'}"
        f"  {stream['processname'] or '?'}[{stream['processid']}] on {stream['hostname'] or '?'}"
        f"  key {stream['key']} start {stream['start']:,}"
    )
    for name in ("changed", "missing", "two_versions"):
        if stream[name]["count"]:
            line += f"  {name.upper().replace('_', ' ')} {text_of(stream[name])}"
    for name in ("forged", "unsealed"):
        if stream[name]:
            line += f"  {stream[name]:,} {name.upper()}"
    if stream["repeated"]["count"]:
        line += f"  twice {text_of(stream['repeated'])}"
    if stream["not_proved_from"] is not None:
        line += f"  nothing is proved from {stream['not_proved_from']:,} on"
    return line


def _starts(found: Verification, rules: Rules) -> dict[str, Any]:
    return {
        key_id: {
            "missing": counted(
                numbers.missing(numbers.first if rules.partial else 1, numbers.last)
            ),
            "twice": twice[:1000],
        }
        for key_id, (numbers, twice) in found.starts().items()
    }


def _distrusted_starts(found: Verification, since: _Since) -> dict[str, int]:
    """Return for each key the start after which it was known.

    A stream that has begun after a start that was too late has begun too late as well, whatever its
    times say.
    """
    lowest: dict[str, int] = {}
    for (key_id, start, stream_id), stream in found.streams.items():
        if stream_id in since or stream.first_late == 1:
            lowest[key_id] = min(start, lowest.get(key_id, start))
    return lowest


def _is_proved(report: dict[str, Any], *, mixed: bool) -> bool:
    if not mixed and (report["unsealed"] or report["no_events"]):
        return False
    return (
        any(stream["authentic"] for stream in report["streams"])
        and not any(
            stream["changed"]["count"]
            or stream["two_versions"]["count"]
            or stream["forged"]
            or stream["unsealed"]
            or stream["missing"]["count"]
            or stream["state"] == "cut off"
            for stream in report["streams"]
        )
        and not any(
            starts["missing"]["count"] or starts["twice"] for starts in report["starts"].values()
        )
        and not report["unknown_keys"]
        and not report["impossible"]
    )
