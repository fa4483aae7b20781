"""The arguments of a command that name a destination."""

from __future__ import annotations

import argparse
from typing import Any


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Define the URL, and how its certificate is verified."""
    parser.add_argument(
        "url", metavar="URL", help="https://host:8443/events, or another address that a Sink takes"
    )
    parser.add_argument(
        "--verify", default="yes", metavar="yes|no|FILE", help="CA bundle to verify with"
    )


def tls_options(verify: str) -> dict[str, Any]:
    """The options of a transport that *verify* asks for: not all know it, and none needs a yes."""
    return {} if verify == "yes" else {"verify": False if verify == "no" else verify}
