"""The WebSocket handshake of a request that httptools has parsed already (RFC 6455, section 4.2). Pure.

uvicorn writes such a request out again, and lets websockets parse and check it a second time. That costs as much as
authenticating the connection. Every client sends a request that `plain_upgrade` can read; a request with anything else
in it is left to uvicorn and websockets.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1

from watchword.asgi.types import Headers

# RFC 6455, section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# The base64 of 16 bytes; the last digit before "==" holds two bits.
_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SINGLE = frozenset(
    [
        b"connection",
        b"upgrade",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
    ]
)
# A handshake has no body.
_OF_BODIES = frozenset([b"content-length", b"transfer-encoding"])


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A valid handshake: the value of Sec-WebSocket-Accept, and the subprotocols that the client offers."""

    accept: bytes
    subprotocols: tuple[str, ...]


def plain_upgrade(
    method: bytes, version: str, url: bytes, headers: Headers | list[tuple[bytes, bytes]]
) -> Upgrade | None:
    """Return the handshake that a request with these headers, their names in lower case, makes.

    None if it is none, or not a plain one: then only websockets can tell.
    """
    if method != b"GET" or version != "1.1" or not _is_plain_path(url):
        return None
    found = _single(headers)
    if found is None or found.get(b"sec-websocket-version") != b"13":
        return None
    connection = _tokens(found.get(b"connection", b""))
    key = found.get(b"sec-websocket-key", b"")
    offered = found.get(b"sec-websocket-protocol")
    subprotocols = () if offered is None else _tokens(offered)
    if connection is None or subprotocols is None or not _KEY.fullmatch(key):
        return None
    if found.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in map(
        bytes.lower, connection
    ):
        return None
    return Upgrade(accept_key(key), tuple(each.decode("ascii") for each in subprotocols))


def accept_key(key: bytes) -> bytes:
    """Return the value of Sec-WebSocket-Accept for a Sec-WebSocket-Key."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def response_head(
    upgrade: Upgrade, subprotocol: str | None, headers: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """Return the response that accepts a handshake, with further headers."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + upgrade.accept,
        *(name + b": " + value for name, value in headers),
    ]
    if subprotocol is not None:
        lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("ascii"))
    return b"\r\n".join((*lines, b"", b""))


def _is_plain_path(url: bytes) -> bool:
    return url.startswith(b"/") and url.isascii() and b"#" not in url


def _single(headers: Headers | list[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """Return the headers of the handshake; None if one comes twice, or there is a body."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _SINGLE:
            if name in found:
                return None
            found[name] = value
        elif name in _OF_BODIES:
            return None
    return found


def _tokens(value: bytes) -> tuple[bytes, ...] | None:
    """Return the tokens of a list; None if one is no token."""
    tokens = tuple(each.strip(b" \t") for each in value.split(b","))
    return tokens if all(map(_TOKEN.fullmatch, tokens)) else None
