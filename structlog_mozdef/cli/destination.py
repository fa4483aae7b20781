"""The arguments of a command that name a destination."""

from __future__ import annotations

import argparse
from typing import Any

from structlog_mozdef.sink import Sink


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Define the URL, and how its certificate is verified."""
    parser.add_argument(
        "url", metavar="URL", help="https://host:8443/events, or another address that a Sink takes"
    )
    parser.add_argument(
        "--verify", default="yes", metavar="yes|no|FILE", help="CA bundle to verify with"
    )


def sink_to(url: str, verify: str, **options: Any) -> Sink:
    """A sink to *url*; *verify* is passed on only where it says more than yes.

    Raises:
        ValueError: for what cannot work, also where nothing is verified on the way to *url*.
    """
    if verify == "yes":
        return Sink(url, **options)
    try:
        return Sink(url, verify=False if verify == "no" else verify, **options)
    except TypeError as error:
        problem = str(error)
    raise ValueError(f"--verify is not for this destination: {problem}")
