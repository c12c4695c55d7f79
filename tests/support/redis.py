"""Real Redis servers for the tests, on free ports: a single one, one with a Sentinel, or a Cluster."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.support.programs import missing, program

PATIENCE = 30
# Seconds between two questions. Without a pause, they would take the server's core.
PAUSE = 0.005
SERVICE = "mymaster"
SLOTS = 16_384


class LiveRedis:
    """A redis-server process without persistence; `url` stays the same after a restart."""

    def __init__(self, *options: str) -> None:
        found = program("redis-server")
        if found is None:
            missing("There is no redis-server: run `apt-get install redis-server`.")
        self.port = _free_port()
        self._command = [str(found), *options, "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def client(self) -> Redis:
        """A client for the tests' own queries."""
        return Redis(port=self.port, socket_timeout=PATIENCE)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_until("PING", b"PONG")

    def kill(self) -> None:
        """Kill the server without a shutdown."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def wait_until(self, question: str, expected: bytes) -> None:
        """Repeat a command until its answer contains the expected text."""
        assert self._process is not None
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if expected in _ask(self.port, question):
                return
            time.sleep(PAUSE)
        raise AssertionError(f"redis-server on port {self.port} did not answer {question}")


@contextmanager
def live_redis(*options: str) -> Iterator[LiveRedis]:
    """Run a server while the block runs."""
    server = LiveRedis(*options, "--save", "", "--appendonly", "no")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def live_sentinel(master: LiveRedis, home: Path) -> Iterator[LiveRedis]:
    """Run a Sentinel that knows the master as `SERVICE`."""
    file = home / "sentinel.conf"
    file.write_text(f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 1\n")
    sentinel = LiveRedis(str(file), "--sentinel")
    sentinel.start()
    try:
        yield sentinel
    finally:
        sentinel.kill()


@contextmanager
def live_cluster(home: Path, nodes: int) -> Iterator[list[LiveRedis]]:
    """Run a Cluster of masters that know each other and share the slots."""
    running: list[LiveRedis] = []
    try:
        for number in range(nodes):
            folder = home / f"node{number}"
            folder.mkdir()
            node = LiveRedis("--cluster-enabled", "yes", "--dir", str(folder), "--save", "",
                             "--cluster-port", str(_free_port()))  # fmt: skip
            running.append(node)
            node.start()
        _join(running)
        yield running
    finally:
        for node in running:
            node.kill()


def _join(nodes: list[LiveRedis]) -> None:
    share = -(-SLOTS // len(nodes))
    for number, node in enumerate(nodes):
        last = min((number + 1) * share, SLOTS) - 1
        with node.client as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE", number * share, last)
            for other in nodes[:number]:
                bus_port = other._command[other._command.index("--cluster-port") + 1]
                client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, bus_port)
    for node in nodes:
        node.wait_until("CLUSTER INFO", b"cluster_state:ok")
        node.wait_until("CLUSTER INFO", b"cluster_known_nodes:%d" % len(nodes))


def _ask(port: int, question: str) -> bytes:
    """Return the raw answer to a command, or the empty answer if the server does not respond."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(f"{question}\r\n".encode())
            return connection.recv(65_536)
    except OSError:
        return b""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
