"""Runs the lifespan of an ASGI app, as a server does (ASGI's specification of the lifespan protocol)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send


@asynccontextmanager
async def started(app: ASGIApp) -> AsyncIterator[ASGIApp]:
    """Start an app for a block. Yields the app, with the state of its lifespan in each of its scopes.

    Raises what the app raises while it starts or stops.
    """
    steps = _Steps(app)
    await steps.take("startup")
    try:
        yield steps.app_with_state
    finally:
        await steps.take("shutdown")


class _Steps:
    """The lifespan of one app. All of it runs in one task, as task groups of the app demand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._asked: asyncio.Queue[Any] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._running = asyncio.ensure_future(app(scope, self._asked.get, self._told.put))

    async def take(self, step: str) -> None:
        """Ask for a step, and wait until it is done."""
        self._asked.put_nowait({"type": f"lifespan.{step}"})
        telling = asyncio.ensure_future(self._told.get())
        await asyncio.wait({self._running, telling}, return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            telling.cancel()
            await self._running
            raise RuntimeError(f"The app's lifespan ended without an answer to {step}.")
        told = telling.result()
        if told["type"].endswith(".failed"):
            await self._running
            raise RuntimeError(f"The app's {step} failed: {told.get('message', '')}")
        if step == "shutdown":
            await self._running

    async def app_with_state(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request with the state."""
        await self._app({**scope, "state": self._state.copy()}, receive, send)
