"""Send the events of a sample application to a collector, and show what MozDef would store."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from typing import Any

from structlog_mozdef._terminal import has_colours
from structlog_mozdef.cli.ending import Interrupted
from structlog_mozdef.collector import RunningCollector, running_collector

_APPLICATION = "structlog_mozdef.cli.demo_application"
_TRAFFIC = "structlog_mozdef.cli.demo_traffic"
_SHOWN = (
    "User logged in",
    "Log-in failed",
    "Account locked",
    "Account could not be created",
    "Not Found: /wp-login.php",
)
_TOKENS = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    parser.add_argument(
        "--serve",
        action="store_true",
        help="go on with a small stream of events, and show them on a page, until Ctrl-C (default:"
        " end)",
    )
    parser.add_argument("--port", type=int, default=0, help="of the page (default: any free port)")


def run(options: argparse.Namespace) -> int:
    """Print some documents and the figures; return 0 if every event was stored unchanged."""
    with running_collector(port=options.port) as collector:
        if options.serve:
            return _serve(collector)
        print(f"The collector accepts events at {collector.url}.")
        print("The sample application runs ...\n", flush=True)
        application = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", _APPLICATION, collector.url],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        figures = json.loads(application.stdout)
        for document in _documents_to_show(collector):
            print(colour(json.dumps(document, indent=2, sort_keys=True)), end="\n\n")
        status = _report(figures, collector)
    print("\nThe collector has a page that shows events as they arrive: see them with")
    print("make demo SERVE=1, or structlog-mozdef demo --serve")
    return status


def _serve(collector: RunningCollector) -> int:
    """Let events arrive until a signal ends it."""
    print(f"The page is at {collector.base_url}/")
    print(f"Events of your own are accepted at {collector.url} (Ctrl-C stops it).", flush=True)
    # In a session of its own, since Ctrl-C is for this process, which then ends that one.
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _TRAFFIC, collector.url], start_new_session=True
    ) as traffic:
        try:
            return traffic.wait()
        except Interrupted:  # which is how it is meant to end
            return 0
        finally:
            traffic.terminate()


def _documents_to_show(collector: RunningCollector) -> list[dict[str, Any]]:
    first: dict[str, dict[str, Any]] = {}
    for document in collector.documents(limit=100):
        first.setdefault(document["summary"], document)
    return [first[summary] for summary in _SHOWN if summary in first]


def _report(figures: dict[str, Any], collector: RunningCollector) -> int:
    sent, stored = figures["sent"], collector.stored
    differences = collector.differences()
    for difference in differences[:10]:
        print(f"MozDef would have {difference.kind} {difference.field}: {difference.reason}")
    print(f"sent      {sent:>8,}")
    print(f"stored    {stored:>8,}")
    print(f"lost      {sent - stored:>8,}")
    print(
        f"events/s  {sent / figures['seconds']:>8,.0f}  from the first log call to the last answer"
    )
    return 0 if sent == stored == figures["delivered"] and not differences else 1


def colour(text: str) -> str:
    """Return JSON *text* with colours, if standard output is a terminal that supports them.

    JSON escapes the control characters of events: they cannot reach the terminal.
    """
    if not has_colours(sys.stdout):
        return text

    def paint(match: re.Match[str]) -> str:
        string, colon, other = match.groups()
        if other:
            return f"\033[33m{other}\033[0m"
        return f"\033[34m{string}\033[0m{colon}" if colon else f"\033[32m{string}\033[0m"

    return _TOKENS.sub(paint, text)
