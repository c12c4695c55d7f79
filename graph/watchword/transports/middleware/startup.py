"""Refuses requests until the app is open: its lifespan has started everything, and has not begun to stop.

    NEW -> STARTING -> OPEN -> STOPPED -> STARTING ...
               \\-> FAILED -> STARTING ...

In any other stage nothing may be answered: revocations are not known, and events are not delivered.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import Response, route_path
from watchword.errors import Unavailable
from watchword.transports.websocket.protocol import SUBPROTOCOL

log = logging.getLogger("watchword.app")

LIVE, READY = "/health/live", "/health/ready"
# Seconds after which a client may try again.
RETRY_AFTER = 5

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


class Stage(Enum):
    """The stage that an app is in, in the words of the health routes."""

    NEW = "not started"
    STARTING = "starting"
    OPEN = "open"
    FAILED = "failed to start"
    STOPPED = "stopped"


REASONS = {
    Stage.NEW: "its lifespan has not run. An app that is mounted in another one is not started by it:"
    " pass lifespan=watchword.lifespan to the other one, or enter watchword.lifespan(app) in its lifespan.",
    Stage.STARTING: "it is still starting.",
    Stage.FAILED: "it could not start; the log above says why.",
    Stage.STOPPED: "it has stopped.",
}


class Startup:
    """The stage of one app."""

    def __init__(self) -> None:
        self.stage = Stage.NEW
        self._told: set[Stage] = set()

    def follow(self, lifespan: Lifespan) -> Lifespan:
        """Return a lifespan that does the same and keeps the stage up to date."""

        @asynccontextmanager
        async def followed(app: Any) -> AsyncIterator[None]:
            self.stage = Stage.STARTING
            try:
                async with lifespan(app):
                    self.stage = Stage.OPEN
                    try:
                        yield
                    finally:
                        self.stage = Stage.STOPPED
            finally:
                if self.stage is Stage.STARTING:
                    self.stage = Stage.FAILED

        return followed

    def tell(self) -> None:
        """Log why requests are refused and what to do, once for each stage."""
        if self.stage not in self._told:
            self._told.add(self.stage)
            log.error("Requests are refused with 503. The app is not open: %s", REASONS[self.stage])


class StartupGate:
    """ASGI middleware: until the app is open, requests are answered 503 and sockets are closed with 1013.

    The health routes answer with the stage; `/health/live` has status 200, because the process is alive.
    """

    def __init__(self, app: ASGIApp, startup: Startup) -> None:
        self._app = app
        self._startup = startup

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan" or self._startup.stage is Stage.OPEN:
            return self._app(scope, receive, send)
        return self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and route_path(scope) in (LIVE, READY):
            status = 200 if route_path(scope) == LIVE else 503
            await _json(status, {"status": self._startup.stage.value}).send(send)
        else:
            self._startup.tell()
            error = Unavailable("The server is not open yet. Try again in a moment.")
            if scope["type"] == "http":
                await _answer(error, send)
            else:
                await _close(error, scope, receive, send)


async def _answer(error: Unavailable, send: Send) -> None:
    # One body in two formats: GraphQL's errors, and RFC 6749, section 5.2, for the other routes.
    answer = {"errors": [error.as_dict()], "error": "temporarily_unavailable"}
    refusal = _json(error.status, answer | {"error_description": error.message})
    await refusal.send(send)


async def _close(error: Unavailable, scope: Scope, receive: Receive, send: Send) -> None:
    # graphql-ws gives up when the handshake is refused. After a close with 1013 it tries again.
    await receive()  # websocket.connect
    offered = SUBPROTOCOL in scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None})
    closing = {"type": "websocket.close", "code": error.close_code, "reason": error.message}
    await send(closing)


def _json(status: int, answer: object) -> Response:
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"%d" % RETRY_AFTER),
    )
    return Response(status, orjson.dumps(answer), headers if status == 503 else headers[:2])
