"""The servers are what they say they are."""

from __future__ import annotations

from support.index_servers import SERVERS


def test_it_is_the_server_that_the_documents_name(server):
    """Name and version are those that the documents give."""
    _, root = server.request("GET", "/")
    product, _, version = SERVERS[server.name].partition(" ")
    assert root["version"].get("distribution", "elasticsearch") == product.lower()
    assert root["version"]["number"].startswith(f"{version}.")
