"""The arguments that commands with a destination share."""

from __future__ import annotations

import argparse
from typing import Any

from structlog_mozdef.sink import Sink


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Define the arguments for the URL, and for how its certificate is verified."""
    parser.add_argument(
        "url", metavar="URL", help="https://host:8443/events, or another URL that a Sink accepts"
    )
    parser.add_argument(
        "--verify",
        default="yes",
        metavar="yes|no|FILE",
        help="verify the certificate, with a CA bundle (default: %(default)s)",
    )


def sink_to(url: str, verify: str, **options: Any) -> Sink:
    """Create a sink for *url*; *verify* is passed on unless it is "yes".

    Raises:
        ValueError: a setting cannot work, or the destination has no certificate to verify.
    """
    if verify == "yes":
        return Sink(url, **options)
    try:
        return Sink(url, verify=False if verify == "no" else verify, **options)
    except TypeError as error:
        problem = str(error)
    raise ValueError(f"--verify is not for this destination: {problem}")
