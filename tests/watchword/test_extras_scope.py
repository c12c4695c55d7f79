"""A generator of `Domain.context` is ended once, after the last work that may use what it yields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from watchword.extras_scope import ExtrasScope

SECONDS = 5.0


@pytest.fixture
def scope(clock: MovedClock) -> ExtrasScope:
    return ExtrasScope(clock, SECONDS, dict, False)


async def used(said: list[str]) -> AsyncIterator[str]:
    try:
        yield "session"
        said.append("answered")
    finally:
        await asyncio.sleep(0)
        said.append("closed")


def used_at_once(said: list[str]) -> Iterator[str]:
    try:
        yield "session"
        said.append("answered")
    finally:
        said.append("closed")


async def fail(gate: asyncio.Event) -> None:
    await gate.wait()
    raise RuntimeError("the work fails")


async def test_what_is_no_generator_is_given_as_it_is(scope: ExtrasScope) -> None:
    made = {"user": "ann"}
    assert scope.enter(made) is made
    await scope.end()
    assert scope.enter(made) is made


@pytest.mark.parametrize("hook", [used, used_at_once])
async def test_the_code_after_the_yield_runs_once_when_there_is_an_answer(
    hook: Any, scope: ExtrasScope
) -> None:
    said: list[str] = []
    assert scope.enter(hook(said)) == "session"
    assert said == []
    await scope.end()
    await scope.end()
    assert said == ["answered", "closed"]


@pytest.mark.parametrize("hook", [used, used_at_once])
async def test_without_an_answer_only_the_cleaning_up_runs(hook: Any, scope: ExtrasScope) -> None:
    said: list[str] = []
    scope.enter(hook(said))
    with pytest.raises(RuntimeError, match="no answer"):
        try:
            raise RuntimeError("no answer")
        finally:
            await scope.end()
    assert said == ["closed"]


async def test_the_last_work_closes_if_the_operation_is_over_before(scope: ExtrasScope) -> None:
    said: list[str] = []
    gates = [asyncio.Event(), asyncio.Event()]
    works = [asyncio.create_task(scope.using(gate.wait())) for gate in gates]
    scope.enter(used(said))
    await asyncio.sleep(0)
    await scope.end()
    for gate, work in zip(gates, works, strict=True):
        assert said == []
        gate.set()
        await work
    assert said == ["answered", "closed"]


async def test_work_that_fails_leaves_no_answer(scope: ExtrasScope) -> None:
    said: list[str] = []
    gate = asyncio.Event()
    gate.set()
    scope.enter(used(said))
    with pytest.raises(RuntimeError, match="the work fails"):
        await scope.using(fail(gate))
    await scope.end()
    assert said == ["closed"]


async def test_a_client_that_leaves_does_not_cut_closing_off(scope: ExtrasScope) -> None:
    said: list[str] = []
    gate = asyncio.Event()

    async def slow() -> AsyncIterator[None]:
        yield
        await gate.wait()
        said.append("closed")

    scope.enter(slow())
    ending = asyncio.create_task(scope.end())
    await asyncio.sleep(0)
    ending.cancel()
    await asyncio.sleep(0)
    assert not ending.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert said == ["closed"]


async def test_closing_that_takes_too_long_or_fails_is_logged_and_the_answer_counts(
    scope: ExtrasScope, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    async def failing() -> AsyncIterator[None]:
        yield
        raise OSError("no connection")

    scope.enter(endless())
    ending = asyncio.create_task(scope.end())
    await asyncio.sleep(0)
    clock.move(SECONDS)
    await ending
    scope = ExtrasScope(clock, SECONDS, dict, False)
    scope.enter(failing())
    await scope.end()
    assert [each.message for each in caplog.records] == [
        "what Domain.context opened could not be closed"
    ] * 2
    assert "no connection" in caplog.text


async def test_nothing_is_opened_after_the_end(scope: ExtrasScope) -> None:
    await scope.end()
    with pytest.raises(RuntimeError, match="this operation is over"):
        scope.enter(used([]))


async def test_a_generator_that_waits_before_its_yield_is_told_where(scope: ExtrasScope) -> None:
    async def waits() -> AsyncIterator[None]:
        await asyncio.sleep(1)  # the line
        yield

    with pytest.raises(TypeError, match="waits before its yield") as raised:
        scope.enter(waits())
    assert any("# the line" in str(each.statement) for each in raised.traceback)


async def test_it_must_yield_exactly_once(
    scope: ExtrasScope, caplog: pytest.LogCaptureFixture
) -> None:
    async def never() -> AsyncIterator[None]:
        for nothing in ():
            yield nothing

    def never_at_once() -> Iterator[None]:
        yield from ()

    async def twice() -> AsyncIterator[None]:
        yield
        yield

    for hook in (never, never_at_once):
        with pytest.raises(TypeError, match="must yield once"):
            scope.enter(hook())
    scope.enter(twice())
    await scope.end()
    assert "must yield once" in caplog.text
