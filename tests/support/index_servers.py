"""Real index servers: Elasticsearch and OpenSearch, a node each, in a Java process of its own.

``.ci/index-servers`` has asked Maven for their jars and written a class path for each. Their own
distributions hold more than the jars (security, licences, machine learning): an index is the same.
"""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "elasticsearch" / "servers"
CLASS_PATHS = ROOT / ".venv" / "index"
#: The servers, and what each is called in documents.
SERVERS = {
    "elasticsearch6": "Elasticsearch 6.8",
    "elasticsearch7": "Elasticsearch 7.17",
    "opensearch2": "OpenSearch 2.19",
}
_START_TIMEOUT = 120


class IndexServer:
    """A server with its data in *folder*; a context manager.

    Args:
        name: one of `SERVERS`.
        folder: for its data; it is made where it is missing.
        settings: of the server, such as ``{"thread_pool.write.queue_size": "1"}``.
    """

    def __init__(self, name: str, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.name = name
        self.folder = folder
        self._settings = {"http.port": "0", **(settings or {})}
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, with the port that it had before; return when it answers."""
        class_path = CLASS_PATHS / f"{self.name}.classpath"
        if not class_path.exists():
            raise RuntimeError("The jars of the servers are missing: run `make test-elasticsearch`")
        self.folder.mkdir(exist_ok=True, parents=True)
        with (self.folder / "output.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    "java",
                    *("-Xms384m", "-Xmx384m", "-XX:TieredStopAtLevel=1"),
                    *(
                        "-cp",
                        class_path.read_text().strip(),
                        str(SOURCES / self.name / "Server.java"),
                    ),
                    str(self.folder / self.name),
                    *(f"{name}={value}" for name, value in self._settings.items()),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        for line in self._process.stdout:
            if line.startswith("started "):
                self.port = int(line.split()[1])
                self._settings["http.port"] = str(self.port)
                return
        raise RuntimeError((self.folder / "output.log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_TIMEOUT)
            self._process.stdout.close()
            self._process = None

    def request(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Make a request: the status, and the JSON of the answer.

        A *body* of bytes or a string is sent as it is (NDJSON), any other as JSON.
        """
        if body is not None and not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, body, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=200) as response:
                return response.status, json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}")

    def documents(self, index: str) -> list[dict]:
        """All documents of *index*, 10,000 at most, in no order."""
        self.request("POST", f"/{index}/_refresh")
        status, found = self.request("POST", f"/{index}/_search?size=10000", {})
        return [] if status == 404 else [hit["_source"] for hit in found["hits"]["hits"]]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
