"""The pages' styles and scripts, read once and served under names that change with their content.

`make pages` bundles the scripts of src/ into built/ (build.mjs), and a wheel holds what was built. Styles are served
as they are in styles/, so that pages look right where nothing was built.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from incident_room.pages.compressed import ENCODING, gzipped, takes_gzip

PREFIX = "/assets/"
FOLDER = Path(__file__).parent
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}
# Digits of the content's hash in a URL, enough that two versions never have the same URL.
URL_DIGITS = 16


class Asset(NamedTuple):
    """One browser file. `url` is relative to the root of the pages, because a proxy may serve them below a path."""

    url: str
    content_type: str
    integrity: str
    body: bytes
    gzip: bytes | None


class Assets:
    """The browser files that pages may name: those of styles/ and built/, and others that are given as text."""

    def __init__(self, folder: Path = FOLDER, made: Iterable[tuple[str, bytes]] = ()) -> None:
        """Read the files that are there. `made` are names and contents of files that follow from settings."""
        found = [path for part in ("styles", "built") for path in sorted((folder / part).glob("*"))]
        files = {path.name: path.read_bytes() for path in found if path.suffix in CONTENT_TYPES}
        self._named = {name: _asset(name, body) for name, body in {**files, **dict(made)}.items()}
        self._by_url = {asset.url: asset for asset in self._named.values()}

    def get(self, name: str) -> Asset | None:
        """Return a file by its name in the folder; None if it is not there, because nothing was built."""
        return self._named.get(name)

    def serve(self, name: str, accepted: str) -> Response:
        """Return the response for the last part of a URL, as gzip has it if the client's Accept-Encoding takes that.

        Only these files are served, whatever the URL says.
        """
        asset = self._by_url.get(PREFIX[1:] + name)
        if asset is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        headers = {
            "content-type": asset.content_type,
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
            # An SVG that is opened by itself is a document, and could have scripts.
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        }
        if asset.gzip is None or not takes_gzip(accepted):
            return Response(asset.body, headers=headers)
        return Response(asset.gzip, headers={**headers, "content-encoding": ENCODING})


def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha384(body)
    path = Path(name)
    return Asset(
        f"{PREFIX[1:]}{path.stem}.{digest.hexdigest()[:URL_DIGITS]}{path.suffix}",
        CONTENT_TYPES[path.suffix],
        "sha384-" + base64.b64encode(digest.digest()).decode(),
        body,
        gzipped(body),
    )


def up_to_root(request: Request) -> str:
    """Return the prefix of relative URLs that lead from a page to the root of all pages, wherever that is.

    A path may end with a slash, which the server takes away from `path` and browsers count; and it may have %2F, which is
    a slash in `path` and none for browsers.
    """
    scope = request.scope
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    inside = raw.removeprefix(scope.get("root_path", "").encode())
    return "../" * (inside.count(b"/") - 1)
