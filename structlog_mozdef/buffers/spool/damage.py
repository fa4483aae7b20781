"""What a spool can never deliver: rejected events, damaged lines, missing events."""

from __future__ import annotations

from collections import deque
from typing import Any

from structlog_mozdef.buffers.base import SPOOL_DAMAGED, DeadLetter
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import DeferredWarnings
from structlog_mozdef.buffers.spool.source import ReadStream

_KEPT_DEAD_LETTERS = 100


class DamageLog:
    """Count and keep events that the destination rejected, and damage found in streams.

    Args:
        folder, ledger, deferred_warnings, lock: of the spool.
        dead_letter_file: keeps the dead letters.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        deferred_warnings: DeferredWarnings,
        lock: Any,
        dead_letter_file: DeadLetterFile,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._deferred_warnings = deferred_warnings
        self._lock = lock
        self._dead_letter_file = dead_letter_file
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)

    def reject(self, event: bytes, reason: str) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        with self._lock:
            self._ledger.reject()
        self._keep_dead_letter(event, reason)

    def _keep_dead_letter(self, event: bytes, reason: str) -> None:
        with self._lock:
            self._dead_letters.append(DeadLetter(event, reason))
        try:
            self._dead_letter_file.add(event, reason)
        except OSError as error:
            self._deferred_warnings.add(
                "dead letter lost",
                f"a dead letter could not be kept in {self._folder.path}: {error.strerror}",
            )

    def dead_letters(self) -> list[DeadLetter]:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        with self._lock:
            return list(self._dead_letters)

    # Called by streams about lines that are not delivered: see `Observer`.

    def found_damaged(self, stream: ReadStream, line: bytes, reason: str) -> None:
        with self._lock:
            self._ledger.dead_lettered += 1
            if stream.adopted:
                self._ledger.adopted -= 1
                stream.waiting -= 1
            else:
                self._ledger.others_accepted += 1  # our events were written completely
        self._keep_dead_letter(line, reason)
        self._deferred_warnings.add(
            "spool damaged", f"a line of the spool {self._folder.path} is damaged: {reason}"
        )

    def found_empty(self, stream: ReadStream) -> None:
        if stream.adopted:
            with self._lock:
                self._ledger.hand_over(1)
                stream.waiting -= 1

    def found_missing(self, stream: ReadStream, events: int, sequence: int) -> None:
        with self._lock:
            stream.waiting -= events
            if events < 0 and stream.adopted:
                self._ledger.hand_over(events)  # that many more than we counted
            elif events < 0:
                # A signal handler raised between writing and counting them.
                self._ledger.appended -= events
                self._ledger.found_uncounted -= events
            elif stream.adopted:
                self._ledger.adopted -= events
                self._ledger.drops.add(SPOOL_DAMAGED, events)
            else:
                self._ledger.lose(events, sequence, SPOOL_DAMAGED)
        if events > 0:
            self._deferred_warnings.add(
                "spool damaged", f"events of the spool {self._folder.path} are missing"
            )
