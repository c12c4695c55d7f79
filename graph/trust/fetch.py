"""Fetches what an identity provider publishes. The one place that asks other servers for anything.

Where it asks comes from the settings alone, never from a token (RFC 8725, section 3.10).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from graph.errors import InvalidToken
from graph.tokens.compact import members
from graph.trusted_issuer import is_safe

# Seconds for a whole answer, and its most bytes. Clients and sockets wait for five by themselves.
LONGEST = 3.0
LARGEST = 262_144
# How long an answer is good when it does not say, and at least and at most, whatever it says.
UNSAID, SHORTEST, KEPT_MOST = 300.0, 60.0, 86_400.0
_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})"?\s*(?=,|$)', re.ASCII | re.IGNORECASE)
_UNKEPT = re.compile(r"(?:^|,)\s*no-(?:store|cache)\b", re.ASCII | re.IGNORECASE)


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


async def fetch(url: str, places: Collection[str]) -> Fetched:
    """Fetch a JSON object from one of these places (host:port).

    Raises `FetchFailed`: for any other place, a redirect, more than 3 seconds or 256 KB.
    """
    if not is_safe(url, places):
        raise FetchFailed("its place is not one that the settings name")
    try:
        async with (
            asyncio.timeout(LONGEST),
            _client(url) as client,
            client.stream("GET", url, headers=_HEADERS) as response,
        ):
            _check(response)
            body = await _read(response)
    except TimeoutError:
        raise FetchFailed(f"it took longer than {LONGEST:.0f} seconds") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise FetchFailed(f"it cannot be reached ({type(error).__name__})") from error
    try:
        return Fetched(members(body), lifetime(response.headers))
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


def lifetime(headers: httpx2.Headers) -> float:
    """Return for how many seconds an answer is good (RFC 9111, section 4.2.1), within our bounds."""
    said = _said(headers)
    return UNSAID if said is None else min(max(said, SHORTEST), KEPT_MOST)


def _said(headers: httpx2.Headers) -> float | None:
    control = headers.get("cache-control", "")
    if _UNKEPT.search(control):
        return 0.0
    if found := _MAX_AGE.search(control):
        age = headers.get("age", "")
        return float(found[1]) - (float(age) if re.fullmatch("[0-9]{1,9}", age) else 0.0)
    if "expires" not in headers:
        return None
    try:
        expires, date = (parsedate_to_datetime(headers[name]) for name in ("expires", "date"))
        return (expires - date).total_seconds()
    except (KeyError, ValueError, TypeError):
        # RFC 9111, section 5.3: a date that is none, such as 0, has passed.
        return 0.0
