"""A head is recognised when it comes again, with the same bearer token or another one, and nothing else is."""

from __future__ import annotations

import random

import httptools
import pytest

from watchword.asgi.types import HAS_TRACEPARENT, Header
from watchword.asgi.uvicorn.read_head import ReadHead, read_head

TARGET = {
    "http_version": "1.1",
    "method": "POST",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    HAS_TRACEPARENT: False,
}
HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc.def\r\n"
    b"Content-Length: 5\r\nX-Last: y\r\n\r\n"
)
PACKET = HEAD + b"hello"


class Parsed:
    """What the parser reads in a packet: the headers, and the bodies of all requests in it."""

    def __init__(self, packet: bytes) -> None:
        self.headers: list[Header] = []
        self.bodies: list[bytes] = []
        self.failed = False
        try:
            httptools.HttpRequestParser(self).feed_data(packet)
        except httptools.HttpParserError:
            self.failed = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_begin(self) -> None:
        self.bodies.append(b"")

    def on_body(self, body: bytes) -> None:
        self.bodies[-1] += body


def read(packet: bytes = PACKET, length: int = 5) -> ReadHead:
    head = read_head(packet, length, Parsed(packet).headers, TARGET, True)
    assert head is not None
    return head


@pytest.mark.parametrize("token", [b"abc.def", b"x", b"A-._~+/==", b"t" * 3_000])
def test_the_same_head_with_any_token_is_recognised(token: bytes) -> None:
    packet = PACKET.replace(b"abc.def", token)
    head = read()
    assert head.size_in(packet) == len(packet) - 5
    assert head.headers_of(packet) == Parsed(packet).headers


@pytest.mark.parametrize(
    "token",
    [
        *(
            b"",
            b" ",
            b"a b",
            b"a,b",
            b"a;b",
            b"a\tb",
            b"a\0b",
            b"a\x7fb",
            b"a\xffb",
            b'"a"',
            b"a:b",
        ),
        *(b"a\rb", b"a\nb", b"a\r\nb", b"a\r\n b", b"a\r\nX-Forged: z", b"a\nX-Forged: z"),
        b"a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nX: y",
        b"a\r\nTransfer-Encoding: chunked",
    ],
)
def test_what_is_no_token_is_left_to_the_parser(token: bytes) -> None:
    assert read().size_in(PACKET.replace(b"abc.def", token)) == 0


@pytest.mark.parametrize(
    "packet",
    [
        PACKET[:-1],
        PACKET + b"!",
        PACKET + PACKET,
        PACKET.replace(b"Bearer", b"bearer"),
        PACKET.replace(b"Authorization", b"authorization"),
        PACKET.replace(b"X-Last: y", b"X-Last: z"),
        PACKET.replace(b"Host: x", b"Host: z"),
        PACKET.replace(b"Authorization: Bearer abc.def\r\n", b""),
        PACKET.replace(b"\r\nX-Last: y", b""),
        b"",
        HEAD[:20],
        HEAD[-30:],
    ],
)
def test_any_other_packet_is_left_to_the_parser(packet: bytes) -> None:
    assert read().size_in(packet) == 0


def test_a_recognised_packet_is_what_the_parser_reads_in_it() -> None:
    # Random changes of a packet: whatever is recognised must be one request with these headers and this body.
    head, randomly, recognised = read(), random.Random(1), 0
    pieces = [
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b":",
        b"a",
        b"=",
        b"\0",
        b"hello",
        b"Bearer ",
        HEAD,
        b"\r\n\r\n",
    ]
    for _ in range(20_000):
        at = randomly.randrange(len(PACKET))
        cut = randomly.choice((0, 0, 1, 2, 7))
        packet = PACKET[:at] + randomly.choice(pieces) + PACKET[at + cut :]
        if size := head.size_in(packet):
            recognised += 1
            parsed = Parsed(packet)
            assert not parsed.failed
            assert parsed.headers == head.headers_of(packet)
            assert parsed.bodies == [packet[size:]]
    assert recognised > 100


@pytest.mark.parametrize(
    "authorization",
    [
        b"Authorization: Basic abc.def",
        b"Authorization: Bearer abc def",
        b"Authorization: Bearer abc\r\nAuthorization: Bearer def",
        b"X-Same: Bearer abc\r\nAuthorization: Bearer abc",
        b"X-Other: y",
    ],
)
def test_a_head_without_one_token_is_recognised_only_as_it_was(authorization: bytes) -> None:
    packet = PACKET.replace(b"Authorization: Bearer abc.def", authorization)
    head = read(packet)
    assert head.place is None
    assert head.size_in(packet) == len(packet) - 5
    assert head.headers_of(packet) == Parsed(packet).headers
    assert head.size_in(packet.replace(b"abc", b"xyz").replace(b"X-Other: y", b"X-Other: z")) == 0


def test_a_head_keeps_no_token() -> None:
    head = read()
    assert b"abc.def" not in repr(head).encode()


def test_the_headers_are_a_new_list_each_time() -> None:
    head = read()
    head.headers_of(PACKET).clear()
    assert head.headers_of(PACKET) == Parsed(PACKET).headers


@pytest.mark.parametrize("packet", [PACKET + b"hello", HEAD + HEAD + b"hello"])
def test_a_packet_with_more_than_one_head_is_not_kept(packet: bytes) -> None:
    assert read_head(packet, 5, Parsed(packet).headers, TARGET, True) is None
