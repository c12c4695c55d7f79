"""Redirect URIs: comparing them, and adding the parameters of an answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

# The parameters of an answer, which may each occur once (RFC 6749, sections 3.1 and 4.1.2; RFC 9207).
ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
# RFC 8252, section 7.3: an app listens on a free port of the loopback interface, so any port is allowed.
_LOOPBACK = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::(\d{1,5}))?([/?].*)?", re.ASCII
)


def is_registered(given: str, registered: Collection[str]) -> bool:
    """Tell whether a redirect URI is a registered one, character by character (RFC 9700, section 2.1).

    For a loopback address, the port may differ.
    """
    if given in registered:
        return True
    without_port = _without_port(given)
    return without_port is not None and without_port in map(_without_port, registered)


def is_for_one_host(uri: str) -> bool:
    """Tell whether a redirect URI can reach one host only: with https, a certificate proves the host."""
    return uri.startswith("https://")


def with_answer(uri: str, answer: Mapping[str, str]) -> str:
    """Add the parameters of an answer to a URI's query, and keep those that are there (RFC 6749, section
    3.1.2)."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def _without_port(uri: str) -> str | None:
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) not in range(1, 65536):
        return None
    return match[1] + (match[3] or "")
