"""The wire under any ASGI server: it never waits for the client, and counts what the client has not read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.toy_server import until
from watchword.asgi import generic, wire
from watchword.asgi.generic import GenericSocket, GenericStream
from watchword.asgi.shutdown import Shutdown
from watchword.asgi.types import Message


class Server:
    """An ASGI server whose client reads only while `reads` is set."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.reads = asyncio.Event()
        self.is_gone = False
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self._inbox.get()

    async def send(self, message: Message) -> None:
        if self.is_gone:
            raise OSError("the client has gone")
        await self.reads.wait()
        self.sent.append(message)

    def say(self, **message: Any) -> None:
        self._inbox.put_nowait(message)


@pytest.fixture
def server() -> Server:
    return Server()


async def test_writes_wait_in_the_wire_and_not_in_the_transport(server: Server) -> None:
    socket = GenericSocket(server.receive, server.send, Shutdown())
    told: list[tuple[int, int]] = []
    socket.on_write = lambda *unsent: told.append(unsent)
    socket.send_text(b"a", b"bc")
    socket.send_text(b"d")
    assert (told, socket.sent) == ([(1, 3), (2, 4)], 0)
    server.reads.set()
    await socket.drained()
    assert (socket.unsent, socket.sent) == ((0, 0), 4)
    assert [message["text"] for message in server.sent] == ["abc", "d"]


async def test_messages_that_are_written_together_are_each_a_message(server: Server) -> None:
    socket = GenericSocket(server.receive, server.send, Shutdown())
    socket.send_packed(socket.packing([b"first", b"second"]))
    assert socket.unsent == (2, 11)
    server.reads.set()
    await socket.drained()
    assert [message["text"] for message in server.sent] == ["first", "second"]


async def test_a_close_comes_after_what_was_written_and_ends_receive(server: Server) -> None:
    socket = GenericSocket(server.receive, server.send, Shutdown())
    socket.send_text(b"last")
    socket.send_close(4403, "expired")
    socket.send_text(b"too late")
    server.reads.set()
    assert (await socket.receive())["type"] == "websocket.disconnect"
    assert [message["type"] for message in server.sent] == ["websocket.send", "websocket.close"]
    socket.release()


async def test_a_close_that_the_client_does_not_read_ends_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 0.01)
    socket = GenericSocket(server.receive, server.send, Shutdown())
    socket.send_close(4403, "expired")
    async with asyncio.timeout(5):
        assert (await socket.receive())["type"] == "websocket.disconnect"
    assert (socket.unsent, server.sent) == ((0, 0), [])


async def test_a_message_of_the_client_is_received(server: Server) -> None:
    socket = GenericSocket(server.receive, server.send, Shutdown())
    server.say(type="websocket.receive", text="hello")
    assert (await socket.receive())["text"] == "hello"


async def test_a_client_that_has_gone_makes_no_error_and_keeps_no_memory(server: Server) -> None:
    server.is_gone = True
    socket = GenericSocket(server.receive, server.send, Shutdown())
    socket.send_text(b"x")
    await socket.drained()
    socket.send_text(b"y")
    assert socket.unsent == (0, 0)


async def test_a_stream_ends_once(server: Server) -> None:
    stream = GenericStream(server.receive, server.send, Shutdown())
    server.reads.set()
    stream.send_chunk(b"a")
    stream.send_last(b"b")
    await stream.end()
    stream.release()
    bodies = [(message["body"], message["more_body"]) for message in server.sent]
    assert bodies == [(b"a", True), (b"b", True), (b"", False)]


async def test_a_stream_tells_that_its_client_has_gone(server: Server) -> None:
    stream = GenericStream(server.receive, server.send, Shutdown())
    lost: list[bool] = []
    stream.on_lost = lambda: lost.append(True)
    server.say(type="http.request")
    server.say(type="http.disconnect")
    await until(lambda: bool(lost))
    stream.release()


async def test_the_wire_of_the_server_itself_is_preferred(server: Server) -> None:
    own = server
    for scope in ({"extensions": {wire.EXTENSION: own}}, {"extensions": {}}, {}):
        is_own = bool(scope.get("extensions"))
        assert (generic.socket(scope, server.receive, server.send, Shutdown()) is own) is is_own
    stream = generic.stream({}, server.receive, server.send, Shutdown())
    assert isinstance(stream, GenericStream)
    stream.release()


async def test_a_body_goes_through_the_middleware_that_passes_its_head_on_later(
    server: Server,
) -> None:
    class Own:
        def __init__(self, has_begun: bool) -> None:
            self.has_begun = lambda *_: has_begun

    def body(wire: Any) -> Any:
        return generic.body(wire, server.receive, server.send, Shutdown())

    begun = Own(True)
    assert body(begun) is begun
    stream = body(Own(False))
    assert isinstance(stream, GenericStream)
    assert body(stream) is stream
    stream.release()


class Owner:
    """Closes its socket when it is asked to for the second time, as a lifecycle does."""

    def __init__(self, socket: GenericSocket) -> None:
        self.times = 0
        self._socket = socket
        socket.on_shutdown = self.told

    def told(self) -> None:
        self.times += 1
        if self.times == 2:
            self._socket.send_close(1012, "restarting")


async def test_a_client_is_told_why_when_its_server_cancels_the_connection(server: Server) -> None:
    socket = GenericSocket(server.receive, server.send, Shutdown())
    Owner(socket)
    server.reads.set()
    receiving = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert server.sent == [{"type": "websocket.close", "code": 1012, "reason": "restarting"}]
    socket.release()


@pytest.mark.parametrize("stops", [True, False])
async def test_a_client_is_told_why_when_its_server_stops_and_reports_a_disconnection(
    stops: bool, server: Server
) -> None:
    shutdown = Shutdown()
    socket = GenericSocket(server.receive, server.send, shutdown)
    Owner(socket)
    server.reads.set()
    if stops:
        shutdown.begin()
    server.say(type="websocket.disconnect")
    assert (await socket.receive())["type"] == "websocket.disconnect"
    assert [message["type"] for message in server.sent] == ["websocket.close"] * stops
    socket.release()
