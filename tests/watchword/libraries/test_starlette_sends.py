"""What Starlette puts before a server's `send` is known, so that streams need not pass it; what others put there is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from watchword.libraries.starlette_sends import behind
from watchword.transports.middleware.nonce import NonceHeader

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [(b"origin", b"https://a.example"), (b"dpop", b"x"), (b"accept-encoding", b"gzip")],
}


class Other:
    """A middleware that changes each body."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def changed(message: Any) -> None:
            await send({**message, "body": b"changed"})

        await self._app(scope, receive, changed)


class OtherCORS(CORSMiddleware):
    async def send(self, *_: Any, **__: Any) -> None: ...


class Endpoint:
    def __init__(self) -> None:
        self.send: Any = None

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.send = send


async def reached(make: Callable[..., Any], *middleware: Middleware) -> bool:
    """Tell whether the server's `send` is behind that which an endpoint gets."""
    endpoint = Endpoint()
    app = make(routes=[Route("/", endpoint)], middleware=[*middleware])

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_: Any) -> None: ...

    await app(dict(SCOPE), receive, send)
    assert endpoint.send is not send
    return behind(endpoint.send) is send


PASSING = [
    [],
    [Middleware(CORSMiddleware, allow_origins=["*"])],
    [Middleware(NonceHeader, nonce=lambda: "n")],
]
CHANGING: list[Any] = [
    Middleware(Other),
    Middleware(OtherCORS, allow_origins=["*"]),
    Middleware(GZipMiddleware),
    Middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request)),
]


@pytest.mark.parametrize("make", [Starlette, FastAPI])
@pytest.mark.parametrize("middleware", PASSING)
async def test_what_changes_only_heads_is_passed(make: Any, middleware: list[Middleware]) -> None:
    assert await reached(make, *middleware)


@pytest.mark.parametrize("middleware", CHANGING)
async def test_what_may_change_a_body_is_not_passed(middleware: Middleware) -> None:
    try:
        is_reached = await reached(Starlette, middleware)
    except RuntimeError:  # the endpoint answers nothing, which BaseHTTPMiddleware does not allow
        return
    assert not is_reached


def test_a_partial_of_any_other_function_is_not_passed() -> None:
    given = partial(print, send=print)
    assert behind(given) is given
