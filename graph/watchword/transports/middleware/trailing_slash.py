"""Answers a path that ends in a slash like the path without the slash."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import route_path


class TrailingSlash:
    """ASGI middleware: removes one slash from the end of the path, before anything else reads the path.

    A redirect would make the client send its secrets again, to an address made from the Host header.
    `raw_path` keeps the slash: the explorer's page needs it to write relative URLs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # The path inside this app ends as the whole one does, which is cheaper to ask.
        if scope["type"] != "lifespan" and scope["path"].endswith("/"):
            path = route_path(scope)
            if path.endswith("/") and path != "/":
                scope = {**scope, "path": scope["path"][:-1]}
        # Not a coroutine of its own: each costs a frame, which a live connection keeps.
        return self._app(scope, receive, send)
