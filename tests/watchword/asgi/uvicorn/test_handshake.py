"""A plain handshake is answered as websockets would answer it, and any other one is left to websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.support.toy_server import serving, until
from watchword.asgi.uvicorn import frames
from watchword.asgi.uvicorn.handshake import Upgrade, plain_upgrade, response_head
from watchword.config.settings import Settings

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
PLAIN = (
    (b"host", b"127.0.0.1"),
    (b"connection", b"keep-alive, Upgrade"),
    (b"upgrade", b"WebSocket"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-protocol", b"graphql-transport-ws, other"),
    (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
)
# A masked text frame "hi", with the key 0.
HI = b"\x81\x82\0\0\0\0hi"


def changed(name: bytes, *values: bytes) -> list[tuple[bytes, bytes]]:
    kept = [header for header in PLAIN if header[0] != name]
    return [*kept, *((name, value) for value in values)]


def read(headers: Any, method: bytes = b"GET", version: str = "1.1", url: bytes = b"/a?b") -> Any:
    return plain_upgrade(method, version, url, headers)


def answer_of_websockets(headers: list[tuple[bytes, bytes]]) -> tuple[int, str | None]:
    named = Headers([(name.decode(), value.decode()) for name, value in headers])
    response = ServerProtocol().accept(Request("/a?b", named))
    return response.status_code, response.headers.get("Sec-WebSocket-Accept")


def test_a_plain_handshake_is_read_as_websockets_reads_it() -> None:
    upgrade = read(PLAIN)
    assert upgrade == Upgrade(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ("graphql-transport-ws", "other"))
    assert answer_of_websockets([*PLAIN]) == (101, upgrade.accept.decode())


def test_a_client_need_not_offer_a_subprotocol() -> None:
    assert read(changed(b"sec-websocket-protocol")).subprotocols == ()


@pytest.mark.parametrize(
    "headers",
    [
        changed(b"connection"),
        changed(b"connection", b"keep-alive"),
        changed(b"connection", b"upgrade", b"upgrade"),
        changed(b"connection", b"upgrade, a b"),
        changed(b"upgrade"),
        changed(b"upgrade", b"h2c"),
        changed(b"upgrade", b"websocket, h2c"),
        changed(b"sec-websocket-key"),
        changed(b"sec-websocket-key", KEY, KEY),
        changed(b"sec-websocket-key", b"AAAA"),
        changed(b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZR=="),
        changed(b"sec-websocket-version"),
        changed(b"sec-websocket-version", b"8"),
        changed(b"sec-websocket-version", b"13", b"13"),
        changed(b"sec-websocket-protocol", b"a b"),
        changed(b"sec-websocket-protocol", b""),
        changed(b"content-length", b"3"),
        changed(b"transfer-encoding", b"chunked"),
    ],
)
def test_what_is_not_plain_is_left_to_websockets(headers: list[tuple[bytes, bytes]]) -> None:
    assert read(headers) is None


@pytest.mark.parametrize(
    "line",
    [
        {"method": b"POST"},
        {"version": "1.0"},
        {"url": b"http://host/a"},
        {"url": b"/a#b"},
        {"url": "/ä".encode()},
    ],
)
def test_a_request_line_that_is_not_plain_is_left_to_websockets(line: dict[str, Any]) -> None:
    assert read(PLAIN, **line) is None


def test_the_response_has_the_headers_of_the_server_and_the_chosen_subprotocol() -> None:
    head = response_head(Upgrade(b"KEY", ("a", "b")), "b", [(b"x-more", b"1")])
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
    assert (
        b"\r\nSec-WebSocket-Accept: KEY\r\nx-more: 1\r\nSec-WebSocket-Protocol: b\r\n\r\n" in head
    )


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[..., None]]]:
    """Serve an app for sockets, and connect to it. The function that it yields writes to the server."""

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket", "it has no lifespan"
        await app(scope, receive, send)

    async with asyncio.timeout(20), serving(whole, Settings(_env_file=None)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer.write
        finally:
            writer.close()


def request(headers: Any = PLAIN) -> bytes:
    lines = (name + b": " + value + b"\r\n" for name, value in headers)
    return b"GET /graphql?a=b HTTP/1.1\r\n" + b"".join(lines) + b"\r\n"


@pytest.mark.parametrize("is_plain", [True, False])
async def test_both_ways_give_the_app_the_same(
    is_plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = list[dict[str, Any]]()
    if not is_plain:
        monkeypatch.setattr(frames, "plain_upgrade", lambda *_: None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(dict(scope))
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "other", "headers": [(b"X", b"1")]})
        got = await receive()
        await send({"type": "websocket.send", "text": got["text"]})
        await send({"type": "websocket.close", "code": 4000})

    async with connected(app) as (reader, write):
        write(request())
        head = await reader.readuntil(b"\r\n\r\n")
        write(HI)
        rest = await reader.readexactly(8)
    assert head.startswith(b"HTTP/1.1 101 ")
    lines = {line.lower() for line in head.split(b"\r\n")}
    assert {b"x: 1", b"sec-websocket-protocol: other", b"upgrade: websocket"} <= lines
    assert rest == b"\x81\x02hi" + b"\x88\x02\x0f\xa0"
    [scope] = scopes
    assert scope["headers"] == [*PLAIN]
    assert [scope[name] for name in ("path", "raw_path", "query_string", "scheme")] == [
        *("/graphql", b"/graphql", b"a=b", "ws")
    ]
    assert scope["subprotocols"] == ["graphql-transport-ws", "other"]
    assert (scope["http_version"], scope["client"][0]) == ("1.1", "127.0.0.1")
    assert set(scope["extensions"]) == {"websocket.http.response", frames.EXTENSION}


async def test_frames_that_come_before_the_answer_are_kept() -> None:
    wires, may = list[Any](), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        wires.append(scope["extensions"][frames.EXTENSION])
        await receive()
        await may.wait()
        await send({"type": "websocket.accept"})
        for _ in range(2):
            await send({"type": "websocket.send", "text": (await receive())["text"]})

    async with connected(app) as (reader, write):
        write(request())
        await until(lambda: bool(wires))
        write(HI + HI)
        await until(lambda: bool(wires[0]._early))
        may.set()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(8) == b"\x81\x02hi" * 2


@pytest.mark.parametrize(
    "refusal",
    [
        [{"type": "websocket.close"}],
        [
            {"type": "websocket.http.response.start", "status": 403},
            {"type": "websocket.http.response.body", "body": b"no"},
        ],
        [],
    ],
)
async def test_a_handshake_can_be_refused(refusal: list[dict[str, Any]]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in refusal:
            await send(message)

    async with connected(app) as (reader, write):
        write(request())
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 " if refusal else b"HTTP/1.1 500 ")


async def test_a_bad_handshake_is_refused_by_websockets() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the app must not see it")

    async with connected(app) as (reader, write):
        write(request(changed(b"sec-websocket-key", b"short")))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
