"""A file and standard output keep the promises of the contract."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import pty
import socket
import tempfile
import tty

import pytest
from support.running import standard_output
from support.transport_contract import TransportContract

from structlog_mozdef.transports.file import FileTransport


class TestFile(TransportContract):
    """A file that is made with the first event."""

    options: dict = {}  # noqa: RUF012 - read only

    @contextlib.contextmanager
    def working(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "events.ndjson")
            with contextlib.closing(FileTransport(path.as_uri(), **self.options)) as transport:
                yield transport, lambda: path.read_bytes().splitlines()

    @contextlib.contextmanager
    def broken(self):
        with contextlib.closing(FileTransport("file:///dev/full")) as transport:
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkfifo(f"{folder}/pipe")  # which nobody reads
            with contextlib.closing(FileTransport(f"file://{folder}/pipe")) as transport:
                yield transport

    def test_it_confirms(self):
        """The operating system has what was written to a file."""
        with self.working() as (transport, _):
            assert transport.confirms is True


class TestFileOnDisk(TestFile):
    """A file that is forced to the disk."""

    options = {"fsync": True}  # noqa: RUF012


class PipeContract(TransportContract):
    """Events to something with a reader."""

    def ends(self):
        """Return the descriptors to read from and to write to."""
        reader, writer = os.pipe()
        # An event of 90 kB does not fit into a pipe of the usual size.
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1024 * 1024)
        return reader, writer

    def transport(self, fd):
        with standard_output(fd):
            return FileTransport("-", write_timeout=0.2)

    @contextlib.contextmanager
    def working(self):
        reader, writer = self.ends()
        os.set_blocking(reader, False)
        read = b""

        def arrived():
            nonlocal read
            with contextlib.suppress(BlockingIOError):
                while part := os.read(reader, 1_000_000):
                    read += part
            return read.splitlines()

        transport = self.transport(writer)
        with contextlib.closing(transport):
            yield transport, arrived
        os.close(reader)

    @contextlib.contextmanager
    def broken(self):
        reader, writer = self.ends()
        transport = self.transport(writer)
        os.close(reader)
        with contextlib.closing(transport):
            yield transport

    def test_nobody_confirms(self):
        """A reader can end with what it has not read."""
        with self.working() as (transport, _):
            assert transport.confirms is False


class TestStandardOutputIsAPipe(PipeContract):
    """What a container or a shell pipe reads."""


class TestStandardOutputIsASocket(PipeContract):
    """What systemd's journal reads."""

    def ends(self):
        reader, writer = socket.socketpair()
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        return reader.detach(), writer.detach()


class TestStandardOutputIsATerminal(PipeContract):
    """What a person reads."""

    def ends(self):
        reader, writer = pty.openpty()
        tty.setraw(writer)
        return reader, writer

    @pytest.mark.parametrize("text", ["", "\u65e5\u672c\U0001f600", 'quote " backslash \\'])
    def test_bytes_are_not_changed(self, text):
        """What a terminal holds without a reader arrives as it is."""
        super().test_bytes_are_not_changed(text)


class TestStandardOutputIsAFile(TransportContract):
    """What ``program > file`` writes."""

    @contextlib.contextmanager
    def working(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/output"
            with standard_output(os.open(path, os.O_WRONLY | os.O_CREAT)):
                transport = FileTransport("-")
            with contextlib.closing(transport):
                yield transport, lambda: pathlib.Path(path).read_bytes().splitlines()

    @contextlib.contextmanager
    def broken(self):
        with standard_output(os.open("/dev/full", os.O_WRONLY)):
            transport = FileTransport("-", write_timeout=0.2)
        with contextlib.closing(transport):
            yield transport

    def test_it_confirms(self):
        """The operating system has what was written to a file."""
        with self.working() as (transport, _):
            assert transport.confirms is True
