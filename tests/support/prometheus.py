"""A real Prometheus, which scrapes a server every second."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import yaml

from tests.support.programs import missing, program

PATIENCE = 60


class LivePrometheus:
    """A process of Debian's prometheus; `url` is its origin."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url = url
        self._client = client

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query. Raises for an expression that it does not take."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        said = answer.json()
        assert said["status"] == "success", (expression, said)
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    def targets(self) -> list[dict[str, Any]]:
        """Return what it scrapes, with its health."""
        found: list[dict[str, Any]] = self._client.get("/api/v1/targets").json()["data"][
            "activeTargets"
        ]
        return found


@contextmanager
def live_prometheus(folder: Path, server: str, **scraping: Any) -> Iterator[LivePrometheus]:
    """Run a Prometheus that scrapes a server while the block runs. `scraping` is added to its scrape configuration."""
    found = program("prometheus")
    if found is None:
        missing("There is no prometheus: run `apt-get install prometheus`.")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = urlsplit(server).netloc
    job = {"job_name": "watchword", "static_configs": [{"targets": [target]}], **scraping}
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(settings))
    command = [
        found,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "prometheus.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
        httpx2.Client(base_url=url, trust_env=False) as client,
    ):
        try:
            _wait(url, folder)
            yield LivePrometheus(url, client)
        finally:
            process.terminate()


def _wait(url: str, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.05)
    raise AssertionError((folder / "prometheus.log").read_text() + json.dumps({"url": url}))
