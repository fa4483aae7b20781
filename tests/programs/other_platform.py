"""Use the package on a Python that lacks what macOS or Windows lack.

The names are those that the documentation of Python's ``os``, ``socket``, ``signal`` and
``select`` modules, and typeshed, do not have for these platforms.
"""

import asyncio
import builtins
import concurrent.futures
import http.server
import importlib
import logging.handlers
import multiprocessing
import os
import pathlib
import pkgutil
import platform as platform_module
import select
import selectors
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import time
import uuid

# Other libraries are loaded as they are on Linux.
import boto3
import orjson
import requests
import starlette.applications
import structlog
import uvicorn

_LOADED = (asyncio, concurrent.futures, http.server, multiprocessing, shutil, socketserver, ssl)
_LOADED += (subprocess, tempfile, uuid, boto3, orjson, requests, starlette.applications, uvicorn)

platform_module.uname()  # asks other programs, once
asyncio.new_event_loop().close()  # loads the loops of this platform, where Python does it late

NOT_ON_MACOS = {
    os: "fdatasync O_PATH O_TMPFILE O_DIRECT O_RSYNC eventfd memfd_create pipe2 posix_fadvise"
    " posix_fallocate sched_getaffinity sched_setaffinity splice copy_file_range getrandom setns"
    " getxattr setxattr",
    select: "epoll EPOLLIN EPOLLOUT",
    selectors: "EpollSelector",
    signal: "sigtimedwait sigwaitinfo SIGRTMIN SIGPWR SIGPOLL",
    socket: "SOCK_CLOEXEC SOCK_NONBLOCK TCP_KEEPIDLE TCP_USER_TIMEOUT MSG_NOSIGNAL AF_NETLINK"
    " SO_BINDTODEVICE SO_PEERCRED",
}
NOT_ON_WINDOWS = {
    os: NOT_ON_MACOS[os] + " fork forkpty register_at_fork fchmod fchown chown lchown geteuid"
    " getuid getgid getegid getgroups pread pwrite preadv pwritev readv writev mkfifo mknod killpg"
    " getpgid getpgrp setsid uname wait wait3 wait4 waitid WNOHANG O_CLOEXEC O_NOFOLLOW O_NONBLOCK"
    " O_DIRECTORY O_NOCTTY O_SYNC O_DSYNC O_ASYNC O_NDELAY O_ACCMODE openpty ttyname nice statvfs"
    " fstatvfs sync sysconf pathconf posix_spawn getloadavg getpriority chroot ctermid lockf"
    " sendfile fchdir sched_yield",
    select: NOT_ON_MACOS[select] + " poll kqueue PIPE_BUF POLLIN POLLOUT POLLERR POLLHUP",
    selectors: "PollSelector",
    signal: NOT_ON_MACOS[signal] + " SIGHUP SIGQUIT SIGKILL SIGALRM SIGCHLD SIGPIPE SIGSTOP SIGCONT"
    " SIGUSR1 SIGUSR2 SIGWINCH SIGTTIN SIGTTOU SIG_BLOCK SIG_UNBLOCK SIG_SETMASK alarm pause"
    " setitimer getitimer pthread_sigmask pthread_kill siginterrupt sigpending sigwait",
    socket: NOT_ON_MACOS[socket] + " AF_UNIX SO_REUSEPORT MSG_DONTWAIT CMSG_LEN CMSG_SPACE"
    " send_fds recv_fds",
    time: "tzset",
}
UNIX_SOCKETS, make_pair = socket.AF_UNIX, socket.socketpair
UNIX_MODULES = "fcntl resource pwd grp termios tty pty syslog posix crypt spwd"


def remove(names):
    """Remove *names* from their modules."""
    for module, missing in names.items():
        for name in missing.split():
            if hasattr(module, name):
                delattr(module, name)


def without_proc(function):
    """Return *function* for a system that has no /proc."""

    def call(path, *args, **kwargs):
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return function(path, *args, **kwargs)

    return call


def without_folders(function):
    """Return *function* without the parameters ``dir_fd``, and the like."""

    def call(*args, **kwargs):
        for name, value in kwargs.items():
            if name.endswith("dir_fd") and value is not None:
                raise NotImplementedError(f"{name} unavailable on this platform")
        if args and isinstance(args[0], int) and function.__name__ in ("listdir", "scandir"):
            raise TypeError("a path is expected, not a descriptor")
        return function(*args, **kwargs)

    return call


def become_macos():
    remove(NOT_ON_MACOS)
    for name in ("open", "stat", "listdir", "readlink"):
        setattr(os, name, without_proc(getattr(os, name)))
    builtins.open = without_proc(open)
    selectors.DefaultSelector = selectors.PollSelector
    sys.platform = "darwin"


def become_windows():
    become_macos()
    remove(NOT_ON_WINDOWS)
    selectors.DefaultSelector = selectors.SelectSelector
    for name in UNIX_MODULES.split():
        sys.modules[name] = None
    for known in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        known.clear()
    names = "open stat mkdir rename replace unlink rmdir chmod listdir scandir readlink access"
    for name in names.split():
        setattr(os, name, without_folders(getattr(os, name)))
    # Python makes a pair of another family there.
    socket.socketpair = lambda *args: make_pair(UNIX_SOCKETS)
    sys.platform = "win32"


def import_everything():
    """Import each module of the package that does not start a program."""
    import structlog_mozdef

    count = 0
    for module in pkgutil.walk_packages(structlog_mozdef.__path__, "structlog_mozdef."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
    print(count > 100)


def deliver(url, folder=None, sync=None):
    """Send three events to *url*; with a spool in *folder* if there is one."""
    import structlog_mozdef as mozdef

    options = {} if folder is None else {"spool": folder, "sync": sync}
    with mozdef.Sink(url, linger=0, **options) as sink:
        for number in range(3):
            sink.put(b'{"summary": "%d"}' % number)
        flushed = sink.flush(20)
    stats = sink.stats()
    print(flushed, stats.delivered + stats.sent, stats.dropped, file=sys.stderr)


def configured(url):
    """Log an event by `configure`."""
    import structlog_mozdef as mozdef

    sink = mozdef.configure(url, tags=["t"])
    structlog.get_logger().info("configured", user="kang")
    print(sink.flush(20), file=sys.stderr)


def sealed(folder):
    """Log sealed events, and print what an auditor says of them."""
    from structlog_mozdef import configure
    from structlog_mozdef.cli import main as command
    from structlog_mozdef.testing import MemoryTransport

    key, verification_key, record = (f"{folder}/{name}" for name in ("a/key", "keys", "record"))
    command(["seal", "new-key", key, "--verification-key", verification_key])
    transport = MemoryTransport()
    sink = configure(transport, seal=key)
    structlog.get_logger().info("sealed")
    sink.end_streams()
    sink.close(20)
    events = (event + b"\n" for batch in transport.batches for event in batch)
    pathlib.Path(record).write_bytes(b"".join(events))
    command(["seal", "verify", "--key", verification_key, record])


def seal(key):
    """Make a sink that seals."""
    import structlog_mozdef as mozdef

    mozdef.Sink("http://127.0.0.1:9/events", seal=key)


def handled(url):
    """Log an event by the logging handler."""
    import structlog_mozdef as mozdef

    handler = mozdef.MozDefHandler(mozdef.Sink(url))
    logging.getLogger("app").addHandler(handler)
    logging.getLogger("app").warning("handled")
    logging.shutdown()


def compat(url):
    """Send by the classes of mozdef_client and of mozdef_lib."""
    import structlog_mozdef.compat as mozdef

    event = mozdef.MozDefEvent(url)
    event.summary = "by an event"
    event.send()
    mozdef.MozDefMsg(url, tags=["t"]).send("by a message")
    mozdef.flush(20)


def compat_syslog():
    """Send to the local syslog alone."""
    import structlog_mozdef.compat as mozdef

    event = mozdef.MozDefEvent(None)
    event.summary = "to the local syslog"
    event.set_send_to_syslog(True, only_syslog=True)
    event.set_fire_and_forget(False)
    refuse(event.send)


def collected():
    """Run the development receiver, and have it store an event."""
    from structlog_mozdef import Sink
    from structlog_mozdef.collector import running_collector

    with running_collector() as collector, Sink(collector.url) as sink:
        sink.put(b'{"summary": "collected"}')
        sink.flush(20)
        print(collector.documents()[0]["summary"])


def refuse(function, *args):
    """Print why a call cannot work here."""
    try:
        function(*args)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")


def main(platform, scenario, *arguments):
    {"macos": become_macos, "windows": become_windows}[platform]()
    if scenario == "refuse":
        refuse(deliver, *arguments)
    elif scenario == "refuse to seal":
        refuse(seal, *arguments)
    else:
        globals()[scenario](*arguments)


main(*sys.argv[1:])
