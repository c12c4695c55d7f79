"""Where a person is sent back to: compared exactly, and given the answer's parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

# The parameters of an answer, each of which comes once (RFC 6749, sections 3.1 and 4.1.2; RFC 9207).
ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
# RFC 8252, section 7.3: an app listens where the system lets it, so the port is the request's own.
_LOOPBACK = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::(\d{1,5}))?([/?].*)?", re.ASCII
)


def is_registered(given: str, registered: Collection[str]) -> bool:
    """Tell whether a redirect URI is one of those, character for character (RFC 9700, section 2.1).

    Of a loopback address, the port may be another.
    """
    if given in registered:
        return True
    without_port = _without_port(given)
    return without_port is not None and without_port in map(_without_port, registered)


def is_for_one_host(uri: str) -> bool:
    """Tell whether what is sent there reaches its owner and nobody else: who holds the certificate."""
    return uri.startswith("https://")


def with_answer(uri: str, answer: Mapping[str, str]) -> str:
    """Return the URI with an answer in its query, beside what it has there already (RFC 6749, section
    3.1.2)."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def _without_port(uri: str) -> str | None:
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) not in range(1, 65536):
        return None
    return match[1] + (match[3] or "")
