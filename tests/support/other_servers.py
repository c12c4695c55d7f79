"""Other ASGI servers on a real socket in the test's own event loop: hypercorn, granian, and uvicorn as it comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import granian
import hypercorn
import uvicorn
from granian.server.embed import Server as GranianServer
from hypercorn.asyncio import serve as serve_by_hypercorn

# Seconds in which a server must begin to listen, and in which it must end.
PATIENCE = 20
Address = tuple[str, Callable[[], None]]
"""The origin of a server, and the function that stops it."""


def serving_by(kind: str, app: Any) -> AbstractAsyncContextManager[Address]:
    """Run an ASGI app by the server of this name for a block; its lifespan runs too, if it has one."""
    return {"uvicorn": _uvicorn, "hypercorn": _hypercorn, "granian": _granian}[kind](app)


SERVERS = ("uvicorn", "hypercorn", "granian")


@asynccontextmanager
async def _uvicorn(app: Any) -> AsyncIterator[Address]:
    with _listener() as listener:
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)

        def stop() -> None:
            server.should_exit = True

        async with _running(server._serve([listener]), stop, _port(listener)) as address:
            yield address


@asynccontextmanager
async def _hypercorn(app: Any) -> AsyncIterator[Address]:
    listener = _listener()
    config = hypercorn.Config()
    # hypercorn takes the socket over, and closes it.
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = None
    port = socket.socket(fileno=int(config.bind[0][5:]))
    stopped = asyncio.Event()
    served = serve_by_hypercorn(app, config, shutdown_trigger=stopped.wait, mode="asgi")
    async with _running(served, stopped.set, port.getsockname()[1]) as address:
        port.detach()
        yield address


@asynccontextmanager
async def _granian(app: Any) -> AsyncIterator[Address]:
    port = free_port()
    server = GranianServer(
        app, port=port, interface=granian.constants.Interfaces.ASGI, log_enabled=False
    )
    async with _running(server.serve(), server.stop, port) as address:
        yield address


@asynccontextmanager
async def _running(served: Any, stop: Callable[[], None], port: int) -> AsyncIterator[Address]:
    task = asyncio.create_task(served)
    try:
        await _listens(port, task)
        yield f"http://127.0.0.1:{port}", stop
    finally:
        stop()
        async with asyncio.timeout(PATIENCE):
            await task


async def _listens(port: int, server: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not server.done():
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.to_thread(lambda: None)


def free_port() -> int:
    """Return a port that nothing listens on, for a server that makes its own socket."""
    with _listener() as listener:
        return _port(listener)


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])
