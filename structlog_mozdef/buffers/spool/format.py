"""The format of a spool: all that knows its bytes, and nothing that opens a file.

Names of files, the metadata of a stream, its ack offset, and the lines of its segments.
"""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import orjson

#: A stream of a later format is left alone.
FORMAT = 1
STREAM_FILE = "stream.json"
ACK_FILE = "position"
DEAD_LETTERS_FILE = "dead-letters.ndjson"
#: Begins the name of a stream that its maker has not finished.
UNFINISHED_PREFIX = ".new-"
#: Stands for the destination of a reader that only inspects.
ANY_DESTINATION = "*"
#: A longer line is damage; a longer event is dropped.
LINE_LIMIT_BYTES = 4 * 1024 * 1024

_STREAM_NAME = re.compile(r"(-?\d{12,16})-(\d{1,10})-([0-9a-f]{16})")
_SEGMENT_NAME = re.compile(r"(\d{10})\.ndjson")
_HOSTS = re.compile("([a-z+]+://)([^/ ]+)")
_ACK = re.compile(rb"((\d{10}) (\d{20})) ([0-9a-f]{8})\n")


class StreamName(NamedTuple):
    """What the name of a stream says. Names sort by age.

    Attributes:
        begun: when, in milliseconds since 1970.
        pid: of the process that wrote it.
        writer: 16 hexadecimal digits, the same in all streams of one writer.
    """

    begun: int
    pid: int
    writer: str

    def __str__(self) -> str:
        # A clock before 1970 must not make a name that nobody recognises.
        return f"{max(self.begun, 0):013d}-{self.pid}-{self.writer}"


class StreamNames:
    """Names for the streams of one writer. They sort in their order, whatever the clock does."""

    def __init__(self) -> None:
        self._writer = os.urandom(8).hex()
        self._last_begun = 0

    def next(self) -> StreamName:
        """Return the name of the next stream."""
        self._last_begun = max(time.time_ns() // 1_000_000, self._last_begun + 1)
        return StreamName(self._last_begun, os.getpid(), self._writer)


def parse_stream_name(name: str) -> StreamName | None:
    """Parse the name of a stream; None where it is the name of something else."""
    match = _STREAM_NAME.fullmatch(name)
    return None if match is None else StreamName(int(match[1]), int(match[2]), match[3])


def stream_names_in(names: Iterable[str]) -> list[str]:
    """Select the names of streams, oldest first."""
    parsed = ((parse_stream_name(name), name) for name in names)
    return [name for key, name in sorted((key, name) for key, name in parsed if key is not None)]


def segment_name(number: int) -> str:
    """Name the file of a segment."""
    return f"{number:010d}.ndjson"


def segment_numbers_in(names: Iterable[str]) -> list[int]:
    """Select the numbers of segments, oldest first."""
    matches = map(_SEGMENT_NAME.fullmatch, names)
    return sorted(int(match[1]) for match in matches if match)


class Metadata(NamedTuple):
    """What ``stream.json`` says; None where it is missing or makes no sense.

    Attributes:
        destination: where the events go, without credentials.
        format: the number of the format.
        boot: identifies the running kernel of the machine that wrote the stream.
    """

    destination: str | None = None
    format: int | None = None
    boot: str | None = None


def encode_metadata(destination: str, pid: int, boot: str) -> bytes:
    """Encode ``stream.json``. Earlier versions ignore keys that they do not know."""
    metadata = {"format": FORMAT, "destination": destination, "pid": pid, "boot": boot}
    return json.dumps(metadata).encode() + b"\n"


def decode_metadata(text: bytes) -> Metadata:
    """Decode ``stream.json``. Never raises."""
    try:
        values = json.loads(text)
        destination, number, boot = (values.get(key) for key in ("destination", "format", "boot"))
    except (ValueError, AttributeError, RecursionError):
        return Metadata()
    return Metadata(
        destination if isinstance(destination, str) else None,
        number if type(number) is int else None,
        boot if isinstance(boot, str) else None,
    )


def same_destination(one: str, other: str) -> bool:
    """Compare two destinations; the order of the hosts in a URL makes no difference."""
    return one == other or _with_sorted_hosts(one) == _with_sorted_hosts(other)


def _with_sorted_hosts(destination: str) -> tuple[list[str], str]:
    match = _HOSTS.match(destination)
    if match is None:
        return [], destination
    return sorted(match[2].split(",")), match[1] + destination[match.end() :]


class Offset(NamedTuple):
    """A point between two lines of a stream."""

    segment: int
    offset: int

    def after(self, length: int) -> Offset:
        """Return the point *length* bytes on."""
        return Offset(self.segment, self.offset + length)


def encode_ack(offset: Offset) -> bytes:
    """Encode the ack offset: everything before it is settled.

    It is overwritten where it is, so a checksum (CRC 32) guards against halves of two offsets.
    """
    text = b"%010d %020d" % offset
    return b"%b %08x\n" % (text, zlib.crc32(text))


def decode_ack(text: bytes) -> Offset | None:
    """Decode an ack offset; None where it makes no sense."""
    match = _ACK.fullmatch(text)
    if match is None or int(match[4], 16) != zlib.crc32(match[1]):
        return None
    return Offset(int(match[2]), int(match[3]))


def damage_of(line: bytes) -> str | None:
    """Say why *line* is no event; None where it is one."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return "no JSON: torn or damaged"
    return None if isinstance(event, dict) else "no JSON object"
