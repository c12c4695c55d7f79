"""Answers a path with a slash at its end as the path without it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import route_path


class TrailingSlash:
    """ASGI middleware: takes one slash off the end of the path, before anything looks at the path.

    A redirect instead would make the client send its secrets again, to an address made from the Host
    header. `raw_path` stays as it was sent: by it a page knows what relative URLs in it will mean.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            path = route_path(scope)
            if path.endswith("/") and path != "/":
                scope = {**scope, "path": scope["path"][:-1]}
        await self._app(scope, receive, send)
