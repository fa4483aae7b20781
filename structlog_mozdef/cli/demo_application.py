"""The program that ``demo`` runs: a small account service that logs with this package.

Run it with ``python -m structlog_mozdef.cli.demo_application URL``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sys
import time

import structlog

import structlog_mozdef as mozdef

log = structlog.get_logger("accounts")

FAILURES_UNTIL_LOCKED = 3
BURST = 10_000


class Accounts:
    """Accounts with passwords; three failed log-ins lock an account."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._hashes: dict[str, bytes] = {}
        self._failures: dict[str, int] = {}

    def create(self, username: str, password: str) -> None:
        self._hashes[username] = self._hash(password)
        log.info("Account created", username=username)

    def log_in(self, username: str, password: str, address: str) -> bool:
        """Check a password and log what happened, as an auditor wants to read it."""
        with structlog.contextvars.bound_contextvars(username=username, sourceipaddress=address):
            if self._failures.get(username, 0) >= FAILURES_UNTIL_LOCKED:
                log.warning("Log-in to a locked account", success=False)
                return False
            if secrets.compare_digest(self._hash(password), self._hashes.get(username, b"")):
                log.info("User logged in", success=True)
                return True
            failures = self._failures[username] = self._failures.get(username, 0) + 1
            log.warning("Log-in failed", success=False, failures=failures)
            if failures == FAILURES_UNTIL_LOCKED:
                log.error("Account locked", severity="ALERT", failures=failures)
            return False

    def _hash(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode(), salt=self._salt, n=256, r=8, p=1)


def use_accounts() -> None:
    """Create an account and log in, with right and wrong passwords."""
    accounts = Accounts()
    accounts.create("kang", "correct horse")
    accounts.log_in("kang", "correct horse", "10.0.0.7")
    for guess in ("hunter2", "letmein", "qwerty"):
        accounts.log_in("kang", guess, "203.0.113.9")
    accounts.log_in("kang", "correct horse", "10.0.0.7")
    try:
        accounts.log_in(None, "anything", "203.0.113.9")  # type: ignore[arg-type]
        accounts.create("bob", None)  # type: ignore[arg-type]
    except AttributeError:
        log.exception("Account could not be created", username="bob")


def main(url: str) -> None:
    """Log through the complete chain, and print the figures as JSON."""
    started = time.monotonic()
    with mozdef.configure(url, tags=["demo"], category="authentication", console=False) as sink:
        logging.getLogger().addHandler(mozdef.MozDefHandler(sink, category="framework"))
        use_accounts()
        logging.getLogger("django.request").warning(
            "Not Found: %s", "/wp-login.php", extra={"status_code": 404}
        )
        for number in range(BURST):
            log.info("Token checked", category="burst", number=number, success=True)
        sink.end_streams()  # now, so that it is among the figures
        sink.flush(30)
        seconds = time.monotonic() - started
    stats = sink.stats()
    print(json.dumps({"sent": stats.accepted, "delivered": stats.delivered, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
