"""Fetches the documents of identity providers. No other module sends requests to other servers.

The URLs come from the settings alone, never from a token (RFC 8725, section 3.10).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from watchword.config.trusted_issuer import is_safe
from watchword.errors import InvalidToken
from watchword.tokens.members import members

# Most seconds for a response (or for several that are needed together), and most bytes of one. A WebSocket
# must be authenticated within five seconds (init_timeout_seconds), so its client still gets an answer.
LONGEST = 3.0
LARGEST = 262_144
# Seconds to cache a response: if it does not say for how long; the least; the most.
UNSAID, SHORTEST, KEPT_MOST = 300.0, 60.0, 86_400.0
# RFC 9111, section 1.2.2: a larger number of seconds counts as this.
_ENDLESS = 2.0**31
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*(\d+)\s*(?=,|$)", re.ASCII | re.IGNORECASE)
_UNKEPT = re.compile(r"(?:^|,)\s*no-(?:store|cache)\b", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class FetchFailed(Exception):
    """There is no usable response; the message says why. `status` is the HTTP status, if there is one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON object, and for how many seconds it may be cached."""

    document: dict[str, Any]
    seconds: float


@asynccontextmanager
async def time_limit() -> AsyncIterator[None]:
    """Limit all requests in the block to 3 seconds together. Raises `FetchFailed`."""
    try:
        async with asyncio.timeout(LONGEST):
            yield
    except TimeoutError:
        raise FetchFailed(f"it took longer than {LONGEST:.0f} seconds") from None


async def fetch(url: str, places: Collection[str], now: float) -> Fetched:
    """Fetch a JSON object from one of these places (host:port); `now` is in Unix seconds.

    Raises `FetchFailed` for a URL of another place, for a redirect, and beyond 3 seconds or 256 KB.
    """
    if not is_safe(url, places):
        raise FetchFailed("its place is not one that the settings name")
    try:
        async with (
            time_limit(),
            _client(url) as client,
            client.stream("GET", url, headers=_HEADERS) as response,
        ):
            _check(response)
            body = await _read(response)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise FetchFailed(f"it cannot be reached ({type(error).__name__})") from error
    try:
        return Fetched(members(body), lifetime(response.headers, now))
    except InvalidToken as error:
        raise FetchFailed("it answered with something that is no JSON object") from error


# Ask for no compression: a compressed response can be small on the wire and huge in memory.
_HEADERS = {"accept": "application/json, application/jwk-set+json", "accept-encoding": "identity"}


def _client(url: str) -> httpx2.AsyncClient:
    # Use the proxy from the environment only for other machines, never for loopback.
    is_far = urlsplit(url).scheme == "https"
    return httpx2.AsyncClient(follow_redirects=False, timeout=LONGEST, trust_env=is_far)


def _check(response: httpx2.Response) -> None:
    if response.status_code != 200:
        raise FetchFailed(f"it answered {response.status_code}", response.status_code)
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise FetchFailed("it did not answer with JSON")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed("it answered with something compressed")


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST:
            raise FetchFailed(f"it answered with more than {LARGEST} bytes")
    return bytes(body)


def lifetime(headers: httpx2.Headers, now: float) -> float:
    """Return for how many seconds to cache a response that arrived at `now` (Unix seconds).

    That is the lifetime that it states, less its age (RFC 9111, section 4.2), within our bounds.
    """
    said = _stated_lifetime(headers, now)
    return UNSAID if said is None else min(max(said - _age(headers), SHORTEST), KEPT_MOST)


def _stated_lifetime(headers: httpx2.Headers, now: float) -> float | None:
    control = _QUOTED.sub(_unquoted, headers.get("cache-control", ""))
    if _UNKEPT.search(control):
        return 0.0
    if found := _MAX_AGE.search(control):
        return _seconds(found[1])
    if "expires" not in headers:
        return None
    try:
        # RFC 9110, section 6.6.1: a response without Date counts from the moment at which it arrived.
        since = _moment(headers["date"]) if "date" in headers else now
        return _moment(headers["expires"]) - since
    except (ValueError, TypeError, OverflowError):
        # RFC 9111, section 5.3: an invalid date, such as 0, is in the past.
        return 0.0


def _age(headers: httpx2.Headers) -> float:
    age = headers.get("age", "")
    return _seconds(age) if re.fullmatch("[0-9]+", age) else 0.0


def _moment(date: str) -> float:
    # RFC 9110, section 5.6.7: dates are in UTC, whatever zone they name.
    return parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()


def _seconds(digits: str) -> float:
    return min(float(digits), _ENDLESS)


def _unquoted(quoted: re.Match[str]) -> str:
    """Return a quoted number without its quotes, and the empty text for any other quoted text."""
    return quoted[1] if quoted[1].isdecimal() else ""
