"""The name of this machine, as the old clients looked it up."""

from __future__ import annotations

import socket

import pytest
from support.compat_receivers import only

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._documents import host_name


@pytest.fixture
def machine(monkeypatch):
    """Set what the machine calls itself, and what the resolver answers."""

    def be(plain, canonical):
        monkeypatch.setattr(socket, "gethostname", lambda: plain)
        monkeypatch.setattr(socket, "getfqdn", lambda name="": canonical)
        host_name.cache_clear()

    yield be
    host_name.cache_clear()


@pytest.mark.parametrize(
    ("plain", "canonical", "expected"),
    [
        ("web1.prod", "web1.prod.example.com", "web1.prod.example.com"),
        ("web1.prod", "localhost", "web1.prod"),
        ("web1.example.com", "web1.example.com", "web1.example.com"),
    ],
)
def test_canonical_name(machine, receiver, plain, canonical, expected):
    """A name with a dot in it is looked up, too; a useless answer does not count."""
    machine(plain, canonical)
    mozdef.MozDefMsg(receiver.url).send("hello")
    assert only(receiver)["hostname"] == mozdef.MozDefEvent("url").hostname == expected
