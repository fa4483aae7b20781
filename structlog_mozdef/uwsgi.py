"""uWSGI runs no Python threads unless it is told to."""

from __future__ import annotations

import sys
from typing import Any


def uwsgi_runs_no_threads() -> bool:
    """Whether this process is a uWSGI worker that was started without threads.

    uWSGI gives its programs a module ``uwsgi`` with the options that it was started with, as
    bytes or True; ``threads`` implies ``enable-threads``.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    if not isinstance(options, dict):
        return False
    names = {name.decode() if isinstance(name, bytes) else name for name in options}
    return names.isdisjoint(("enable-threads", "threads"))
