"""Run a development collector: it answers as MozDef does, and shows what MozDef would store."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path
from typing import Any

from structlog_mozdef.cli.event_lines import EventLines
from structlog_mozdef.cli.own_certificate import default_folder, own_certificate
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.collector import CollectorError, RunningCollector, serve
from structlog_mozdef.collector.api.guard import is_loopback

_MEMORY = ":memory:"
_KEEP = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="0: any free port (default: %(default)s)"
    )
    parser.add_argument(
        "--database", default=_MEMORY, metavar="FILE", help="SQLite file (default: in memory)"
    )
    parser.add_argument(
        "--keep",
        type=_count,
        metavar="EVENTS",
        help=f"remove the oldest events beyond so many (default: {_KEEP:,} in memory, with at most"
        " 512 MB; all in a file)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which browsers, too, may reach it; repeatable (default: those of this"
        " machine)",
    )
    parser.add_argument(
        "--tls",
        nargs="?",
        type=Path,
        const=default_folder(),
        metavar="FOLDER",
        help="speak TLS only, with a certificate of its own making in FOLDER, or in the user's"
        " folder for states, ~/.local/state/structlog-mozdef (default: plain HTTP)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print no events (default: a line each)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP."""
    more: dict[str, Any] = {"allowed_hosts": options.allow_host, "keep": options.keep}
    if options.keep is None and options.database == _MEMORY:
        more["keep"] = _KEEP
    authority = None
    if options.tls is not None:
        more["ssl_certfile"], authority = own_certificate(options.tls, options.host)

    def announce(running: RunningCollector) -> None:
        print(f"The collector accepts events at {running.url} (Ctrl-C stops it).")
        print(f"Its page is {running.base_url}/")
        if authority is not None:
            print(f'For its certificate, set verify="{printable(str(authority))}"')
        if not is_loopback(options.host):
            print("All who reach this address can read its events and remove them.")
        print(end="", flush=True)

    on_news = None if options.quiet else EventLines().print_new
    try:
        serve(
            options.host, options.port, options.database, on_start=announce, on_news=on_news, **more
        )
    except CollectorError as error:
        raise ValueError(error) from None
    except sqlite3.Error as error:  # while it was read for the terminal
        raise ValueError(f"The database {options.database!r} cannot be read: {error}.") from None
    return 0


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < len(text) < 10 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"is {text!r}; it must be a number from 1 to 999999999")
    return int(text)
