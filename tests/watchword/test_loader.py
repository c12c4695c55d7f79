"""A loader collects keys, loads each once, and hands values, errors and cancellations to those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import strawberry
from strawberry.exceptions import WrongNumberOfResultsReturned

from tests.support.both_executions import Both
from watchword.context import Info
from watchword.loader import Loader

MOST = 3


class Shelf:
    """Toys by their names, read when `is_open` is set; errors are returned for names that begin with `no`."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.was_cancelled = asyncio.Event()

    async def load(self, names: list[str]) -> list[str | BaseException]:
        self.asked.append(names)
        try:
            await self.is_open.wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return [KeyError(name) if name.startswith("no") else name.upper() for name in names]


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


async def later(turns: int, load: Callable[[], asyncio.Future[str]]) -> str:
    for _ in range(turns):
        await asyncio.sleep(0)
    return await load()


async def test_keys_that_are_asked_for_in_one_turn_are_loaded_together_and_once(
    shelf: Shelf,
) -> None:
    loader = Loader(shelf.load, MOST)
    assert await loader.load_many(["ball", "bear", "ball"]) == ["BALL", "BEAR", "BALL"]
    assert await loader.load("bear") == "BEAR"
    assert shelf.asked == [["ball", "bear"]]


async def test_a_key_joins_until_the_batch_begins(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST)
    await asyncio.gather(*(later(n, lambda n=n: loader.load(f"toy {n}")) for n in (0, 1, 2)))  # type: ignore[misc]
    assert shelf.asked[0] == ["toy 0", "toy 1"]
    assert sorted(sum(shelf.asked, [])) == ["toy 0", "toy 1", "toy 2"]


async def test_a_batch_has_no_more_keys_than_allowed(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST)
    assert await loader.load_many("abcdefg") == list("ABCDEFG")
    assert shelf.asked == [["a", "b", "c"], ["d", "e", "f"], ["g"]]


async def test_an_error_belongs_to_its_key(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST)
    one, other = loader.load("no toy"), loader.load("ball")
    assert await other == "BALL"
    with pytest.raises(KeyError):
        await one
    with pytest.raises(KeyError):
        await loader.load("no toy")
    assert len(shelf.asked) == 1


async def test_an_error_of_the_load_is_everybodys() -> None:
    async def fail(_keys: list[str]) -> list[str]:
        raise ZeroDivisionError

    loader = Loader(fail, MOST)
    done = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert [type(each) for each in done] == [ZeroDivisionError, ZeroDivisionError]


@pytest.mark.parametrize("values", [[], ["A", "B"]])
async def test_another_number_of_values_than_keys_is_an_error(values: list[str]) -> None:
    async def load(_keys: list[str]) -> list[str]:
        return values

    with pytest.raises(WrongNumberOfResultsReturned):
        await Loader(load, MOST).load("a")


async def test_a_value_that_was_cleared_is_loaded_again(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST)
    await loader.load_many("ab")
    loader.clear("a")
    loader.clear("never loaded")
    await loader.load_many("ab")
    loader.clear_all()
    await loader.load_many("ab")
    assert shelf.asked == [["a", "b"], ["a"], ["a", "b"]]


async def test_a_loader_that_keeps_nothing_loads_each_time(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST, keeps=False)
    await loader.load("a")
    await loader.load("a")
    assert shelf.asked == [["a"], ["a"]]


async def test_a_load_goes_on_as_long_as_anybody_waits_and_no_longer(shelf: Shelf) -> None:
    shelf.is_open.clear()
    loader = Loader(shelf.load, MOST)
    waiting = [asyncio.ensure_future(later(0, lambda n=n: loader.load(n))) for n in "abc"]  # type: ignore[misc]
    while not shelf.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for task in (waiting[1], waiting[0]):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not shelf.was_cancelled.is_set()
    waiting[2].cancel()
    async with asyncio.timeout(10):
        await shelf.was_cancelled.wait()
    shelf.is_open.set()
    assert await loader.load("a") == "A"
    assert shelf.asked == [["a", "b", "c"], ["a"]]


async def test_a_batch_that_nobody_waits_for_is_not_loaded(shelf: Shelf) -> None:
    loader = Loader(shelf.load, MOST)
    loader.load("a").cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert shelf.asked == []
    assert await loader.load("a") == "A"


async def test_those_who_still_wait_get_their_values(shelf: Shelf) -> None:
    shelf.is_open.clear()
    loader = Loader(shelf.load, MOST)
    gone, there = loader.load("a"), loader.load("b")
    while not shelf.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    gone.cancel()
    shelf.is_open.set()
    assert await there == "B"


async def test_a_load_that_is_cancelled_leaves_nobody_waiting() -> None:
    async def load(_keys: list[str]) -> list[str]:
        raise asyncio.CancelledError

    waiting = Loader(load, MOST).load("a")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled()


async def test_a_task_that_is_cancelled_takes_no_value_from_others_of_the_same_key(
    shelf: Shelf,
) -> None:
    shelf.is_open.clear()
    loader = Loader(shelf.load, MOST)
    gone, there = (asyncio.ensure_future(later(0, lambda: loader.load("a"))) for _ in "ab")
    while not shelf.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    late = loader.load("a")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    shelf.is_open.set()
    assert (await there, await late, await loader.load("a")) == ("A", "A", "A")
    assert shelf.asked == [["a"]]


async def test_a_key_that_nobody_waits_for_any_more_is_loaded_again(shelf: Shelf) -> None:
    shelf.is_open.clear()
    loader = Loader(shelf.load, MOST)
    one, other = loader.load("a"), loader.load("a")
    while not shelf.asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    one.cancel()
    other.cancel()
    async with asyncio.timeout(10):
        await shelf.was_cancelled.wait()
    shelf.is_open.set()
    assert await loader.load("a") == "A"


async def lent(_context: Any, names: list[str]) -> list[str]:
    for _ in range(5):
        await asyncio.sleep(0)
    return [name.upper() for name in names]


@strawberry.type
class Box:
    @strawberry.field
    async def broken(self) -> int:
        await asyncio.sleep(0)
        raise ValueError("broken")

    @strawberry.field
    def later(self, info: Info) -> str:
        return info.context.loader(lent).load("ball")  # type: ignore[return-value]

    @strawberry.field
    async def awaited(self, info: Info) -> str:
        return await info.context.loader(lent).load("ball")


@strawberry.type
class Query:
    @strawberry.field
    def boxes(self) -> list[Box | None]:
        return [Box(), Box()]

    @strawberry.field
    def box(self) -> Box | None:
        return Box()


@pytest.mark.parametrize("field", ["later", "awaited"])
@pytest.mark.parametrize("failing", ["boxes", "box"])
async def test_a_field_that_an_error_cancels_takes_no_value_from_others_of_the_same_key(
    field: str, failing: str
) -> None:
    data, errors = await Both(Query).execute(
        f"{{ {failing} {{ broken {field} }} b: box {{ later awaited }} }}"
    )
    assert data == {failing: [None, None] if failing == "boxes" else None} | {
        "b": {"later": "BALL", "awaited": "BALL"}
    }
    assert {each[0] for each in errors} == {"broken"}
