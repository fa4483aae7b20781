"""What is different under uWSGI: it gives its programs a module ``uwsgi``.

It runs no Python threads, and it forks its workers without Python's own hooks, unless options say
otherwise; a hook of its own, ``uwsgi.post_fork_hook``, it always calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_MARK = "_structlog_mozdef"


def uwsgi_runs_no_threads() -> bool:
    """Whether this process is a uWSGI worker that was started without threads.

    ``uwsgi.opt`` has the options that it was started with, as bytes or True; ``threads`` implies
    ``enable-threads``.
    """
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    if not isinstance(options, dict):
        return False
    names = {name.decode() if isinstance(name, bytes) else name for name in options}
    return names.isdisjoint(("enable-threads", "threads"))


def call_after_uwsgi_forks(function: Callable[[], None]) -> None:
    """Have *function* called in workers that uWSGI forks, before the hook that is there.

    To be called again before it matters: who sets a hook without care replaces this one.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    if not isinstance(getattr(uwsgi, "opt", None), dict):
        return
    others = getattr(uwsgi, "post_fork_hook", None)
    if getattr(others, _MARK, False):
        return

    def hook() -> None:
        function()
        if callable(others):
            others()

    setattr(hook, _MARK, True)
    uwsgi.post_fork_hook = hook
