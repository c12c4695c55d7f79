"""Answers a request by a document that is rendered from an answer of /graphql: fresh, unchanged, stale, or an error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from incident_room.pages.compressed import ENCODING, takes_gzip
from incident_room.pages.rendered import Rendered, RenderedPages
from watchword import JsonAnswer, Server, WatchwordError, moment

HTML, JSON, ATOM = "text/html; charset=utf-8", "application/json; charset=utf-8", "application/atom+xml; charset=utf-8"  # fmt: skip
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        # In CSP 3 'self' covers the WebSocket of the same origin too.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# A cache may keep the page, and asks each time: it is good until something happens.
FRESH = "public, no-cache"
# The page follows two streams, and names a cursor of each at most.
MOST_CURSORS = 2
# Seconds after which a reader may try again while the database is away, or the reader's address has asked for too much.
RETRY_AFTER = "5"
# A cursor that cannot be used asks for what is newest, as no cursor does.
UNUSABLE = {"CURSOR_EXPIRED", "BAD_USER_INPUT"}
MISSING = {"NOT_FOUND", "BAD_USER_INPUT"}
LIMITED = "RATE_LIMITED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for.

    `render` makes the document of the answer's data; it is given the time of the state when that is an old one. `key`
    tells documents apart that `render` makes of one answer in different ways.
    """

    key: Hashable
    query: str
    variables: Mapping[str, Any]
    content_type: str
    render: Callable[[Any, datetime | None], bytes]


Refusal = Callable[[str], bytes]
"""Renders the page that says "missing" or "away"."""


async def answered(
    pages: RenderedPages, request: Request, wanted: Wanted, refusal: Refusal
) -> Response:
    """Return the response: the document, 304 if the client has it, an old one while the database is away, or an error."""
    server = Server(request)
    code, answer = await _asked(server, request, wanted)
    key = (wanted.key, wanted.query, tuple(sorted(wanted.variables.items())))
    if answer is not None:
        # Nobody signs the cursors of lists: pages behind them would push out those that must be there.
        is_kept = wanted.variables.get("after") is None
        page = pages.page(
            key, answer, server.now, lambda data: wanted.render(data, None), is_kept=is_kept
        )
        return _shown(request, wanted, page)
    if code in MISSING:
        return _refused(404, wanted, refusal("missing"), {})
    if (kept := pages.get(key)) is not None:
        data = orjson.loads(kept.answer.json)["data"]
        body = wanted.render(data, moment(kept.good_at))
        return Response(body, headers=_headers("no-store", wanted))
    status = 429 if code == LIMITED else 503
    return _refused(status, wanted, refusal("away"), {"retry-after": RETRY_AFTER})


def _shown(request: Request, wanted: Wanted, page: Rendered) -> Response:
    """Return the response with a page: as gzip has it, if the client takes that; 304 if it has the page."""
    is_packed = page.gzip is not None and takes_gzip(request.headers.get("accept-encoding", ""))
    headers = _headers(FRESH, wanted, page.gzip_tag if is_packed else page.tag)
    if _matches(request.headers.get("if-none-match", ""), {page.tag, page.gzip_tag}):
        return Response(status_code=304, headers=headers)
    if page.gzip is None or not is_packed:
        return Response(page.body, headers=headers)
    return Response(page.gzip, headers={**headers, "content-encoding": ENCODING})


async def _asked(server: Server, request: Request, wanted: Wanted) -> tuple[str, JsonAnswer | None]:
    """Return the answer of /graphql, or the code of its error."""
    cursors = request.query_params.getlist("seen")[:MOST_CURSORS]
    try:
        answer = await server.public_answer(wanted.query, wanted.variables, cursors)
        if not answer.is_whole and cursors and _code(answer) in UNUSABLE:
            answer = await server.public_answer(wanted.query, wanted.variables)
    except WatchwordError as error:
        return error.code, None
    return ("", answer) if answer.is_whole else (_code(answer), None)


def _code(answer: JsonAnswer) -> str:
    [first, *_] = orjson.loads(answer.json)["errors"]
    return str(first.get("extensions", {}).get("code", "INTERNAL"))


def _headers(cache: str, wanted: Wanted, tag: str | None = None) -> dict[str, str]:
    headers = {**HEADERS, "cache-control": cache, "content-type": wanted.content_type}
    if wanted.content_type != HTML:
        # What Statuspage serves to scripts of other sites.
        headers["access-control-allow-origin"] = "*"
    return headers if tag is None else {**headers, "etag": tag, "vary": "accept-encoding"}


def _refused(status: int, wanted: Wanted, body: bytes, more: Mapping[str, str]) -> Response:
    headers = {**_headers("no-store", wanted), **more}
    if wanted.content_type != HTML:
        sentence = "There is no such thing." if status == 404 else "Try again in a moment."
        body, headers["content-type"] = orjson.dumps({"error": sentence}), JSON
    return Response(body, status, headers)


def _matches(condition: str, tags: Collection[str]) -> bool:
    # RFC 9110, section 13.1.2: the comparison is weak, and * matches every document.
    given = (each.strip().removeprefix("W/") for each in condition.split(","))
    return any(each == "*" or each in tags for each in given)
