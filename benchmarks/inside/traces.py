"""Measures what traces cost: `python -m benchmarks.inside.traces`.

The same requests go to servers that differ only in their traces, in turns; the processor time of the server counts,
with the thread that sends the spans to a collector. Then they go to apps in one process without a server in front: a
bare app's time is the least that the cost of traces can be compared with.

`kept` is a query that is answered from memory, `read` one that is executed and asks the database, and `write` a mutation
with an event, which is delivered to a group of 20 subscribers.

With `--only off --requests 3000`, one app answers so many requests, and nothing is printed: for
`valgrind --tool=callgrind`, which counts instructions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from itertools import repeat
from pathlib import Path
from typing import Any

import incident_room
from benchmarks.inside.processes import environment, serving
from benchmarks.inside.rounds import Run, rounds
from benchmarks.load.http import ask, request
from watchword.app import create_app
from watchword.asgi.types import HAS_TRACEPARENT
from watchword.bootstrap import bootstrap
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.process.clock import SystemClock
from watchword.process.eager import Eager

MOUNT = Mount(incident_room.schema, incident_room.domain)
EMAIL, PASSWORD = "admin@example.com", "correct horse battery staple"
# The share of requests that is traced; None for an app without traces. 0 decides, and records nothing.
APPS: dict[str, float | None] = {"off": None, "0 %": 0.0, "1 %": 0.01, "100 %": 1.0}
ROUNDS = 40
# Requests of one app in one round.
BURST = {"kept": 400, "read": 150, "write": 30}
# How a server is asked in one round.
CONNECTIONS, SECONDS = 8, 1.0
READ = "{ components { id name status } incidents { nodes { id name status } } }"
WRITE = "mutation Add($input: RegisterComponentInput!) { registerComponent(input: $input) { id } }"
WATCH = "subscription { componentStatusChanged { name } }"
COLLECTOR = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside.traces", description=__doc__)
    parser.add_argument("--only", choices=APPS)
    parser.add_argument("--work", choices=BURST, default="read")
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, _collector() as url:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
        if options.only is None:
            names = "".join(f"{name:>9}" for name in APPS if name != "off")
            print(f"{'':14}{'off, µs':>9}{names}")
            for work in ("kept", "read"):
                _compare_served(Path(home), url, work, options.rounds)
            asyncio.run(_compare(Path(home), options.rounds))
        else:
            asyncio.run(_repeat(Path(home), options.only, options.work, options.requests))


def _compare_served(home: Path, url: str, work: str, count: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in APPS}
    body = request(json.dumps({"query": READ}).encode())
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(_served(home / f"served-{work}", url, name, work))
            for name in APPS
        }
        for number in range(count + 1):
            for name, (port, pid) in servers.items():
                began = _processor_seconds(pid)
                answers = ask(port, repeat(body), CONNECTIONS, SECONDS)
                # The first round fills caches.
                if number:
                    times[name].append((_processor_seconds(pid) - began) / len(answers))
    _print(f"{work}, served", times)


@contextmanager
def _served(home: Path, url: str, name: str, work: str) -> Iterator[tuple[int, int]]:
    """Run a server; yield its port and its process id."""
    ratio = APPS[name]
    kept = {} if work == "kept" else {"WATCHWORD_SHARED_ANSWERS_BYTES": "0"}
    traced = (
        {} if ratio is None else {"WATCHWORD_TRACES": "1", "WATCHWORD_TRACES_RATIO": str(ratio)}
    )
    home = home / name.replace(" %", "")
    home.mkdir(parents=True)
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
    settings = environment(home, WATCHWORD_DEMO="true", **kept, **traced) | where
    settings["WATCHWORD_LOG_LEVEL"] = "ERROR"
    with serving(settings) as (origin, pid):
        yield int(origin.rpartition(":")[2]), pid


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _print(title: str, times: dict[str, list[float]]) -> None:
    """Print the median time without traces, and the median ratio of each app with traces to it."""
    off = times["off"]
    ratios = [
        statistics.median(t / o for t, o in zip(took, off, strict=True))
        for name, took in times.items()
        if name != "off"
    ]
    cells = "".join(f"{ratio:9.3f}" for ratio in ratios)
    print(f"{title:14}{statistics.median(off) * 1e6:9.1f}{cells}", flush=True)


async def _compare(home: Path, count: int) -> None:
    for work in BURST:
        async with _asking(home, list(APPS), work) as asks:
            _print(work, await rounds(asks, BURST[work], count))


async def _repeat(home: Path, name: str, work: str, requests: int) -> None:
    async with _asking(home, [name], work) as asks:
        for _ in range(requests):
            await asks[name]()


@asynccontextmanager
async def _asking(home: Path, names: list[str], work: str) -> AsyncIterator[dict[str, Run]]:
    """Run an app of each name, and yield what sends a request to it."""
    asks: dict[str, Run] = {}
    running = []
    try:
        for name in names:
            settings = Settings(
                home=home / work / name.replace(" %", ""),
                demo=True,
                admin_email=EMAIL,
                admin_password=PASSWORD,
                shared_answers_bytes=32_000_000 if work == "kept" else 0,
                # Nothing else happens meanwhile.
                log_look_seconds=600,
                _env_file=None,
            )
            settings.home.mkdir(parents=True)
            app = await _app(settings, name)
            lifespan = app.router.lifespan_context(app)
            await lifespan.__aenter__()
            running.append(lifespan)
            # Answers are kept only while the log is looked at.
            await app.pipeline.services.hub.look()
            asks[name] = await _ask(app, work)
        yield asks
    finally:
        for lifespan in reversed(running):
            await lifespan.__aexit__(None, None, None)


async def _app(settings: Settings, name: str) -> Any:
    clock = SystemClock()
    await bootstrap(settings, MOUNT, clock, lambda _: None)
    ratio = APPS[name]
    if ratio is None:
        return create_app(settings, MOUNT, clock)
    # Imported here, so that this file can run in a checkout that has no traces yet.
    from watchword.telemetry.traces.sampling import Budget, Choice, Sampling
    from watchword.telemetry.traces.sdk import provider
    from watchword.telemetry.traces.tracing import Tracing

    sampling = Sampling(Choice(ratio), Budget(10, clock.now))
    traced = Tracing(provider(os.environ, ratio), sampling, is_own=True)
    return create_app(settings, MOUNT, clock, traced)


async def _ask(app: Any, work: str) -> Run:
    if work != "write":
        body = json.dumps({"query": READ}).encode()
        for _ in range(3):
            await _send(app, "/graphql", body)
        return lambda: _check(app, body, b"")
    login = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    token = json.loads(await _send(app, "/api/auth/login", login))["access_token"].encode()
    watching = [asyncio.create_task(_watch(app)) for _ in range(20)]
    while sum(app.pipeline.groups.sizes) < len(watching):  # noqa: ASYNC110 (nobody tells it)
        await asyncio.sleep(0.01)
    numbers = iter(range(1_000_000))

    async def write() -> None:
        variables = {"input": {"name": f"component {next(numbers)}"}}
        await _check(app, json.dumps({"query": WRITE, "variables": variables}).encode(), token)
        # Let the group answer.
        for _ in range(5):
            await asyncio.sleep(0)

    return write


async def _check(app: Any, body: bytes, token: bytes) -> None:
    answer = await _send(app, "/graphql", body, token)
    if b'"errors"' in answer:
        raise RuntimeError(answer.decode())


async def _send(app: Any, path: str, body: bytes, token: bytes = b"") -> bytes:
    parts: list[bytes] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            parts.append(message["body"])

    # As our own server does: in a context of its own, and without a task until it waits for something.
    context = Context()
    running: Eager[None] = context.run(
        Eager, app(_scope(path, b"application/json", token), receive, send)
    )
    if not running.is_done:
        await asyncio.get_running_loop().create_task(_finish(running), context=context)
    return b"".join(parts)


async def _finish(running: Awaitable[None]) -> None:
    await running


async def _watch(app: Any) -> None:
    """Subscribe by an event stream, and read it until the app stops."""
    bodies = iter([{"type": "http.request", "body": json.dumps({"query": WATCH}).encode()}])

    async def receive() -> Any:
        for each in bodies:
            return each
        await asyncio.Event().wait()

    async def send(_message: Any) -> None:
        pass

    await app(_scope("/graphql", b"text/event-stream", b""), receive, send)


def _scope(path: str, accept: bytes, token: bytes) -> dict[str, Any]:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"user-agent", b"benchmark"),
        (b"accept", accept),
        (b"content-type", b"application/json"),
        *([(b"authorization", b"Bearer " + token)] if token else []),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
        # So says our own server of a head that it has read before.
        HAS_TRACEPARENT: False,
    }


@contextmanager
def _collector() -> Iterator[str]:
    """Run a collector that drops what it gets, in a process of its own; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", COLLECTOR, str(port)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
