"""Splits and decodes a compact token, strictly, before its signature is checked. Pure."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection
from typing import Any

from watchword.errors import InvalidToken
from watchword.tokens.keys import encode
from watchword.tokens.members import members

LONGEST = 8_192
"""Longest token that is read, in bytes. Ours are under 1 KB."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# RFC 8725, section 3.10: neither a key nor the URL of one is ever taken from a token.
_KEYS = ("jwk", "jku", "x5c", "x5u")
# Members that change how the parts are read are refused too (RFC 7515, 4.1.11; RFC 7797; RFC 7519, 5.2).
_REFUSED_MEMBERS = ("crit", *_KEYS, "b64", "zip", "enc", "cty")


def header_of(token: str, *, with_keys: Collection[str] = ()) -> dict[str, Any]:
    """Return the header of a compact token. Raises `InvalidToken` naming the rule that it breaks.

    `with_keys` names the members with a key, or with the URL of one, that are allowed here: a DPoP proof
    contains its key, and some issuers always send the URL of theirs, which is ignored.
    """
    if len(token) > LONGEST:
        raise InvalidToken("size")
    if not _COMPACT.fullmatch(token):
        raise InvalidToken("three base64url parts")
    parts = [decode(part) for part in token.split(".")]
    header = members(parts[0])
    for name in _REFUSED_MEMBERS:
        if name in header and not (name in _KEYS and name in with_keys):
            raise InvalidToken(f"header {name}")
    return header


def decode(part: str) -> bytes:
    """Return the bytes of canonical base64url without padding. Raises `InvalidToken`."""
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise InvalidToken("base64url") from error
    # Several texts decode to the same bytes. Accept only the canonical one, or an altered token would still
    # verify.
    if encode(data) != part:
        raise InvalidToken("canonical base64url")
    return data
