"""Fetches what an identity provider publishes. The one place that asks other servers for anything.

Where it asks comes from the settings alone, never from a token (RFC 8725, section 3.10).
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

# Seconds for a whole answer, or for all that belong together, and the most bytes of each. Clients and
# sockets wait for five by themselves.
LONGEST = 3.0
LARGEST = 262_144
# How long an answer is good when it does not say, and at least and at most, whatever it says.
UNSAID, SHORTEST, KEPT_MOST = 300.0, 60.0, 86_400.0
# RFC 9111, section 1.2.2: what is larger means this many seconds.
_ENDLESS = 2.0**31
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*(\d+)\s*(?=,|$)", re.ASCII | re.IGNORECASE)
_UNKEPT = re.compile(r"(?:^|,)\s*no-(?:store|cache)\b", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class FetchFailed(Exception):
    """There is no answer that can be used; the message says why. `status` is that of HTTP."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON object, and for how many seconds it is good."""

    document: dict[str, Any]
    seconds: float


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Give what is asked in the block 3 seconds, all together. Raises `FetchFailed`."""
    try:
        async with asyncio.timeout(LONGEST):
            yield
    except TimeoutError:
        raise FetchFailed(f"it took longer than {LONGEST:.0f} seconds") from None


async def fetch(url: str, places: Collection[str], now: float) -> Fetched:
    """Fetch a JSON object from one of these places (host:port); `now` is in Unix seconds.

    Raises `FetchFailed`: for any other place, a redirect, more than 3 seconds or 256 KB.
    """
    if not is_safe(url, places):
        raise FetchFailed("its place is not one that the settings name")
    try:
        async with (
            in_time(),
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


# A compressed answer could be small on the wire and large in memory.
_HEADERS = {"accept": "application/json, application/jwk-set+json", "accept-encoding": "identity"}


def _client(url: str) -> httpx2.AsyncClient:
    # A proxy that the operator's environment names leads out of the machine, not back into it.
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
    """Return for how many seconds an answer that came `now` (Unix seconds) is good, within our bounds.

    RFC 9111, section 4.2: for as long as it says, less how old it is already.
    """
    said = _said(headers, now)
    return UNSAID if said is None else min(max(said - _age(headers), SHORTEST), KEPT_MOST)


def _said(headers: httpx2.Headers, now: float) -> float | None:
    control = _QUOTED.sub(_bare, headers.get("cache-control", ""))
    if _UNKEPT.search(control):
        return 0.0
    if found := _MAX_AGE.search(control):
        return _seconds(found[1])
    if "expires" not in headers:
        return None
    try:
        # RFC 9110, section 6.6.1: what has no date is of the moment at which it came.
        since = _moment(headers["date"]) if "date" in headers else now
        return _moment(headers["expires"]) - since
    except (ValueError, TypeError, OverflowError):
        # RFC 9111, section 5.3: a date that is none, such as 0, has passed.
        return 0.0


def _age(headers: httpx2.Headers) -> float:
    age = headers.get("age", "")
    return _seconds(age) if re.fullmatch("[0-9]+", age) else 0.0


def _moment(date: str) -> float:
    # RFC 9110, section 5.6.7: a date is in UTC, whatever it says.
    return parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()


def _seconds(digits: str) -> float:
    return min(float(digits), _ENDLESS)


def _bare(quoted: re.Match[str]) -> str:
    """Return a number that somebody has put between quotes; what else is there is no directive."""
    return quoted[1] if quoted[1].isdecimal() else ""
