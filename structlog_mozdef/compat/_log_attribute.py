"""``MozDefMsg.log``, the "internal attributes" of mozdef_lib.

They can be read. What a program sets is sent: what is set on the class by all instances, what is
set on an instance by this one.
"""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat._documents import process_name
from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.timestamps import utc_now

_MISSING: Any = object()


def attributes_now() -> dict[str, Any]:
    """Return the attributes that are sent now if the program sets none."""
    return {
        "timestamp": utc_now(),
        "hostname": identity.hostname(),
        "processid": identity.process_id(),
        "processname": process_name(),
        "severity": "INFO",
        "summary": None,
        "category": "event",
        "tags": [],
        "details": {},
    }


class ClassLog(dict[Any, Any]):
    """The ``log`` of the class. It holds what was set; other attributes can be read as well."""

    def __missing__(self, name: Any) -> Any:
        value = attributes_now()[name]
        if name in ("tags", "details"):
            return self.setdefault(name, value)  # the caller may add to it
        return value


def attributes_set(instance: Any) -> list[dict[Any, Any]]:
    """Return what the program has set in ``log``: that of the class, and that of *instance*.

    Raises:
        MozDefError: one of them is not a dict.
    """
    shared, own = type(instance).log, instance.log
    logs = [log for log in ([shared] if own is shared else [shared, own]) if log is not None]
    if not all(issubclass(type(log), dict) for log in logs):
        raise MozDefError("log must be a dict")
    initial = getattr(instance, "_initial_log", {})
    return [_changed(log, initial) if log is own else dict(log) for log in logs]


def _changed(log: dict[Any, Any], initial: dict[str, Any]) -> dict[Any, Any]:
    """Return the items of *log* that differ from *initial*."""
    # By type and value: a copy of the instance (perhaps in another process) has other objects.
    return {
        name: value
        for name, value in list(dict.items(log))  # another thread may be setting something
        if (known := initial.get(name, _MISSING)) is not value
        and not (type(known) is type(value) and known == value)
    }
