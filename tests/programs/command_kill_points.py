"""A command for a spool, killed at every call of one system function; and who comes after.

Arguments: the function, a folder, and the command. For each call of the function, before and after
it, prints a line of JSON: the dead letters and the events that were found afterwards, and what was
found once the command had run to its end.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from structlog_mozdef.cli import main as run_command

NAMES = {"flock": fcntl}


def kill_at(name, nth, when):
    owner = NAMES.get(name, os)
    real = getattr(owner, name)
    calls = 0

    def function(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls != nth:
            return real(*arguments, **options)
        if when == "after":
            with contextlib.suppress(OSError):
                real(*arguments, **options)
        return os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, function)


def in_child(folder, command, *point):
    """Run the command in a child; whether it came to its end."""
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if point:
                kill_at(*point)
            os._exit(run_command(["spool", command[0], str(folder), *command[1:]]))
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return not os.WIFSIGNALED(status)


def found_in(folder):
    file = folder / "dead-letters.ndjson"
    return {
        "letters": file.read_text().splitlines() if file.exists() else [],
        "events": [
            line
            for path in sorted(folder.glob("1*/*.ndjson"))
            for line in path.read_text().splitlines()
        ],
        "names": sorted(path.name for path in folder.iterdir()),
    }


def main(name, folder, *command):
    for when in ("before", "after"):
        nth, completed = 0, False
        while not completed:
            nth += 1
            copy = Path(folder).with_name(f"{when}{nth}")
            shutil.copytree(folder, copy)
            completed = in_child(copy, command, name, nth, when)
            point = {"point": f"{when} {name} {nth}", "killed": found_in(copy)}
            in_child(copy, command)
            print(json.dumps({**point, "ended": found_in(copy)}))
        assert nth > 1, f"{name} is never called"


main(*sys.argv[1:])
