"""Shows where a new subscriber's time goes inside the process: `python -m benchmarks.inside.connections`.

The app of `make bench` gets the bytes of many clients that connect, authenticate and subscribe from transports without
sockets, so the kernel and the load generator take no part. All connect, then all send their token, then all subscribe.
Printed are the processor time of a client in the quickest round, the objects that only a collection of garbage could
release, and samples of the running function, as `requests.py` takes them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from uvicorn.server import ServerState

from benchmarks.home import Home
from benchmarks.inside.requests import Outlet, Profile, app_of
from benchmarks.load.crowd import UPGRADE, message
from benchmarks.operations import UPDATES
from benchmarks.servers import ALONE, APP
from watchword.asgi.uvicorn.frames import PipeProtocol
from watchword.cli.serve import config
from watchword.config.settings import read

# Turns of the event loop in which everything that a message causes has happened.
TURNS = 12
STAGES = ("connect", "acknowledge", "subscribe")


class Pipe(Outlet):
    """A transport whose owner may change, as that of a WebSocket does."""

    owner: Any = None
    is_closed = False

    def set_protocol(self, protocol: Any) -> None:
        self.owner = protocol

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close


class Crowd:
    """Clients of an app, which send their messages in turn."""

    def __init__(self, app: Any, tokens: list[str], size: int) -> None:
        self._config = config(app, read())
        self._config.load()
        self._state = ServerState()
        self._pipes: list[Pipe] = []
        self._size = size
        inits = [
            message(type="connection_init", payload={"authorization": f"Bearer {token}"})
            for token in tokens
        ]
        self._inits = [inits[number % len(inits)] for number in range(size)]
        self._subscribe = message(id="s", type="subscribe", payload={"query": UPDATES})

    async def connect(self) -> list[float]:
        """Connect all; return the processor time of each stage, in seconds."""
        steps = (self._open, self._authenticate, self._begin)
        return [await self._take(step) for step in steps]

    async def close(self) -> None:
        """Close all."""
        for pipe in self._pipes:
            pipe.is_closed = True
            pipe.owner.connection_lost(None)
        self._pipes.clear()
        while self._state.tasks:  # noqa: ASYNC110 - an event would have to be uvicorn's
            await asyncio.sleep(0.01)

    async def _take(self, step: Any) -> float:
        began = time.process_time()
        for number in range(self._size):
            step(number)
            if number % 10 == 9:
                await asyncio.sleep(0)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return time.process_time() - began

    def _open(self, _number: int) -> None:
        loop = asyncio.get_running_loop()
        pipe = Pipe()
        pipe.owner = PipeProtocol(self._config, self._state, {}, loop)
        pipe.owner.connection_made(pipe)
        pipe.owner.data_received(UPGRADE)
        self._pipes.append(pipe)

    def _authenticate(self, number: int) -> None:
        self._pipes[number].owner.data_received(self._inits[number])

    def _begin(self, number: int) -> None:
        pipe = self._pipes[number]
        pipe.answer = None
        pipe.owner.data_received(self._subscribe)


async def _measure(home: Home, size: int, seconds: float, most: int) -> None:
    async with app_of(APP) as app:
        crowd = Crowd(app, home.tokens(), size)
        await crowd.connect()
        await crowd.close()
        rounds, end = list[list[float]](), time.monotonic() + seconds
        while time.monotonic() < end or len(rounds) < 3:
            rounds.append(await crowd.connect())
            await crowd.close()
        least = [took / size * 1e6 for took in min(rounds, key=sum)]
        parts = ", ".join(f"{name} {took:.1f}" for name, took in zip(STAGES, least, strict=True))
        print(f"{sum(least):.1f} µs for each of {size} ({parts}), the least of {len(rounds)}")
        print(f"{await _garbage(crowd) / size:.1f} objects of each are left in cycles")
        profile, end = Profile(), time.monotonic() + seconds
        while most and time.monotonic() < end:
            with profile.taken():
                await crowd.connect()
            await crowd.close()
        profile.show(most)


async def _garbage(crowd: Crowd) -> int:
    gc.collect()
    gc.disable()
    try:
        await crowd.connect()
        return gc.collect()
    finally:
        gc.enable()
        await crowd.close()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.connections", description=__doc__
    )
    parser.add_argument("--size", type=int, default=1_000, help="clients")
    parser.add_argument("--seconds", type=float, default=10.0, help="for the time, and the samples")
    parser.add_argument("--most", type=int, default=15, help="functions that are shown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder)))
        os.environ.update(home.environment(), **ALONE)
        uvloop.run(_measure(home, options.size, options.seconds, options.most))


if __name__ == "__main__":
    main()
