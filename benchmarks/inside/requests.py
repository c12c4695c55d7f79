"""Shows where a request spends its time inside the process: `python -m benchmarks.inside.requests viewer`.

The app of `make bench` gets the bytes of requests from a transport without a socket, so the kernel and the load
generator take no part. The time of a request is the least of many short rounds. The shares are samples of the running
function, taken by a timer of processor time; a sample falls where the interpreter next looks for signals, so C functions
count for the line that calls them. `uvicorn` is uvicorn's own connection with an app that returns a constant, and
`connection` is ours with the same app.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from benchmarks.home import Home
from benchmarks.load.http import request
from benchmarks.operations import LARGE, LIST, MUTATION, ROOM, SHARED, VIEWER, Operation
from benchmarks.room import rooms
from benchmarks.servers import ALONE, APP
from watchword.app import create_app
from watchword.asgi.types import BEGINS_WITHOUT_TASK
from watchword.asgi.uvicorn.frames import PipeProtocol
from watchword.cli.serve import config
from watchword.config.settings import read
from watchword.domain import load

OPERATIONS = {each.name: each for each in (VIEWER, LIST, LARGE, MUTATION, SHARED, ROOM)}
CONSTANTS = {"uvicorn": HttpToolsProtocol, "connection": PipeProtocol}
# Each function belongs to the first stage with a part of its file's path.
STAGES = (
    (
        "bytes to a request, an answer to bytes",
        ("/asgi/", "/uvicorn/", "/load/", "inside/requests"),
    ),
    ("middleware in front", ("/middleware/", "/front.py", "/startup.py")),
    ("token and revocations", ("/auth/", "/tokens/", "/trust/", "/pipeline.py")),
    ("GraphQL over HTTP", ("/transports/",)),
    ("time limit, task, steps", ("/process/", "/asyncio_parts.py", "/asyncio/")),
    ("kept answers", ("/execution/shared/", "/events/", "/formats/")),
    (
        "permissions, cost and limits",
        (
            "/permissions/",
            "/cost/",
            "/limits.py",
            "/rejection.py",
            "/told_cost.py",
            "/guarded_fields.py",
            "/throttling/",
        ),
    ),
    ("JSON", ("/masking.py",)),
    ("compiled text", ("compiled ",)),
    ("execution", ("/execution/", "/permissions/", "watchword/context.py", "/loader.py")),
    ("resolvers and their objects", ("/peers/", "/incident_room/", "<string>")),
    ("database", ("/storage/", "/sqlalchemy/", "aiosqlite", "asyncpg", "/sqlite3/")),
)
KEPT = {"WATCHWORD_LOG_LOOK_SECONDS": "600"}
WARM, ROUND = 300, 100
INTERVAL = 0.001


class Outlet(asyncio.Transport):
    """A transport that keeps the first bytes of an answer, and whose client reads at once."""

    answer: bytes | None = None

    def write(self, data: Any) -> None:
        if self.answer is None:
            self.answer = data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 50_000)}.get(name, default)

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""


class Connections:
    """Open connections to an app, and the requests that they send in turn."""

    def __init__(
        self, app: Any, protocol: type[HttpToolsProtocol], operation: Operation, tokens: list[str]
    ):
        made = config(app, read())
        made.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        opened = [(protocol(made, state, {}, loop), Outlet()) for _ in range(operation.connections)]
        for connection, outlet in opened:
            connection.connection_made(outlet)
        self._connections = cycle(opened)
        self._requests = cycle([request(operation.body(), token) for token in tokens])

    async def send(self, times: int) -> None:
        """Send so many requests, one after the other. Raises `RuntimeError` for an answer that is not 200."""
        for _ in range(times):
            connection, outlet = next(self._connections)
            outlet.answer = None
            connection.data_received(next(self._requests))
            while outlet.answer is None:  # noqa: ASYNC110 - an event would cost more than the turn
                await asyncio.sleep(0)
            if not outlet.answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the app answered {outlet.answer[:300]!r}")
        await asyncio.sleep(0)


class Profile:
    """Samples of the running function, by its stage and by its name."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take samples while the block runs."""
        before = signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        file = frame.f_code.co_filename
        self.functions[f"{file.rpartition('/')[2]}:{frame.f_code.co_qualname}"] += 1
        self.stages[_stage(file)] += 1

    def show(self, most: int) -> None:
        """Print the shares of the stages, and of the functions with the largest ones."""
        for counted in (self.stages, self.functions):
            print()
            for name, number in counted.most_common(most):
                print(f"{number / counted.total():6.1%}  {name}")


def _stage(file: str) -> str:
    return next((stage for stage, parts in STAGES if any(part in file for part in parts)), "other")


async def constant(_scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the body of a small query."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"64")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 64})


setattr(constant, BEGINS_WITHOUT_TASK, True)


@asynccontextmanager
async def app_of(mount: str) -> AsyncIterator[Any]:
    settings = read(mount=mount)
    app = create_app(settings, load(settings.mount))
    async with app.router.lifespan_context(app):
        yield app


async def _measure(name: str, home: Home, seconds: float, most: int) -> None:
    if protocol := CONSTANTS.get(name):
        await _profile(Connections(constant, protocol, VIEWER, home.tokens()), name, seconds, most)
        return
    operation = OPERATIONS[name]
    async with app_of("incident_room:schema" if operation is ROOM else APP) as app:
        # Answers are kept only while the log is looked at, for which the requests leave no turn of the event loop.
        await app.pipeline.services.hub.look()
        connections = Connections(app, PipeProtocol, operation, home.tokens())
        await _profile(connections, name, seconds, most)


async def _profile(connections: Connections, name: str, seconds: float, most: int) -> None:
    await connections.send(WARM)
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.process_time()
        await connections.send(ROUND)
        took.append((time.process_time() - began) / ROUND * 1e6)
    print(
        f"{name}: {min(took):.1f} µs of processor time for a request, the least of {len(took)} rounds"
    )
    profile, end = Profile(), time.monotonic() + seconds
    with profile.taken():
        while time.monotonic() < end:
            await connections.send(ROUND)
    if most:
        profile.show(most)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.requests", description=__doc__
    )
    parser.add_argument("names", nargs="+", choices=(*CONSTANTS, *OPERATIONS), metavar="NAME")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="for the time, and for the samples"
    )
    parser.add_argument("--most", type=int, default=15, help="functions that are shown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = {"": asyncio.run(Home.make(Path(folder)))}
        with rooms(Path(folder), {"sqlite"} if ROOM.name in options.names else set(), "") as more:
            for name in options.names:
                home = (homes | more)["sqlite" if name == ROOM.name else ""]
                os.environ.update(home.environment(), **(KEPT if name == SHARED.name else ALONE))
                uvloop.run(_measure(name, home, options.seconds, options.most))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
