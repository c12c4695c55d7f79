"""Gives clients that send DPoP proofs the nonce for their next proof (RFC 9449, section 8.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class NonceHeader:
    """ASGI middleware: every response to a request with a proof has the present nonce."""

    passes_bodies = True

    def __init__(self, app: ASGIApp, nonce: Callable[[], str]) -> None:
        self._app = app
        self._nonce = nonce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or all(name != b"dpop" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return

        await self._app(scope, receive, partial(self._tell, send=send))

    async def _tell(self, message: Message, send: Send) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["dpop-nonce"] = self._nonce()
            # A cached response would give a later request a nonce that has expired.
            headers["cache-control"] = "no-store"
        await send(message)
