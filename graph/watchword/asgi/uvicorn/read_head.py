"""A request's head that was parsed, by which the same head is recognised when it comes again. Pure.

A client sends the same head with each request, byte for byte. A proxy that keeps a connection for many callers sends
the same but for the bearer token, so any other token may be in its place. A token has only characters that cannot end
a header, so the parser would read everything around it as before (RFC 9112, sections 2.2 and 11.2).
"""

from __future__ import annotations

from typing import NamedTuple

from watchword.asgi.types import HAS_TRACEPARENT, Header, Headers, Message

# The members of a scope that are read in the head of a request, beside the headers.
TARGET = ("http_version", "method", "path", "raw_path", "query_string", HAS_TRACEPARENT)
BEARER = b"Bearer "
# RFC 6750, section 2.1.
TOKEN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
# Leaves these characters as they are, and no others.
_UNCHANGED = bytes(each if each in TOKEN_CHARACTERS else ord("A") for each in range(256))
_AUTHORIZATION = b"authorization"


class ReadHead(NamedTuple):
    """The head of a request, the length in bytes of the body behind it, and what the parser read in it.

    `before` and `behind` are the head's bytes around the bearer token, and `place` is the index of that token's header.
    Without a token to exchange, `before` is the whole head, `behind` is empty, and `place` is None.
    """

    before: bytes
    behind: bytes
    place: int | None
    length: int
    headers: Headers
    target: Message
    is_persistent: bool

    def size_in(self, packet: bytes) -> int:
        """Return the size of the head in a packet that is this head and one body of its length; 0 for any other."""
        size = len(packet) - self.length
        begin, end = len(self.before), size - len(self.behind)
        if not packet.startswith(self.before):
            return 0
        if self.place is None:
            return size if begin == end else 0
        if begin >= end or not packet.startswith(self.behind, end):
            return 0
        return size if _is_token(packet[begin:end]) else 0

    def headers_of(self, packet: bytes) -> list[Header]:
        """Return the headers in a packet of which `size_in` has returned a size."""
        headers = [*self.headers]
        if self.place is not None:
            end = len(packet) - self.length - len(self.behind)
            token = packet[len(self.before) : end]
            headers[self.place] = (_AUTHORIZATION, BEARER + token)
        return headers


def read_head(
    packet: bytes, length: int, headers: list[Header], scope: Message, is_persistent: bool
) -> ReadHead | None:
    """Return the head that was read in a packet; None unless the packet has that head, a body of this length, and
    nothing else."""
    text = packet[: len(packet) - length]
    if text.find(b"\r\n\r\n") != len(text) - 4:
        return None
    # The app may change the scope and the headers that it is given.
    target = {name: scope[name] for name in TARGET}
    whole = ReadHead(text, b"", None, length, tuple(headers), target, is_persistent)
    return _without_token(whole) or whole


def _is_token(text: bytes) -> bool:
    # Deleting the characters to see whether any are left takes twice as long.
    return text.translate(_UNCHANGED) == text


def _without_token(head: ReadHead) -> ReadHead | None:
    """Return a head with a place for any token in place of its own; None if it does not have exactly one."""
    headers = [*head.headers]
    places = [number for number, (name, _) in enumerate(headers) if name == _AUTHORIZATION]
    if len(places) != 1:
        return None
    [place] = places
    value = headers[place][1]
    token = value[len(BEARER) :]
    if not value.startswith(BEARER) or not token or not _is_token(token):
        return None
    around = head.before.split(token)
    if len(around) != 2 or not around[0].endswith(BEARER):
        return None
    headers[place] = (_AUTHORIZATION, BEARER)
    return head._replace(before=around[0], behind=around[1], place=place, headers=tuple(headers))
