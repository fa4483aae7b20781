"""How this Python was built, on which all figures depend: with the compiler's optimisations or not.

With ``./configure --enable-optimizations`` the compiler is shown what usual programs run, and most
who build so let the linker optimise all files at once. What ``sysconfig`` says of it is not always
true: Debian builds so, and removes it from what extensions are built by. Nobody can remove the
effect: the functions of one file, which are together in a few kilobytes without it, stand apart by
how often they run, up to megabytes away.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import sysconfig

# All are in Objects/dictobject.c, which has about 30 kB of code.
_OF_ONE_FILE = (
    "PyDict_New",
    "PyDict_GetItem",
    "PyDict_SetItem",
    "PyDict_Next",
    "PyDict_Copy",
    "PyDict_Merge",
    "PyDict_MergeFromSeq2",
    "PyDict_Items",
    "PyDict_DelItemString",
)
_TOGETHER_BYTES = 250_000


def optimised() -> bool:
    """Return whether the compiler optimised this Python by a profile."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "--enable-optimizations" in options or _distance() > _TOGETHER_BYTES


def _distance() -> int:
    """Return the bytes between the first and the last of the functions of one file."""
    addresses = [
        ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for name in _OF_ONE_FILE
    ]
    return max(addresses) - min(addresses)


def version() -> str:
    """Return the version of this Python, and the distribution if it comes from one."""
    if sys.base_prefix != "/usr":
        return platform.python_version()
    system = platform.freedesktop_os_release()
    name = system["ID"].capitalize()
    return f"{platform.python_version()} of {name} {system.get('VERSION_CODENAME', '')}".rstrip()


def description() -> str:
    """Return the compiler, and whether it optimised."""
    kind = "optimised" if optimised() else "not optimised"
    return f"{platform.python_compiler()}, {kind}"
