"""``MozDefMsg.log``, the "internal attributes" of mozdef_lib.

They can be read. What a program sets is sent: what is set on the class by all instances, what is
set on an instance by this one.
"""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat._documents import host_name, process_name
from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.timestamps import utc_now

_MISSING: Any = object()


def attributes_now() -> dict[str, Any]:
    """Return the attributes that are sent now if the program sets none."""
    return {
        "timestamp": utc_now(),
        "hostname": host_name(),
        "processid": identity.process_id(),
        "processname": process_name(),
        "severity": "INFO",
        "summary": None,
        "category": "event",
        "tags": [],
        "details": {},
    }


class ClassLog:
    """A descriptor for the ``log`` of the class: a dict, which is created on first access.

    What a program changes in it is sent by all instances.
    """

    def __init__(self) -> None:
        self.log: dict[Any, Any] | None = None
        self.initial: dict[str, Any] = {}

    def __get__(self, instance: Any, owner: type) -> dict[Any, Any]:
        if self.log is None:
            now = attributes_now()
            self.initial = {**now, "tags": [], "details": {}}
            self.log = now
        return self.log


def attributes_set(instance: Any) -> list[dict[Any, Any]]:
    """Return what the program has set in ``log``: that of the class, and that of *instance*.

    Raises:
        MozDefError: one of them is not a dict.
    """
    logs = [_log_of_class(type(instance))]
    if "log" in vars(instance):
        logs.append((instance.log, getattr(instance, "_initial_log", {})))
    logs = [(log, initial) for log, initial in logs if log is not None]
    if not all(issubclass(type(log), dict) for log, _ in logs):
        raise MozDefError("log must be a dict")
    return [_changed(log, initial) for log, initial in logs]


def _log_of_class(kind: type) -> tuple[Any, dict[str, Any]]:
    """Return the ``log`` of a class without creating one, and what was not set by the program."""
    for owner in kind.__mro__:
        declared = vars(owner).get("log")
        if isinstance(declared, ClassLog):
            return declared.log, declared.initial
        if "log" in vars(owner):
            return kind.log, {}  # type: ignore[attr-defined]
    return None, {}


def _changed(log: dict[Any, Any], initial: dict[str, Any]) -> dict[Any, Any]:
    """Return the items of *log* that differ from *initial*."""
    # By type and value: a copy of the instance (perhaps in another process) has other objects.
    return {
        name: value
        for name, value in list(dict.items(log))  # another thread may be setting something
        if (known := initial.get(name, _MISSING)) is not value
        and not (type(known) is type(value) and known == value)
    }
