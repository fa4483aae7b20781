"""The options of a spool: its bounds, and how long it waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog_mozdef._deadline import monotonic
from structlog_mozdef.buffers.base import SyncMode, WhenFull
from structlog_mozdef.buffers.spool.format import LINE_LIMIT_BYTES

# What all holdings of a process hold together, at the most.
_HELD_BYTES = 64 * 1024 * 1024
#: The time is noted of one of 128 events.
TIME_MASK = 127
#: What the other files of a stream take.
STREAM_BYTES = 512


@dataclass(frozen=True)
class SpoolTimings:
    """Intervals, in seconds.

    Attributes:
        disk_retry: until a disk that accepted nothing is tried again.
        full_retry: until a full spool is measured again.
        rescan_interval: between two searches for streams of dead processes.
        maintenance_interval: between two runs of the maintenance thread.
        clock: returns seconds, monotonic.
    """

    disk_retry: float = 1.0
    full_retry: float = 0.05
    rescan_interval: float = 3.0
    maintenance_interval: float = 1.0
    clock: Callable[[], float] = monotonic


@dataclass(frozen=True)
class SpoolOptions:
    """The options of `structlog_mozdef.buffers.spool.Spool`, and what follows from them.

    Attributes:
        max_events: of this process that may wait.
        max_bytes: of the whole folder. More than 30 processes that begin at the same moment can
            exceed it by a few percent.
        when_full: as for `MemoryBuffer`; "drop_oldest" drops the oldest segment of this process
            that is not being sent.
        sync: when events are forced to the disk; see "Power loss".
        max_dead_letter_bytes: of *max_bytes*, what is for dead letters; None: a sixteenth.
        segment_bytes: after which a segment is complete; an eighth of *max_bytes* if that is less.
        timings: how long it waits before it tries or measures again.
    """

    max_events: int
    max_bytes: int
    when_full: WhenFull
    sync: SyncMode
    max_dead_letter_bytes: int | None = None
    segment_bytes: int = 8 * 1024 * 1024
    timings: SpoolTimings = SpoolTimings()

    @property
    def share(self) -> int:
        """Bytes for what others may have written meanwhile."""
        return self.max_bytes // 16

    @property
    def dead_letter_bytes(self) -> int:
        """Bytes for dead letters."""
        limit = self.max_dead_letter_bytes
        return self.max_bytes // 16 if limit is None else limit

    @property
    def stream_bytes(self) -> int:
        """Bytes for the streams of all processes."""
        return self.max_bytes - self.dead_letter_bytes

    @property
    def largest_line(self) -> int:
        """Bytes of the largest line that is accepted."""
        return min(self.stream_bytes - self.share - STREAM_BYTES, LINE_LIMIT_BYTES)

    @property
    def held_bytes(self) -> int:
        """Bytes that are held in memory while the disk accepts none."""
        return min(self.stream_bytes, _HELD_BYTES)
