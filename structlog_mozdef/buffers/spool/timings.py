"""How long a spool waits, as one setting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpoolTimings:
    """How long a spool waits before it tries again. All values are seconds.

    Attributes:
        disk_retry: after the disk could not be written, until it is tried again.
        full_retry: after the spool was found full, until the folder is measured again.
        rescan_interval: between two scans for streams of dead processes.
        maintenance_interval: between two runs of the maintenance thread, which forces files to
            the disk with ``sync="interval"``.
    """

    disk_retry: float = 1.0
    full_retry: float = 0.05
    rescan_interval: float = 3.0
    maintenance_interval: float = 1.0
