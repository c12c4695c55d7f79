"""A connection on which nothing is asked is closed in time, by one timer however many requests come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.support.fake_transport import FakeTransport, connected
from watchword.asgi.types import BEGINS_WITHOUT_TASK, Message, Receive, Response, Send
from watchword.asgi.uvicorn.frames import PipeProtocol

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SECONDS = 5


class Handle:
    def __init__(self, at: float, call: Callable[[], object]) -> None:
        self.at = at
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """The timers of an event loop whose time is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.handles: list[Handle] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], object]) -> Handle:
        self.handles.append(Handle(self.now + seconds, call))
        return self.handles[-1]

    def move(self, seconds: float) -> None:
        self.now += seconds
        for handle in [each for each in self.handles if each.at <= self.now]:
            self.handles.remove(handle)
            if not handle.is_cancelled:
                handle.call()


class App:
    def __init__(self) -> None:
        setattr(self, BEGINS_WITHOUT_TASK, True)
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await Response(200, b"").send(send)


def idle(app: Any) -> tuple[PipeProtocol, FakeTransport, Loop]:
    """Return a connection that has answered a request just now, and the timers that it makes."""
    connection, transport = connected(app)
    connection._stop_waiting()
    connection.timeout_keep_alive = SECONDS
    timers = Loop()
    connection.loop = timers  # type: ignore[assignment]
    connection.data_received(GET)
    return connection, transport, timers


async def test_a_connection_is_closed_when_nothing_is_asked_in_time() -> None:
    _, transport, timers = idle(App())
    timers.move(SECONDS - 0.1)
    assert not transport.is_closed
    timers.move(0.2)
    assert transport.is_closed


async def test_each_response_puts_the_end_off_and_there_is_one_timer() -> None:
    connection, transport, timers = idle(App())
    for _ in range(20):
        timers.move(SECONDS / 2)
        connection.data_received(GET)
        assert len(timers.handles) == 1
    timers.move(SECONDS - 0.1)
    assert not transport.is_closed
    timers.move(0.2)
    assert transport.is_closed


async def test_a_request_that_is_being_answered_is_not_cut_off() -> None:
    app = App()
    connection, transport, timers = idle(app)
    app.may_answer.clear()
    connection.loop = asyncio.get_running_loop()
    connection.data_received(GET)
    connection.loop = timers  # type: ignore[assignment]
    timers.move(3 * SECONDS)
    assert not transport.is_closed
    assert timers.handles == []
    app.may_answer.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(transport.written) == 2
    timers.move(SECONDS + 0.1)
    assert transport.is_closed


async def test_the_timer_of_a_connection_that_is_lost_is_cancelled() -> None:
    connection, _, timers = idle(App())
    connection.connection_lost(ConnectionResetError())
    assert all(each.is_cancelled for each in timers.handles)


@pytest.mark.parametrize(
    "name", ["_unset_keepalive_if_required", "timeout_keep_alive_handler", "on_response_complete"]
)
def test_uvicorns_http_connection_still_has(name: str) -> None:
    assert name in vars(HttpToolsProtocol)
    assert "timeout_keep_alive_task" in HttpToolsProtocol.on_response_complete.__code__.co_names
