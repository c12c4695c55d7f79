"""CORS: which pages of other origins may read a response, by the path of the request."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import route_path
from watchword.formats.origin import is_among

METHODS = ("GET", "HEAD", "POST")
# A client whose clock is wrong needs `date` for its DPoP proofs.
EXPOSED = ("www-authenticate", "retry-after", "dpop-nonce", "date")
# Seconds for which a browser may cache a preflight response; Chromium caches none for longer.
MAX_AGE = 7_200

# The characters of a header's name (RFC 9110, section 5.6.2).
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
# Fetch standard, "forbidden request-header": scripts cannot set these, so no browser asks for them.
_FORBIDDEN = frozenset(
    [
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ]
)
_FORBIDDEN_BEGINNINGS = ("proxy-", "sec-")


class CorsByPath:
    """ASGI middleware with one rule for each group of paths.

    Every page may call a `public` path, without cookies. Only our own pages may call a `private` path. The
    pages of the `named` origins may call all other paths, with cookies and with any header that a page can
    send.

    A third party's application therefore gets its tokens without being a named origin, which would give it
    the rights of our own front end (RFC 9700, section 2.6).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        named: Collection[str],
        public: Collection[str],
        private: Collection[str],
    ) -> None:
        named_alone = _Named(
            app,
            allow_origins=named,
            allow_credentials=True,
            allow_methods=METHODS,
            # Starlette answers with the names that were asked for. Browsers ignore a literal * when
            # cookies are sent.
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=EXPOSED,
            max_age=MAX_AGE,
        )
        everybody = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=METHODS,
            allow_headers=["content-type", "dpop"],
            expose_headers=EXPOSED,
            max_age=MAX_AGE,
        )
        self._others = named_alone if named else app
        self._by_path = dict.fromkeys(public, everybody) | dict.fromkeys(private, app)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # WebSockets have no response that a page could read, and the lifespan has no path.
        path = route_path(scope) if scope["type"] == "http" else ""
        return self._by_path.get(path, self._others)(scope, receive, send)


class _Named(CORSMiddleware):
    """Compares origins in the form that browsers send, and allows every header that a page can send."""

    def is_allowed_origin(self, origin: str) -> bool:
        return is_among(origin, self.allow_origins)

    def preflight_response(self, request_headers: Headers) -> Response:
        names = request_headers.get("access-control-request-headers", "")
        if all(map(_may_be_sent, names.lower().split(","))) or not names:
            return super().preflight_response(request_headers)
        text = "Access-Control-Request-Headers must be names of headers that a page can send."
        return PlainTextResponse(text, 400, {"vary": "Origin, Access-Control-Request-Headers"})


def _may_be_sent(name: str) -> bool:
    name = name.strip()
    is_forbidden = name in _FORBIDDEN or name.startswith(_FORBIDDEN_BEGINNINGS)
    return bool(_NAME.fullmatch(name)) and not is_forbidden
