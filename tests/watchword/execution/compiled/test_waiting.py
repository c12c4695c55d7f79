"""Awaitables are awaited as graphql-core does: one in place, several in tasks of their own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from watchword.execution.compiled.waiting import complete, note


async def current() -> Any:
    return asyncio.current_task()


async def test_one_is_awaited_in_place() -> None:
    made = await complete({"a": None}, note(None, "a", current()))
    assert made == {"a": asyncio.current_task()}


async def test_several_have_tasks_of_their_own() -> None:
    waiting = note(note(None, 0, current()), 2, current())
    first, between, last = await complete([None, "there", None], waiting)
    assert between == "there"
    assert len({first, last, asyncio.current_task()}) == 3


async def test_an_error_cancels_the_others() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await complete({}, note(note(None, "a", wait()), "b", fail()))
    assert ended == ["cancelled"]
