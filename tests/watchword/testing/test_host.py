"""Coroutines run on the host's event loop, and are reached from any thread and event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from watchword.testing.host import Host


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    made.open()
    yield made
    made.close()


async def where() -> str:
    return threading.current_thread().name


async def fail() -> None:
    raise LookupError("nothing is there")


async def test_work_runs_in_its_thread_and_its_errors_are_raised_here(host: Host) -> None:
    assert host.call(where()) == await host.reach(where()) == "the app under test"
    with pytest.raises(LookupError, match="nothing is there"):
        host.call(fail())
    with pytest.raises(LookupError, match="nothing is there"):
        await host.reach(fail())


def test_it_is_reached_from_a_loop_that_is_not_asyncios(host: Host) -> None:
    # Without a running loop of asyncio, as under trio, a thread waits. It asks only for a library that can start one.
    with pytest.raises(RuntimeError, match="async library|running"):
        host.reach(where()).send(None)


async def test_work_is_cancelled_with_the_test_that_waits_for_it(host: Host) -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await host.reach(wait())
    assert await asyncio.to_thread(cancelled.wait, 10)


def test_what_still_runs_is_cancelled_at_the_end() -> None:
    host = Host()
    host.open()
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("it")

    async def start() -> None:
        host.task = asyncio.create_task(wait())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    host.call(start())
    host.close()
    assert ended == ["it"]


def test_use_from_the_app_itself_and_after_the_test_is_refused(host: Host) -> None:
    async def within() -> None:
        host.call(where())

    with pytest.raises(RuntimeError, match="its own resolvers"):
        host.call(within())
    other = Host()
    other.open()
    other.close()
    with pytest.raises(RuntimeError, match="The test is over"):
        other.call(where())
