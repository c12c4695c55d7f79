"""The page at /room, where responders work: an HTML shell around the bundle of src/room.

It is a client like any other: it signs in by the routes of Watchword, and asks and changes everything by /graphql.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from incident_room.pages.assets import Asset, Assets, up_to_root
from watchword import Server

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    # In CSP 3 'self' covers the WebSocket of the same origin too.
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Incident room</title>
<link rel="icon" href="data:,">
{head}</head>
<body>
<div id="room" data-root="{up}"{bound}>{body}</div>
<noscript>The incident room needs JavaScript.</noscript>
</body>
</html>
"""
# The tokens, the colours of the settings, and what is built from them.
STYLES = ("tokens.css", "theme.css", "room.css")
NOT_BUILT = "<p>The room is not built. Run <code>make pages</code> and start the server again.</p>"


class RoomPage:
    """The page. `assets` returns the browser files; they are there once the server has started."""

    def __init__(self, assets: Callable[[], Assets]) -> None:
        self._assets = assets

    def routes(self) -> list[BaseRoute]:
        """Make the routes, for `Domain.routes`. The places in the room are the script's: each is the same page."""
        return [
            Route("/room", self._page, methods=["GET"]),
            Route("/room/{place:path}", self._page, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        """The incident room for responders."""
        settings = Server(request).settings
        issuer = settings.issuer if settings.dpop == "required" else ""
        html = self.html(up_to_root(request), issuer)
        return Response(html, headers=HEADERS, media_type="text/html")

    def html(self, up: str, issuer: str) -> str:
        """Return the page. `up` is the prefix of its relative URLs, because a proxy may serve it below a path. `issuer` is
        what DPoP proofs have to name; empty if the page need not bind its tokens."""
        assets = self._assets()
        script, prover = assets.get("room.js"), assets.get("dpop.js")
        if script is None or prover is None:
            return DOCUMENT.format(head="", up=escape(up), bound="", body=NOT_BUILT)
        found = map(assets.get, STYLES)
        head = "".join(_style(each, up) for each in found if each is not None)
        head += _preloaded(prover, up) if issuer else ""
        head += _script(script, up)
        bound = _bound(prover, up, issuer) if issuer else ""
        return DOCUMENT.format(head=head, up=escape(up or "./"), bound=bound, body="Loading …")


def _style(asset: Asset, up: str) -> str:
    return f'<link rel="stylesheet" href="{up}{asset.url}" integrity="{asset.integrity}">\n'


def _script(asset: Asset, up: str) -> str:
    return f'<script type="module" src="{up}{asset.url}" integrity="{asset.integrity}"></script>\n'


def _preloaded(asset: Asset, up: str) -> str:
    """Let the browser fetch a module that the script imports later, and check it: `import()` names no hash."""
    return f'<link rel="modulepreload" href="{up}{asset.url}" integrity="{asset.integrity}">\n'


def _bound(prover: Asset, up: str, issuer: str) -> str:
    """Return the attributes that tell the script to bind its tokens, and by which module."""
    return f' data-issuer="{escape(issuer)}" data-dpop="{up}{prover.url}"'
