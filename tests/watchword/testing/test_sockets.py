"""Sockets carry messages to an app and back, in process and over the network, and tell how they were closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.support.other_servers import serving_by
from watchword.testing.outcome import Closed
from watchword.testing.sockets import SUBPROTOCOL, NetworkSocket, ProcessSocket, Socket


async def echo(socket: WebSocket) -> None:
    """Repeat each message until one says goodbye; be silent, or break, at a word."""
    await socket.accept(SUBPROTOCOL)
    async for text in socket.iter_text():
        match text:
            case "goodbye":
                await socket.close(4400, "so long")
                return
            case "leave":
                return
            case "break":
                raise LookupError("it broke")
        await socket.send_text(f"{text} at {socket.url.path}")


APP = Starlette(routes=[WebSocketRoute("/echo", echo)])
Open = Callable[[], Awaitable[Socket]]


@pytest.fixture(params=["process", "network"])
async def opened(request: pytest.FixtureRequest) -> Any:
    if request.param == "process":
        yield ProcessSocket(APP, "shop.example", "/echo")
    else:
        async with serving_by("uvicorn", APP) as (url, _):
            yield await NetworkSocket.open(f"{url}/echo")


async def test_messages_go_there_and_back_until_the_server_closes(opened: Socket) -> None:
    await opened.send("hello")
    assert await opened.receive() == "hello at /echo"
    await opened.send("goodbye")
    assert await opened.receive() == Closed(4400, "so long")
    await opened.send("too late")
    await opened.close()


async def test_this_side_closes(opened: Socket) -> None:
    await opened.send("hello")
    await opened.receive()
    await opened.close()


async def test_an_app_that_leaves_or_breaks_is_told_apart() -> None:
    left = ProcessSocket(APP, "shop.example", "/echo")
    await left.send("leave")
    assert await left.receive() == Closed(1006, "the app ended the connection without closing it")
    broken = ProcessSocket(APP, "shop.example", "/echo")
    await broken.send("break")
    with pytest.raises(LookupError, match="it broke"):
        await broken.receive()


async def test_binary_messages_are_text() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"hello"})

    assert await ProcessSocket(app, "shop.example", "/").receive() == "hello"
