"""Slow hashes are queued, and the queue is limited in all and for each network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from watchword.errors import Unavailable
from watchword.throttling import hash_queue
from watchword.throttling.hash_queue import run_queued


@contextmanager
def held() -> Iterator[threading.Event]:
    """Block all hashes until the test ends."""
    go = threading.Event()
    try:
        yield go
    finally:
        go.set()


async def begun(go: threading.Event, *addresses: str) -> list[asyncio.Task[bool]]:
    started = [asyncio.ensure_future(run_queued(go.wait, address=each)) for each in addresses]
    await asyncio.sleep(0)
    return started


async def test_a_full_queue_refuses_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hash_queue, "MOST_WAITING", 3)
    with held() as go:
        waiting = await begun(go, "203.0.113.1", "203.0.113.2", "203.0.113.3")
        with pytest.raises(Unavailable):
            await run_queued(len, "x", address="203.0.113.4")
    await asyncio.gather(*waiting)
    assert await run_queued(len, "x", address="203.0.113.4") == 1


async def test_one_network_cannot_fill_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hash_queue, "MOST_OF_ONE_NETWORK", 2)
    with held() as go:
        waiting = await begun(go, "203.0.113.1", "203.0.113.1", "203.0.113.2")
        with pytest.raises(Unavailable):
            await run_queued(len, "x", address="203.0.113.1")
        waiting += await begun(go, "203.0.113.2")
    await asyncio.gather(*waiting)


async def test_a_cancelled_caller_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_queue, "MOST_WAITING", hash_queue._threads._max_workers + 1)
    with held() as go:
        waiting = await begun(go, *["203.0.113.1"] * hash_queue.MOST_WAITING)
        waiting[-1].cancel()
        await asyncio.wait([waiting[-1]])
        waiting += await begun(go, "203.0.113.2")
        assert not waiting[-1].done()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not hash_queue._waiting


async def test_a_failed_hash_frees_its_place() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_queued(lambda: 1 // 0)
    assert not hash_queue._waiting
