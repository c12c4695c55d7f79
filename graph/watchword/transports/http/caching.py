"""What browsers and proxies may keep of answers over HTTP (RFC 9110, section 13; RFC 9111). Pure."""

from __future__ import annotations

from watchword.asgi.types import Header, Headers, Response

# An answer depends on all of these: on the token, on the media type, and on the origin that CORS names.
VARY = (b"vary", b"Accept, Authorization, Cookie, Origin")
# A stream must not be cached. A proxy that compresses holds answers back, unless it must not transform them
# (RFC 9111, section 5.2.2.6), and nginx holds them back until its buffer is full.
UNBUFFERED: Headers = (
    (b"cache-control", b"private, no-store, no-transform"),
    VARY,
    (b"x-accel-buffering", b"no"),
)
PRIVATE: Headers = ((b"cache-control", b"private, no-store"), VARY)


def cache_control(is_anonymous: bool, is_shared: bool, max_age: int) -> bytes:
    """Return the Cache-Control of an answer without errors to a GET request.

    `max_age` (seconds) holds only for shared answers of anonymous callers: it would outlive a token, and an
    answer that is not shared may depend on the network address.
    """
    if not is_anonymous and not is_shared:
        return b"private, no-store"
    if is_anonymous and is_shared and max_age:
        return b"public, max-age=%d" % max_age
    return b"public, no-cache"


def conditional(
    condition: bytes, json: bytes, tag: bytes, content_type: Header, control: bytes
) -> Response:
    """Return the answer to a GET request with its entity tag, or 304 if the client has the same answer.

    `condition` is the value of the request's If-None-Match header, empty if there is none.
    """
    headers: Headers = ((b"cache-control", control), VARY, (b"etag", tag))
    if condition and _matches(condition.decode("latin-1"), tag):
        return Response(304, b"", headers)
    return Response(200, json, (content_type, *headers))


def _matches(condition: str, tag: bytes) -> bool:
    """Tell whether an If-None-Match header names the tag; weak and strong tags compare equal there."""
    wanted = tag.decode().removeprefix("W/")
    given = (each.strip() for each in condition.split(","))
    return any(each == "*" or each.removeprefix("W/") == wanted for each in given)
