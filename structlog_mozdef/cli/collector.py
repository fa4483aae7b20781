"""Run a development collector: it answers as MozDef does, and keeps what MozDef would store."""

from __future__ import annotations

import argparse

from structlog_mozdef.collector import CollectorError, RunningCollector, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="0: any free port (default: %(default)s)"
    )
    parser.add_argument(
        "--database", default=":memory:", metavar="FILE", help="SQLite file (default: in memory)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP."""
    try:
        serve(options.host, options.port, options.database, on_start=_announce)
    except CollectorError as error:
        raise ValueError(error) from None
    return 0


def _announce(running: RunningCollector) -> None:
    print(f"The collector accepts events at {running.url} (Ctrl-C stops it).", flush=True)
