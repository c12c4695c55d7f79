"""A measured transport has all that an asyncio transport has, counts what is written, and ends in time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tests.support.toy_server import until
from watchword.asgi import wire
from watchword.asgi.uvicorn import measured
from watchword.asgi.uvicorn.measured import MeasuredTransport


def test_it_has_every_method_of_a_transport() -> None:
    missing = {name for name in dir(asyncio.Transport) if not name.startswith("_")} - {
        *dir(MeasuredTransport)
    }
    assert not missing


class FakeTransport:
    """A transport whose client reads nothing."""

    def __init__(self) -> None:
        self.unread = 0
        self.is_aborted = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.unread += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def abort(self) -> None:
        self.is_aborted.set()


async def test_writes_of_every_part_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 0.01)
    transport, seen = FakeTransport(), []
    line = MeasuredTransport(cast(Any, transport))
    line.on_write = lambda *waiting: seen.append(waiting)
    line.write(b"pong")
    transport.unread = 1
    line.write(b"ping")
    line.write(b"three", 3)
    assert seen == [(1, 4), (2, 5), (5, 10)]
    assert line.sent == 3
    line.close()
    await transport.is_aborted.wait()


async def test_what_is_read_at_last_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "UNREAD_SECONDS", 0.01)
    transport = FakeTransport()
    line = MeasuredTransport(cast(Any, transport))
    line.write(b"answer")
    line.watch_reading()
    transport.unread = 0
    await until(lambda: line._watch is None)
    assert not transport.is_aborted.is_set()
    line.write(b"another")
    line.watch_reading()
    await transport.is_aborted.wait()
