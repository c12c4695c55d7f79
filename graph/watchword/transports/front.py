"""The app itself: FastAPI for the routes, and a short way to /graphql past everything that only routes need."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import route_path
from watchword.process.eager import in_task

GRAPHQL = "/graphql"


class Front(FastAPI):
    """A FastAPI app with middleware in front of all of it, and with ASGI endpoints at /graphql.

    FastAPI's own middleware, its router and its exit stacks cost more than a small query. The endpoints use
    none of them, so `enter` calls them directly. If the operator has added middleware to the app, that middleware
    has to see every request, and /graphql is a route like all others.

    The middleware in front and the endpoints begin without a task of the request's own (`asgi/types.py`); FastAPI
    needs one.
    """

    begins_without_task = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._endpoints: Mapping[str, ASGIApp] = {}
        self._entry: ASGIApp = self.enter

    def serve_graphql(self, http: ASGIApp, websocket: ASGIApp) -> None:
        """Serve /graphql with one endpoint for each type of scope."""
        self._endpoints = {"http": http, "websocket": websocket}
        self.router.routes.append(Route(GRAPHQL, http))
        self.router.routes.append(WebSocketRoute(GRAPHQL, websocket))

    def put_in_front(self, middleware: type[Any], **settings: Any) -> None:
        """Put a middleware in front of everything else, /graphql included. The last one runs first."""
        # The method and not the object: CPython 3.11 takes longer to call an object.
        self._entry = middleware(self._entry, **settings).__call__

    def enter(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request that has passed all middleware in front."""
        endpoint = self._endpoints.get(scope["type"])
        if endpoint is None or route_path(scope) != GRAPHQL or self.user_middleware:
            return self._pass_stack(scope, receive, send)
        return endpoint(scope, receive, send)

    async def _pass_stack(self, scope: Scope, receive: Receive, send: Send) -> None:
        await in_task()
        await super().__call__(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._entry(scope, receive, send)
