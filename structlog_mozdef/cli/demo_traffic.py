"""The program that ``demo --serve`` runs: a small stream of events, as a small company has them.

Run it with ``python -m structlog_mozdef.cli.demo_traffic URL [PACE]``; it ends with Ctrl-C or
SIGTERM. *PACE* is a factor of its pauses. Default 1: one or two events a second.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable

import requests
import structlog

import structlog_mozdef as mozdef

# Documentation addresses (RFC 5737): nobody's.
_ATTACKER = "203.0.113.66"
_USERS = ("kang", "amara", "joão", "mei", "tomasz", "nils")
_SCENES = ("log_ins", "brute_force", "log_ins", "old_script", "log_ins", "exception", "outage")

_random = random.Random(7)  # noqa: S311 - no secrets are made of it


class Company:
    """A few services that log, each with what is always true of its events.

    Args:
        url: of the collector, for a script that does not use this package.
        pause: called with seconds between two events.
    """

    def __init__(self, url: str, pause: Callable[[float], None]) -> None:
        self._url = url
        self._pause = pause
        bind = structlog.get_logger().bind
        self._accounts = bind(
            source="accounts", category="authentication", hostname="web1.example.com"
        )
        self._vpn = bind(source="openvpn", category="vpn", hostname="vpn1.example.com")
        self._orders = bind(source="orders", category="application", hostname="web2.example.com")

    def log_ins(self) -> None:
        """What happens all day."""
        for _ in range(8):
            user, address = _random.choice(_USERS), f"10.0.0.{_random.randint(2, 60)}"
            who = {"username": user, "sourceipaddress": address}
            match _random.randrange(7):
                case 0:
                    self._accounts.warning("Log-in failed", success=False, failures=1, **who)
                case 1 | 2:
                    self._vpn.info("Session opened", tags=["vpn"], success=True, **who)
                case 3:
                    self._orders.info("Order placed", amount=_random.randint(9, 900), **who)
                case 4:
                    self._accounts.info("Password changed", severity="NOTICE", **who)
                case _:
                    self._accounts.info("User logged in", success=True, **who)
            self._pause(0.7)

    def brute_force(self) -> None:
        """Somebody tries passwords until the account is locked."""
        who = {"username": "admin", "sourceipaddress": _ATTACKER}
        for failures in range(1, 13):
            self._accounts.warning("Log-in failed", success=False, failures=failures, **who)
            self._pause(0.15)
        self._accounts.error("Account locked", severity="ALERT", failures=12, **who)
        self._vpn.warning("Address blocked", sourceipaddress=_ATTACKER, tags=["vpn", "blocklist"])
        self._pause(1)

    def outage(self) -> None:
        """The database is away for a few seconds."""
        for attempt in range(1, 8):
            self._orders.error(
                "Database does not answer", attempt=attempt, seconds=30, database="orders"
            )
            self._pause(0.4)
        self._orders.critical("Orders are not accepted", database="orders", tags=["outage"])
        self._pause(3)
        self._orders.info("Orders are accepted again", severity="NOTICE", tags=["outage"])
        self._pause(1)

    def exception(self) -> None:
        """An order that the program has not been made for."""
        order = {"number": _random.randint(1000, 9999), "lines": []}
        try:
            order["lines"][0]  # type: ignore[index]
        except IndexError:
            self._orders.exception("Invoice could not be written", order=order["number"])
        self._pause(1)

    def old_script(self) -> None:
        """A script that posts JSON by itself: what MozDef makes of it shows what chains are for."""
        self._post(message="Backup started", severity=5, tags="nightly")
        self._pause(0.5)
        self._post(summary="Copied", details={"sourceipaddress": "n/a", "bytes": "12 GB"})
        self._pause(0.5)
        self._post(summary="Backup finished", severity="INFO", timestamp="today at noon or so")
        self._pause(0.5)

    def _post(self, **fields: object) -> None:
        event = {"category": "backup", "hostname": "nas1.example.com", "source": "backup.sh"}
        # The collector may have ended before this program.
        with contextlib.suppress(requests.RequestException):
            requests.post(self._url, data=json.dumps(event | fields), timeout=10)


def main(url: str, pace: float = 1.0, scenes: int | None = None) -> None:
    """Log until a signal ends the process, or its parent has ended.

    Args:
        url: of the collector.
        pace: a factor of all pauses.
        scenes: how many to play. Default None: without end.
    """
    parent = os.getppid()

    def pause(seconds: float) -> None:
        time.sleep(seconds * pace)
        if os.getppid() != parent:  # it was killed, and the collector with it
            sys.exit()

    with mozdef.configure(url, tags=["demo"], linger=0.2 * min(1.0, pace)):
        company = Company(url, pause)
        for scene in itertools.islice(itertools.cycle(_SCENES), scenes):
            getattr(company, scene)()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
