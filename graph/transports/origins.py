"""Which pages of other origins may read an answer: it goes by what is asked (CORS)."""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from graph.asgi import route_path

METHODS = ("GET", "POST")
TOLD = ("www-authenticate", "retry-after", "dpop-nonce")


class Origins:
    """ASGI middleware. What is `public` may be asked by every page, without cookies, and what is
    `private` by none but our own; all else by the origins that are named, with cookies.

    So an application of others gets its tokens without being named, which would give it the rights of
    a front end of ours (RFC 9700, section 2.6).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        named: Collection[str],
        public: Collection[str],
        private: Collection[str],
    ) -> None:
        named_alone = CORSMiddleware(
            app,
            allow_origins=named,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=["authorization", "content-type", "dpop"],
            expose_headers=TOLD,
        )
        everybody = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=METHODS,
            allow_headers=["content-type", "dpop"],
            expose_headers=TOLD,
        )
        self._others = named_alone if named else app
        self._by_path = dict.fromkeys(public, everybody) | dict.fromkeys(private, app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is no request over HTTP has no answer that a page could read, or no path.
        path = route_path(scope) if scope["type"] == "http" else ""
        await self._by_path.get(path, self._others)(scope, receive, send)
