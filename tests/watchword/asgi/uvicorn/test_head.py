"""The limits of a request's head, and of the time for head and body, on real sockets."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from websockets.http11 import MAX_LINE_LENGTH

from tests.support.vault import ENCRYPTION_KEY
from watchword.asgi.types import Message, Receive, Send
from watchword.asgi.uvicorn import head
from watchword.asgi.wire import allow_body
from watchword.cli.serve import config
from watchword.config.settings import Settings

LIMIT = 8_192
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass
class Echo:
    """An app that records the headers of requests, and answers with the number of bytes in the body."""

    port: int = 0
    seen: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    sockets: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    # Seconds that the bodies of the next requests may take.
    allowed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            self.sockets += 1
            await send({"type": "websocket.close", "code": 1008})
            return
        if self.allowed:
            allow_body(scope, self.allowed.pop(0))
        self.asked.set()
        size, more = 0, True
        while more:
            if (message := await receive())["type"] == "http.disconnect":
                return
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        self.seen.append(list(scope["headers"]))
        await self.may_answer.wait()
        body = b"%d" % size
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def let_the_time_of_a_body_pass(self) -> None:
        """Wait until the server drops a request that begins now and never arrives."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(POST)
        async with asyncio.timeout(5):
            assert status(await reader.read()) == b"408"
        writer.close()

    async def say(self, *parts: bytes) -> bytes:
        """Send the parts. Return everything that the server sends until it closes, or is quiet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        heard = b""
        try:
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            with suppress(TimeoutError, ConnectionError):
                # The first bytes may take a busy machine long.
                async with asyncio.timeout(20):
                    heard = await reader.read(65_536)
                async with asyncio.timeout(0.5):
                    while data := await reader.read(65_536):
                        heard += data
        finally:
            writer.close()
        return heard


@asynccontextmanager
async def echo(**settings: Any) -> AsyncIterator[Echo]:
    app = Echo()
    given = {"encryption_keys": (ENCRYPTION_KEY,), "max_header_bytes": LIMIT} | settings
    made = Settings(_env_file=None, **given)
    server = uvicorn.Server(config(app, made))
    server.config.lifespan = "off"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield app
        finally:
            server.should_exit = True
            await serving


def status(answer: bytes) -> bytes:
    return answer[9:12]


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


async def dripped(begin: bytes, drop: bytes) -> bytes:
    """Return the answer to a beginning that is followed by the same bytes again and again."""
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(begin)

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    writer.write(drop)
                    await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            answer = await reader.read()
        dripping.cancel()
        writer.close()
    return answer


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


@pytest.mark.parametrize("sent", [POST, POST + b"a", CHUNKED, CHUNKED + b"2\r\nab\r\n"])
async def test_a_body_that_does_not_come_is_refused_with_408(
    sent: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            answer = await reader.read()
        # Too late: the server ignores it.
        writer.write(b"bc")
        writer.close()
    assert (status(answer), answer.count(b"HTTP/1.1")) == (b"408", 1)
    assert b"connection: close" in answer
    assert app.seen == []
    assert "ASGI" not in caplog.text


async def test_a_body_that_drips_in_does_not_put_the_end_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.2)
    assert status(await dripped(CHUNKED, b"1\r\na\r\n")) == b"408"


@pytest.mark.parametrize("sent", [POST + b"a", CHUNKED + b"1\r\na\r\n"])
async def test_the_app_may_give_a_body_more_time(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        app.allowed = [60]
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        await app.asked.wait()
        await app.let_the_time_of_a_body_pass()
        writer.write(b"bc" if sent.startswith(POST) else b"2\r\nbc\r\n0\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status(answer) == b"200"


@pytest.mark.parametrize("sent", [POST, POST + b"a"])
async def test_the_time_that_the_app_gives_a_body_ends(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 60)
    async with echo() as app:
        app.allowed = [0.1]
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert status(await reader.read()) == b"408"
        writer.close()


async def test_a_body_that_has_come_gets_no_more_time() -> None:
    async with echo() as app:
        app.allowed = [0.01]
        app.may_answer.clear()
        asked = asyncio.create_task(app.say(POST + b"abc"))
        await app.asked.wait()
        # The time passes in which a body that was awaited would be refused.
        app.allowed = [0.02]
        assert status(await app.say(POST)) == b"408"
        app.may_answer.set()
        assert status(await asked) == b"200"


async def test_a_body_that_is_whole_waits_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.05)
    async with echo() as app:
        app.may_answer.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(POST + b"a")
        await app.asked.wait()
        writer.write(b"bc")
        await app.let_the_time_of_a_body_pass()
        app.may_answer.set()
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert status(answer) == b"200"


async def test_the_time_of_a_body_behind_another_request_begins_when_it_is_taken_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    async with echo() as app:
        app.may_answer.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(POST + b"abc" + POST + b"a")
        await app.let_the_time_of_a_body_pass()
        # The first request has waited for longer than a body may take, and is answered all the same.
        app.may_answer.set()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 408")


async def test_a_trailer_is_no_header() -> None:
    trailer = b"Authorization: Bearer x\r\nHost: y\r\nUpgrade: websocket\r\n"
    async with echo() as app:
        answer = await app.say(CHUNKED + b"2\r\nab\r\n0\r\n" + trailer + b"\r\n")
    assert status(answer) == b"200"
    assert app.seen == [[(b"host", b"x"), (b"transfer-encoding", b"chunked")]]


@pytest.mark.parametrize(
    "endless", [b"0\r\nA: ", b"1;", b"0\r\n"], ids=["trailer", "extension", "trailers"]
)
async def test_what_is_around_a_body_is_limited_too(endless: bytes) -> None:
    more = b"A: a\r\n" * 200 if endless.endswith(b"\n") else b"a" * 1_200
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(CHUNKED + endless)
        with suppress(ConnectionError):
            for _ in range(20):
                await writer.drain()
                writer.write(more)
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
    assert app.seen == []


async def test_small_chunks_are_a_body_like_another() -> None:
    async with echo() as app:
        answer = await app.say(CHUNKED, b"1\r\na\r\n" * 100_000, b"0\r\n\r\n")
    assert answer.endswith(b"100000")


async def test_a_large_body_and_a_request_behind_it_are_served() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1_000_000
    async with echo() as app:
        answer = await app.say(body + GET + b"\r\n" + body + GET + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") == 4


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
