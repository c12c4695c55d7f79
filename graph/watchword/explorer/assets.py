"""The explorer's browser files, read once and served from our own origin.

`make explorer` installs GraphiQL and what it needs from the package registry, pinned by package-lock.json with
integrity hashes, and bundles them with src/ and watchword-client into built/ (build.mjs). A wheel holds what was built.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
PREFIX = "/graphql/assets/"
# The files that the page loads, in this order. Their paths in this folder are below `BUILT`.
FILES = ("explorer.css", "explorer.js")
# The files that the script starts as workers of GraphiQL's editor.
WORKERS = ("editor.worker.js", "graphql.worker.js", "json.worker.js")
BUILT = "built"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
# Digits of the content's hash in a URL, enough that two versions never have the same URL.
URL_DIGITS = 16


class NotInstalled(Exception):
    """A browser file is missing. The message names it, and the command that installs it."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One browser file: `name` is the last part of its URL and changes with its content."""

    name: str
    content_type: str
    integrity: str
    etag: str
    body: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The URL relative to the page at /graphql, because a proxy may serve both below another path."""
        return PREFIX.removeprefix("/") + self.name


Assets = Mapping[str, Asset]
"""The assets by their names in `FILES` and `WORKERS`."""


@cache
def load(folder: Path = FOLDER) -> Assets:
    """Read every file, once. Raises `NotInstalled`; the next call then tries again."""
    return {name: _read(name, folder / BUILT / name) for name in (*FILES, *WORKERS)}


def routes(folder: Path = FOLDER) -> list[Route]:
    """Make the route of the assets. It serves only the files in `FILES` and `WORKERS`."""

    async def serve(request: Request) -> Response:
        """The browser files of GraphiQL, where `WATCHWORD_EXPLORER` is on."""
        asset = _by_url_name(folder).get(request.path_params["name"])
        if asset is None:
            return Response("There is no such asset.\n", 404, media_type="text/plain")
        return _answer(asset, request.headers.get("if-none-match", ""))

    return [Route(PREFIX + "{name}", serve, methods=["GET"])]


def _by_url_name(folder: Path) -> Assets:
    try:
        return {asset.name: asset for asset in load(folder).values()}
    except NotInstalled:
        return {}


def _read(name: str, path: Path) -> Asset:
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        raise NotInstalled(
            f"The explorer's file {name} is not built: run `make explorer`."
        ) from None
    digest = hashlib.sha384(body)
    stem, suffix = Path(name).stem, Path(name).suffix
    return Asset(
        name=f"{stem}.{digest.hexdigest()[:URL_DIGITS]}{suffix}",
        content_type=CONTENT_TYPES[suffix],
        integrity="sha384-" + base64.b64encode(digest.digest()).decode(),
        etag=f'"{digest.hexdigest()}"',
        body=body,
    )


def _answer(asset: Asset, if_none_match: str) -> Response:
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": asset.etag,
        "x-content-type-options": "nosniff",
    }
    if _matches(if_none_match, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers={**headers, "content-type": asset.content_type})


def _matches(if_none_match: str, etag: str) -> bool:
    # RFC 9110, section 13.1.2: the comparison is weak, and * matches every file.
    given = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", etag) for tag in given)
