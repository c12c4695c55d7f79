"""Connections are told that the process stops, and the server's own signal handlers run as before."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator
from weakref import WeakSet

import pytest

from tests.support.toy_server import until
from watchword.asgi import shutdown
from watchword.asgi.shutdown import SIGNALS, Shutdown


class Connection:
    def __init__(self, shutdown: Shutdown) -> None:
        self.said: list[str] = []
        self._shutdown = shutdown
        shutdown.add(self)

    def server_stops(self) -> None:
        self.said.append("stops")

    def end_now(self) -> None:
        self.said.append("ends")
        self._shutdown.discard(self)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the connections that other tests did not release."""
    monkeypatch.setattr(shutdown, "_listening", WeakSet())


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that the server's own handlers have heard."""
    numbers: list[int] = []
    before = {number: signal.signal(number, lambda n, _: numbers.append(n)) for number in SIGNALS}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_reaches_the_connections_and_the_server(
    number: int, heard: list[int]
) -> None:
    app = Shutdown()
    connection = Connection(app)
    signal.raise_signal(number)
    # At once: granian may report a disconnection before the loop runs anything else.
    assert app.is_stopping
    await until(lambda: bool(connection.said))
    signal.raise_signal(number)
    await asyncio.sleep(0)
    assert (connection.said, heard) == (["stops"], [number] * 2)
    app.discard(connection)


async def test_a_handler_that_the_server_sets_later_is_kept_too(heard: list[int]) -> None:
    app, later = Shutdown(), list[int]()
    first = Connection(app)
    signal.signal(signal.SIGTERM, lambda number, _: later.append(number))
    second = Connection(app)
    signal.raise_signal(signal.SIGTERM)
    await until(lambda: bool(first.said and second.said))
    assert later == [signal.SIGTERM]
    for connection in (first, second):
        app.discard(connection)


async def test_without_connections_the_handlers_are_those_of_before(heard: list[int]) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    app = Shutdown()
    connections = [Connection(app), Connection(app)]
    app.discard(connections[0])
    assert [signal.getsignal(number) for number in SIGNALS] != before
    app.discard(connections[1])
    assert [signal.getsignal(number) for number in SIGNALS] == before


async def test_a_signal_that_nobody_handles_still_ends_the_process() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        app = Shutdown()
        connection = Connection(app)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        app.discard(connection)
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_a_worker_without_signals_hears_of_its_event_while_it_has_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(shutdown, "shutdown_event", lambda: event)
    monkeypatch.setattr(shutdown, "LOOK_SECONDS", 0)
    app = Shutdown()
    gone, connection = Connection(app), Connection(app)
    app.discard(gone)
    assert not app.is_stopping
    event.set()
    await until(lambda: bool(connection.said))
    assert (app.is_stopping, gone.said, connection.said) == (True, [], ["stops"])
    app.discard(connection)


async def test_the_end_of_the_app_ends_the_connections_that_are_left() -> None:
    app = Shutdown()
    connection = Connection(app)
    await app.end(10)
    assert connection.said == ["stops", "ends"]
    assert app.is_stopping
    app.reopen()
    assert not app.is_stopping
