"""Frames follow RFC 6455, pipelined requests share no context, and uvicorn still has the parts that are used."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from tests.support.fake_transport import FakeTransport, connected
from tests.support.toy_server import serving, until
from watchword.asgi.uvicorn.frames import frame_header, pack
from watchword.cli.serve import config
from watchword.config.settings import Settings


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_library_would_have_written(length: int) -> None:
    payload = b"x" * length
    expected = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame_header(length) + payload == expected


def test_frames_of_several_messages_follow_each_other() -> None:
    texts = [b"a", b"b" * 200]
    expected = b"".join(Frame(Opcode.TEXT, text).serialize(mask=False) for text in texts)
    assert pack(texts) == (expected, 2)


async def test_a_pipelined_request_sees_nothing_that_the_one_before_has_set() -> None:
    whisper: ContextVar[str] = ContextVar("whisper", default="nothing")

    async def answer(request: Request) -> Response:
        said = whisper.get()
        whisper.set(f"what {request.url.path} has set")
        return Response(f"[{said}]")

    app = Starlette(routes=[Route("/{name}", answer)])
    async with serving(app, Settings(_env_file=None)) as (url, _):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET /%s HTTP/1.1\r\nHost: {host}\r\n%s\r\n"
        writer.write((head % ("first", "") + head % ("second", "Connection: close\r\n")).encode())
        said = (await reader.read()).decode()
        writer.close()
    assert said.count("[nothing]") == 2


class _Transport(FakeTransport):
    """A transport whose owner may change."""

    owner: Any = None

    def set_protocol(self, protocol: Any) -> None:
        self.owner = protocol


async def test_nothing_of_the_http_connection_is_left_when_it_has_become_a_websocket() -> None:
    gc.disable()
    try:
        http, _ = connected(_accepting)
        transport, left = _Transport(), weakref.ref(http)
        http.connection_made(transport)
        http.data_received(
            b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        del http
        await until(lambda: bool(transport.written))
        assert transport.written[0].startswith(b"HTTP/1.1 101")
        assert left() is None
    finally:
        gc.enable()
        transport.owner.connection_lost(None)


async def _accepting(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


def protocol(kind: Any) -> Any:
    made = config(Starlette(), Settings(_env_file=None))
    made.load()
    return kind(made, ServerState(), {}, asyncio.get_running_loop())


@pytest.mark.parametrize(
    "name",
    [
        *("close_sent", "disconnected", "close_timer", "queue", "conn", "loop", "transport"),
        *("read_paused", "writable", "stop_keepalive", "keepalive_timeout", "handle_connect"),
        *("connection_made", "connection_lost", "shutdown", "run_asgi", "on_task_complete"),
        *("connections", "tasks", "default_headers", "app_state", "asgi_version", "root_path"),
        *("handshake_initiated", "handshake_complete", "start_keepalive", "server", "client"),
        *("scheme", "data_received", "send"),
    ],
)
async def test_uvicorns_websocket_still_has(name: str) -> None:
    assert hasattr(protocol(WebSocketsSansIOProtocol), name)


@pytest.mark.parametrize(
    "name",
    [
        *("_start_asgi_task", "on_message_begin", "scope", "flow", "loop", "transport"),
        *("connection_made", "connection_lost", "shutdown", "handle_websocket_upgrade"),
        *("ws_protocol_class", "server_state", "app_state", "config", "parser", "connections"),
        *("server", "client", "scheme"),
    ],
)
async def test_uvicorns_http_connection_still_has(name: str) -> None:
    assert hasattr(protocol(HttpToolsProtocol), name)


@pytest.mark.parametrize(
    "name",
    [
        *("disconnected", "response_complete", "response_started", "chunked_encoding"),
        *("message_event", "more_body", "send"),
    ],
)
def test_uvicorns_request_response_cycle_still_has(name: str) -> None:
    code = RequestResponseCycle.__init__.__code__
    assert name in code.co_names or hasattr(RequestResponseCycle, name)


def test_websockets_still_has_what_a_close_needs() -> None:
    assert callable(ServerProtocol.send_close)
    assert callable(ServerProtocol.data_to_send)
    assert issubclass(InvalidState, Exception)
