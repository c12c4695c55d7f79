"""Which pages of other origins may read an answer: it goes by what is asked (CORS)."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import route_path
from watchword.formats.origin import is_among

METHODS = ("GET", "HEAD", "POST")
EXPOSED = ("www-authenticate", "retry-after", "dpop-nonce")
# Seconds for which a browser need not ask again; Chromium remembers an answer no longer than this.
MAX_AGE = 7_200

# RFC 9110, section 5.6.2: what the name of a header consists of.
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
# Fetch standard, "forbidden request-header": no script can send these, so no browser asks for them.
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
    """ASGI middleware. What is `public` may be asked by every page, without cookies, and what is
    `private` by none but our own; all else by the origins that are named, with cookies, and with any
    header that a page can send.

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
        named_alone = _Named(
            app,
            allow_origins=named,
            allow_credentials=True,
            allow_methods=METHODS,
            # Names the headers that were asked for: a wildcard is none where cookies are sent.
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is no request over HTTP has no answer that a page could read, or no path.
        path = route_path(scope) if scope["type"] == "http" else ""
        await self._by_path.get(path, self._others)(scope, receive, send)


class _Named(CORSMiddleware):
    """Lets origins in that are written as browsers write them, and each header that a page can send."""

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
