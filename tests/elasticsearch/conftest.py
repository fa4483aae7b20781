"""Servers that run for all tests of this folder."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.index_servers import SERVERS, IndexServer


@pytest.fixture(scope="session")
def _servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    servers = {name: IndexServer(name, folder / name) for name in SERVERS}
    with ThreadPoolExecutor() as pool:  # each takes its time to start
        list(pool.map(lambda server: server.start(), servers.values()))
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(params=SERVERS)
def server(request, _servers):
    """Each of the servers in turn, with whatever other tests have put into it."""
    return _servers[request.param]


@pytest.fixture
def index():
    """The name of an index that no other test uses."""
    return f"test-{uuid.uuid4().hex}"
