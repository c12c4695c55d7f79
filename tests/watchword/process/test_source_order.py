from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from typing import Any

import pytest

from watchword.process.source_order import await_before_yield, waits_first


async def load() -> int:
    return 1


@asynccontextmanager
async def opened() -> AsyncIterator[int]:
    yield 1


async def waits() -> AsyncIterator[int]:
    async with opened():
        user = await load()
        yield user


async def waits_in_a_branch(is_known: bool) -> AsyncIterator[int]:
    if is_known:
        await load()
    yield 1


async def waits_in_what_it_yields() -> AsyncIterator[int]:
    yield await load()


async def waits_after() -> AsyncIterator[int]:
    async with opened() as session:
        try:
            yield session
        finally:
            await load()


async def waits_in_a_function() -> AsyncIterator[Any]:
    async def later() -> int:
        return await load()

    yield later


async def yields_nothing_first() -> int:
    return await load()


@pytest.mark.parametrize("function", [waits, waits_in_a_branch, waits_in_what_it_yields])
def test_an_await_before_the_yield_is_found(function: Callable[..., Any]) -> None:
    line = await_before_yield(function)
    assert line is not None
    with open(__file__) as file:
        assert "await load()" in file.readlines()[line - 1]
    assert function.__code__.co_firstlineno < line < function.__code__.co_firstlineno + 4


@pytest.mark.parametrize(
    "function", [waits_after, waits_in_a_function, yields_nothing_first, len, lambda: 1]
)
def test_other_functions_do_not_wait_before_they_yield(function: Callable[..., Any]) -> None:
    assert await_before_yield(function) is None


def test_nothing_is_told_of_a_function_without_source() -> None:
    made: dict[str, Any] = {}
    exec("async def waits(load):\n    await load()\n    yield 1\n", made)
    assert await_before_yield(made["waits"]) is None


class Getter:
    __hash__ = None  # type: ignore[assignment]

    async def __call__(self) -> int:
        return 1


@wraps(load)
def wrapped() -> Awaitable[int]:
    return load()


@pytest.mark.parametrize("function", [load, waits, opened, Getter(), partial(load), wrapped])
def test_what_must_be_awaited_is_told_from_what_gives_its_value_at_once(
    function: Callable[..., Any],
) -> None:
    assert waits_first(function)
    assert waits_first(function)


@pytest.mark.parametrize("function", [waits_after, waits_in_a_function, dict, lambda: 1, Getter])
def test_what_waits_later_or_never_needs_not_be_awaited(function: Callable[..., Any]) -> None:
    assert not waits_first(function)
