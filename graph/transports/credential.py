"""Finds the credential in what a client sent. Pure: bytes and JSON values in, a token out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from graph.errors import InvalidToken

# RFC 9110, section 11.4: scheme, then spaces, then one token68; RFC 6750, section 2.1.
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """A token as it came in. Its text never appears in a representation."""

    token: str = field(repr=False)


def from_headers(headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
    """Find the one Authorization header; None when there is none.

    Raises `InvalidToken` when there are several, or it is not one Bearer token.
    """
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        raise InvalidToken("several Authorization headers")
    return _from_value(values[0].decode("latin-1")) if values else None


def from_payload(payload: object) -> Credential | None:
    """Find the credential in connection_init's payload; None when there is none.

    The key `authorization` is matched without regard to case, at the top or in an object named
    `headers`, because GraphiQL and Apollo send one. Raises `InvalidToken` when there are several
    different ones, or it is not one Bearer token.
    """
    if not isinstance(payload, dict):
        return None
    values = _named(payload, "authorization")
    for headers in _named(payload, "headers"):
        if isinstance(headers, dict):
            values += _named(headers, "authorization")
        elif headers:
            # Whatever it holds would be overlooked, and its sender taken for nobody.
            raise InvalidToken("headers is not an object")
    given = {_checked(value) for value in values if value is not None}
    if len(given) > 1:
        raise InvalidToken("several authorization values")
    return _from_value(given.pop()) if given else None


def from_handshake(headers: Iterable[tuple[bytes, bytes]], payload: object) -> Credential | None:
    """Find the credential of a socket, in its handshake's headers or in connection_init's payload.

    Raises `InvalidToken` as those two do, and when there are two different ones.
    """
    found = {from_headers(headers), from_payload(payload)} - {None}
    if len(found) > 1:
        raise InvalidToken("several tokens")
    return found.pop() if found else None


def in_url(query_string: bytes) -> bool:
    """Tell whether there is a token in the URL, where logs and histories would keep it (RFC 6750,
    section 2.3)."""
    return any(
        name.lower() == "access_token"
        for name, _ in parse_qsl(query_string.decode("latin-1"), True)
    )


def _named(values: dict[object, object], name: str) -> list[object]:
    return [value for key, value in values.items() if isinstance(key, str) and key.lower() == name]


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidToken("authorization is not a string")
    return value


def _from_value(value: str) -> Credential | None:
    # Front ends send an empty value when nobody is signed in; it carries no token at all.
    stripped = value.strip(" \t")
    if not stripped:
        return None
    match = _BEARER.fullmatch(stripped)
    if match is None:
        raise InvalidToken("not one Bearer token")
    return Credential(match[1])
