"""The FastAPI app of docs/how-to/fastapi.md, in a process of its own, under any of the ASGI servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.fastapi_page import shop_app
from tests.support.other_servers import free_port

PATIENCE = 60
EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
# What each server is started with, and what it says when it serves.
COMMANDS = {
    "uvicorn": (["uvicorn", "--port", "{port}"], "Uvicorn running on"),
    "hypercorn": (["hypercorn", "--workers", "0", "--bind", "127.0.0.1:{port}"], "Running on"),
    # hypercorn's worker processes, with more time than a test has: it fails if connections are told at the end of it.
    "hypercorn workers": (
        ["hypercorn", "--workers", "2", "--graceful-timeout", "300", "--bind", "127.0.0.1:{port}"],
        "Running on",
    ),
    "granian": (["granian", "--interface", "asgi", "--port", "{port}"], "Started worker-1"),
}


class Shop:
    """The running app."""

    def __init__(self, kind: str, home: Path, without: str = "", **environment: str) -> None:
        """`without` is a line of the page to leave out; `environment` has more settings."""
        text = shop_app()
        assert without in text
        (home / "shop_app.py").write_text(text.replace(without, ""))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (module, *options), self._says = COMMANDS[kind]
        kept = {n: v for n, v in os.environ.items() if not n.startswith("WATCHWORD_")}
        given = {
            "WATCHWORD_ISSUER": f"{self.url}/watchword",
            "WATCHWORD_DRAIN_SECONDS": "0",
        }
        given = kept | given | environment
        if kind == "hypercorn workers":
            # Two workers that make the app's tables at the same moment would fail.
            subprocess.run(
                [sys.executable, "-c", "import shop_app"], cwd=home, env=given, check=True
            )
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                module,
                *(each.format(port=port) for each in options),
                "shop_app:app",
            ],
            cwd=home,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._serves = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._serves.wait(PATIENCE), "".join(self.output)
        # granian says so a moment before it listens.
        ends_at = time.monotonic() + PATIENCE
        while not listens(port) and time.monotonic() < ends_at:
            assert self._process.poll() is None, "".join(self.output)
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE)
        credentials = {"email": EMAIL, "password": PASSWORD}
        assert self.client.post("/register", params=credentials).status_code == 200

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if self._says in line:
                    self._serves.set()
        self._serves.set()

    def token(self) -> str:
        """Sign in with a new session, whose cookie the client keeps; return the access token."""
        said = {"email": EMAIL, "password": PASSWORD, "delivery": "body"}
        answer = self.client.post("/watchword/api/auth/login", json=said)
        assert answer.status_code == 200, answer.text
        self.refresh = answer.json()["refresh_token"]
        return str(answer.json()["access_token"])

    def ask(self, query: str, token: str) -> Any:
        return self.client.post("/watchword/graphql", json={"query": query}, headers=bearer(token))

    @contextmanager
    def subscribed(self, token: str, **members: Any) -> Iterator[ClientConnection]:
        """Follow the orders by a socket for a block; `members` are more of the request."""
        url = self.url.replace("http", "ws") + "/watchword/graphql"
        with connect(url, subprotocols=["graphql-transport-ws"], proxy=None) as client:  # type: ignore[list-item]
            said = {"authorization": f"Bearer {token}"}
            client.send(json.dumps({"type": "connection_init", "payload": said}))
            assert json.loads(client.recv(PATIENCE))["type"] == "connection_ack"
            query = {"query": "subscription { orders }", **members}
            client.send(json.dumps({"type": "subscribe", "id": "1", "payload": query}))
            # The answer says that the subscription before it has begun.
            client.send(json.dumps({"type": "ping"}))
            assert json.loads(client.recv(PATIENCE))["type"] == "pong"
            yield client

    def stop(self) -> str:
        """Send SIGTERM, and return what the server wrote once it has ended."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._reader.join(PATIENCE)
        self.client.close()
        return "".join(self.output)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def close_of(client: ClientConnection) -> int | None:
    """Read until the server closes the socket; return the close code."""
    with pytest.raises(ConnectionClosed):
        while True:
            client.recv(PATIENCE)
    return client.close_code
