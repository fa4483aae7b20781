"""How long a spool waits before it tries, or looks, again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpoolTimings:
    """Intervals, in seconds.

    Attributes:
        disk_retry: until a disk that refused is tried again.
        full_retry: until a full spool is looked at again.
        rescan_interval: between two looks for streams of dead processes.
        maintenance_interval: between two runs of the maintenance thread.
    """

    disk_retry: float = 1.0
    full_retry: float = 0.05
    rescan_interval: float = 3.0
    maintenance_interval: float = 1.0
