"""Of many callers that want the same, one works at a time, and no answer is older than its caller."""

from __future__ import annotations

import asyncio

import pytest

from watchword.context import Services
from watchword.errors import Unavailable
from watchword.process.turns import Turns


class Bell:
    """Work that waits until it is rung. Its result is the number of the turn."""

    def __init__(self) -> None:
        self.begun = 0
        self.rung = asyncio.Semaphore(0)
        self.failure: Exception | None = None

    async def work(self) -> int:
        self.begun += 1
        number = self.begun
        await self.rung.acquire()
        if self.failure is not None:
            raise self.failure
        return number


async def begun() -> None:
    """Let everything go on that waits for nothing."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def turns(services: Services) -> Turns[int]:
    return Turns(services.background)


async def test_those_who_come_during_a_turn_share_the_next(turns: Turns[int], bell: Bell) -> None:
    first = asyncio.ensure_future(turns.share("key", bell.work))
    await begun()
    others = [asyncio.ensure_future(turns.share("key", bell.work)) for _ in range(100)]
    await begun()
    assert bell.begun == 1
    bell.rung.release()
    assert await first == 1
    bell.rung.release()
    assert set(await asyncio.gather(*others)) == {2}
    last = asyncio.ensure_future(turns.share("key", bell.work))
    bell.rung.release()
    assert await last == 3


async def test_other_keys_do_not_wait(turns: Turns[int], bell: Bell) -> None:
    both = [asyncio.ensure_future(turns.share(key, bell.work)) for key in ("one", "other")]
    await begun()
    assert bell.begun == 2
    bell.rung.release()
    bell.rung.release()
    assert sorted(await asyncio.gather(*both)) == [1, 2]


async def test_a_failure_is_that_of_its_turn_only(turns: Turns[int], bell: Bell) -> None:
    bell.failure = LookupError("gone")
    first = asyncio.ensure_future(turns.share("key", bell.work))
    await begun()
    second = asyncio.ensure_future(turns.share("key", bell.work))
    await begun()
    bell.rung.release()
    with pytest.raises(LookupError):
        await first
    bell.failure = None
    bell.rung.release()
    assert await second == 2


async def test_a_turn_goes_on_when_its_caller_is_gone(turns: Turns[int], bell: Bell) -> None:
    first = asyncio.ensure_future(turns.share("key", bell.work))
    await begun()
    second = asyncio.ensure_future(turns.share("key", bell.work))
    await begun()
    first.cancel()
    bell.rung.release()
    bell.rung.release()
    assert await second == 2


async def test_when_the_server_stops_nobody_waits_for_ever(
    turns: Turns[int], bell: Bell, services: Services
) -> None:
    waiting = [asyncio.ensure_future(turns.share("key", bell.work)) for _ in range(2)]
    await begun()
    waiting.append(asyncio.ensure_future(turns.share("key", bell.work)))
    await begun()
    await services.background.close()
    waiting.append(asyncio.ensure_future(turns.share("key", bell.work)))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable] * 4


async def test_a_turn_may_begin_in_the_moment_in_which_the_last_one_ends(
    turns: Turns[int], bell: Bell
) -> None:
    for number in range(1, 4):
        bell.rung.release()
        assert await turns.share("key", bell.work) == number
    await begun()
    bell.rung.release()
    assert await turns.share("key", bell.work) == 4
