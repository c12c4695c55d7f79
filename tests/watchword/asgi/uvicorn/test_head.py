"""The limits of a request's head, and of the time for head and body, on real sockets."""

from __future__ import annotations

import asyncio
import resource

import pytest
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from websockets.http11 import MAX_LINE_LENGTH

from tests.watchword.asgi.uvicorn.echo import CHUNKED, GET, LIMIT, dripped, echo, status
from watchword.asgi.uvicorn import head

UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def test_a_head_within_the_limit_is_served() -> None:
    async with echo() as app:
        answer = await app.say(GET + b"A: " + b"a" * (LIMIT - 100) + b"\r\n\r\n")
    assert status(answer) == b"200"


@pytest.mark.parametrize(
    "line",
    [b"A: " + b"a" * LIMIT + b"\r\n", b"Abcdefgh: abcdefgh\r\n" * 500, b"a" * LIMIT + b": a\r\n"],
    ids=["one header", "many headers", "a name"],
)
@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_head_over_the_limit_is_refused_with_431(line: bytes, is_whole: bool) -> None:
    async with echo() as app:
        answer = await app.say(GET, line, line, b"\r\n" if is_whole else b"")
        whole = await app.say(GET + line + b"\r\n")
    assert status(answer) == status(whole) == b"431"
    assert b"connection: close" in answer
    assert app.seen == []


async def test_a_request_line_over_the_limit_is_refused_with_414() -> None:
    long = b"GET /" + b"a" * LIMIT
    async with echo() as app:
        assert status(await app.say(long, b"a" * LIMIT)) == b"414"
        assert status(await app.say(long + b" HTTP/1.1\r\nHost: x\r\n\r\n")) == b"414"
    assert app.seen == []


async def test_the_number_of_headers_is_limited() -> None:
    async with echo() as app:
        most = GET + b"A: a\r\n" * (head.MOST_HEADERS - 1)
        assert status(await app.say(most + b"\r\n")) == b"200"
        assert status(await app.say(most + b"A: a\r\n\r\n")) == b"431"


async def test_headers_without_end_cost_no_memory() -> None:
    async with echo() as app:
        await app.say(GET + b"\r\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = await app.say(GET, *[b"a" * 65_536] * 1_000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert status(answer) in (b"431", b"")
    assert grown < 8_192  # KiB; 64 MiB were sent


async def test_a_head_that_does_not_come_is_refused_with_408(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "HEAD_SECONDS", 0.1)
    async with echo() as app:
        assert status(await app.say(GET + b"A: a")) == b"408"


async def test_bytes_that_drip_in_do_not_put_the_end_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "HEAD_SECONDS", 0.2)
    assert status(await dripped(GET + b"A: ", b"a")) == b"408"


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_closed(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "HEAD_SECONDS", 0.1)
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_a_request_that_is_being_answered_is_not_hurried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "HEAD_SECONDS", 0.05)
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        # Wait until a second connection, which began later and sends no request, has run out of time.
        late, other = await asyncio.open_connection("127.0.0.1", app.port)
        assert await late.read() == b""
        other.close()
        writer.write(b"b")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status(answer) == b"200"


async def test_a_trailer_is_no_header() -> None:
    trailer = b"Authorization: Bearer x\r\nHost: y\r\nUpgrade: websocket\r\n"
    async with echo() as app:
        answer = await app.say(CHUNKED + b"2\r\nab\r\n0\r\n" + trailer + b"\r\n")
    assert status(answer) == b"200"
    assert app.seen == [[(b"host", b"x"), (b"transfer-encoding", b"chunked")]]


async def test_an_oversized_request_behind_another_does_not_answer_for_it() -> None:
    async with echo() as app:
        answer = await app.say(GET + b"\r\n" + GET + b"A: " + b"a" * LIMIT * 2 + b"\r\n\r\n")
    assert b"431" not in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"", b"403"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: " + b"a" * 8_100 + b"\r\n", b"403"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: " + b"a" * 8_192 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: a\r\n" * 101, b"431"),
        (b"GET /" + b"a" * 8_192 + b" HTTP/1.1\r\nHost: x\r\n", b"", b"414"),
    ],
)
async def test_a_handshake_is_limited_and_always_answered(
    request_line: bytes, headers: bytes, expected: bytes
) -> None:
    async with echo(max_header_bytes=65_536) as app:
        answer = await app.say(request_line + headers + UPGRADE + b"\r\n")
    assert status(answer) == expected
    assert app.sockets == (1 if expected == b"403" else 0)


async def test_a_head_that_is_no_http_is_refused_with_400() -> None:
    async with echo() as app:
        for line in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n"):
            assert status(await app.say(line)) == b"400"
        both = GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert status(await app.say(both)) == b"400"
    assert app.seen == []


@pytest.mark.parametrize(
    "name",
    [
        *("url", "cycle", "headers", "pipeline", "server_state", "config", "loop", "transport"),
        *("data_received", "handle_websocket_upgrade", "send_400_response", "on_message_begin"),
        *("on_header", "on_headers_complete", "on_body", "on_message_complete"),
        *("on_response_complete", "connection_made", "connection_lost"),
    ],
)
def test_uvicorns_http_connection_still_has(name: str) -> None:
    names = {
        *HttpToolsProtocol.__init__.__code__.co_names,
        *HttpToolsProtocol.on_message_begin.__code__.co_names,
    }
    assert name in names or hasattr(HttpToolsProtocol, name)


@pytest.mark.parametrize("status", [head.HEAD_TOO_LARGE, head.LINE_TOO_LONG, head.TOO_SLOW, 400])
def test_uvicorn_still_has_the_status_line(status: int) -> None:
    assert STATUS_LINE[status].startswith(b"HTTP/1.1 %d " % status)


def test_websockets_still_has_its_longest_line() -> None:
    assert isinstance(MAX_LINE_LENGTH, int)
