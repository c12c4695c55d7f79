"""The page at /graphql for browsers: GraphiQL, with a bar to sign in and a list of what is followed.

It has no inline script and no URL of another host, so its content security policy can be strict.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import orjson

from watchword.asgi.types import Headers
from watchword.explorer.assets import FILES, FOLDER, WORKERS, Asset, Assets, NotInstalled, load

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # GraphiQL's editor checks documents in workers.
    "worker-src": "'self'",
    # GraphiQL's editor, dialogs and menus insert style elements.
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "data:",
    "img-src": "'self' data:",
    # In CSP 3 'self' covers the WebSocket of the same origin too.
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        "; ".join(f"{name} {value}" for name, value in POLICY.items()).encode(),
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept"),
    (b"x-content-type-options", b"nosniff"),
)
DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Watchword explorer</title>
<link rel="icon" href="data:,">
{head}</head>
<body>
{body}
</body>
</html>
"""
PLACE = (
    '<div id="explorer" data-workers="{workers}" data-issuer="{issuer}">Loading the explorer …</div>\n'
    "<noscript>The explorer needs JavaScript.</noscript>"
)


def page(up: str = "", folder: Path = FOLDER, *, issuer: str = "") -> tuple[bytes, Headers]:
    """Return the page and its headers. When assets are missing, the page says which command builds them.

    `up` is the prefix of relative URLs: "../" when the page was requested with a slash at the end of its path.
    `issuer` is what DPoP proofs have to name; empty if the page need not bind its tokens.
    """
    try:
        assets = load(folder)
        workers = _workers(assets, up)
        head, body = _links(assets, up), PLACE.format(workers=workers, issuer=escape(issuer))
    except NotInstalled as missing:
        head, body = "", f"<p>{escape(str(missing))}</p>"
    return DOCUMENT.format(head=head, body=body).encode(), HEADERS


def _links(assets: Assets, up: str) -> str:
    return "".join(_link(assets[name], up) + "\n" for name in FILES)


def _workers(assets: Assets, up: str) -> str:
    """Return the URLs of the workers by their names, as JSON in an attribute."""
    urls = {name: up + assets[name].url for name in WORKERS}
    return escape(orjson.dumps(urls).decode())


def _link(asset: Asset, up: str) -> str:
    if asset.name.endswith(".css"):
        return f'<link rel="stylesheet" href="{up}{asset.url}" integrity="{asset.integrity}">'
    # Deferred scripts run in the order of the page, after it is parsed.
    return f'<script defer src="{up}{asset.url}" integrity="{asset.integrity}"></script>'
