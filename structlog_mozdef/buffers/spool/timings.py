"""The waits of a spool, as one setting: tests shorten them, and nobody patches a constant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpoolTimings:
    """How long a spool waits before it tries or looks again. All values are seconds.

    Attributes:
        disk_retry: after the disk refused to write, until it is tried again.
        full_retry: after the spool was found full, until the folder is measured again.
        rescan_interval: between two looks for streams of dead processes.
        maintenance_interval: between two runs of the maintenance thread, which forces files to
            the disk with ``sync="interval"``.
    """

    disk_retry: float = 1.0
    full_retry: float = 0.05
    rescan_interval: float = 3.0
    maintenance_interval: float = 1.0
