"""Background tasks are restarted when they fail, report failures, and end in order."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import until
from watchword.errors import Unsafe
from watchword.process.background import LONGEST_PAUSE, Background, Backoff, Supervised

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="nobody's")


@pytest.fixture
async def background(clock: MovedClock) -> AsyncIterator[Background]:
    made = Background(clock)
    yield made
    await made.close()
    assert clock.waiting == 0


class Fragile:
    """Work that runs until a test makes it fail."""

    def __init__(self) -> None:
        self.begun = 0
        self.fault: asyncio.Future[None]

    async def run(self, task: Supervised) -> None:
        self.begun += 1
        self.fault = asyncio.get_running_loop().create_future()
        if self.begun > 1:
            task.well()
        await self.fault


async def test_a_task_that_dies_is_told_restarted_and_well_again(
    background: Background, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    work = Fragile()
    background.start("the watch", work.run)
    await until(lambda: work.begun == 1)
    assert background.unwell == []
    work.fault.set_exception(LookupError("unforeseen"))
    await until(lambda: clock.waiting == 1)
    [unwell] = background.unwell
    assert (unwell.name, unwell.failed_at) == ("the watch", clock.now())
    [record] = caplog.records
    assert record.getMessage() == "the watch failed and is restarted"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)
    clock.move(LONGEST_PAUSE)
    await until(lambda: work.begun == 2)
    assert background.unwell == []


async def test_a_task_that_has_ended_fails_no_more(
    background: Background, clock: MovedClock
) -> None:
    work = Fragile()
    background.start("the watch", work.run, is_needed=True)
    await until(lambda: work.begun == 1)
    work.fault.set_exception(LookupError("unforeseen"))
    await until(lambda: bool(background.unwell))
    clock.move(1)
    assert background.has_failed_for(0.5)
    await background.close()
    await until(lambda: not background.supervised)
    assert not background.has_failed_for(0.5)


async def test_something_cancelled_that_a_task_waits_for_does_not_end_the_task(
    background: Background, clock: MovedClock
) -> None:
    work = Fragile()
    background.start("the watch", work.run)
    await until(lambda: work.begun == 1)
    work.fault.cancel()
    await until(lambda: bool(background.unwell))
    clock.move(LONGEST_PAUSE)
    await until(lambda: work.begun == 2)


async def test_the_same_reason_is_told_once_and_another_as_well(
    background: Background, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter(
        [OSError("secret"), OSError("secret"), ValueError(), ValueError(), OSError("secret")]
    )

    async def fail(task: Supervised) -> None:
        raise next(faults, Unsafe("Set it."))

    caplog.set_level(logging.INFO)
    background.start("work", fail, is_away=lambda error: isinstance(error, OSError))
    for _ in range(7):
        await until(lambda: clock.waiting == 1)
        clock.move(LONGEST_PAUSE)
        await until(lambda: clock.waiting == 1)
    assert [record.getMessage() for record in caplog.records] == [
        "work waits until its server works again: OSError",
        "work failed and is restarted",
        "work waits until its server works again: OSError",
        "work failed and is retried: Set it.",
    ]


async def test_pauses_grow_and_begin_anew_after_a_success(clock: MovedClock) -> None:
    backoff = Backoff(clock, longest=1.0)
    lengths = []

    async def wait() -> None:
        waiting = asyncio.ensure_future(backoff.wait())
        await until(lambda: clock.waiting == 1)
        lengths.append(clock._timers[0][0] - clock.now())
        clock.move(1)
        await waiting

    for _ in range(7):
        await wait()
    for length, pause in zip(lengths, (0.05, 0.1, 0.2, 0.4, 0.8, 1, 1), strict=True):
        assert pause / 2 <= length + 1e-6
        assert length <= pause + 1e-6
    backoff.reset()
    await wait()
    assert lengths[-1] <= 0.05 + 1e-6


class Turns:
    """Turns that last until a test ends them."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.fault: Exception | None = None

    async def turn(self) -> None:
        self.begun += 1
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault


async def test_the_next_turn_begins_so_long_after_the_end_of_the_one_before(
    background: Background, clock: MovedClock
) -> None:
    turns = Turns()
    background.every(10, "pruning", turns.turn)
    await until(lambda: clock.waiting == 1)
    clock.move(9)
    assert turns.begun == 0
    clock.move(1)
    await until(lambda: turns.begun == 1)
    clock.move(100)
    assert turns.begun == 1
    turns.may_end.set()
    await until(lambda: clock.waiting == 1)
    clock.move(10)
    await until(lambda: turns.begun == 2)


async def test_a_turn_that_fails_is_made_again_sooner_and_never_later_than_the_next(
    background: Background, clock: MovedClock
) -> None:
    turns = Turns()
    turns.may_end.set()
    turns.fault = ValueError("unforeseen")
    background.every(1, "the look", turns.turn)
    for made in range(1, 12):
        await until(lambda: clock.waiting == 1)
        clock.move(1)
        await until(lambda made=made: turns.begun == made)  # type: ignore[misc]
        assert [task.name for task in background.unwell] == ["the look"] or made == 1
    turns.fault = None
    await until(lambda: clock.waiting == 1)
    clock.move(1)
    await until(lambda: turns.begun == 12)
    assert background.unwell == []


async def test_a_process_lacks_what_it_needs_and_no_more(
    background: Background, clock: MovedClock
) -> None:
    for name, is_needed in (("look", True), ("pruning", False)):
        work = Fragile()
        background.start(name, work.run, is_needed=is_needed)
        await until(lambda work=work: work.begun == 1)  # type: ignore[misc]
        if is_needed:
            needed = work
    work.fault.set_exception(ValueError())
    await until(lambda: len(background.unwell) == 1)
    clock.time += 100
    assert not background.has_failed_for(30)
    needed.fault.set_exception(ValueError())
    await until(lambda: len(background.unwell) == 2)
    clock.time += 30
    assert not background.has_failed_for(30)
    clock.time += 1
    assert background.has_failed_for(30)


async def test_no_task_runs_in_the_context_of_the_request_that_started_it(
    background: Background,
) -> None:
    seen: list[str] = []

    async def look(task: Supervised | None = None) -> None:
        seen.append(request.get())
        request.set("another task's")

    request.set("Alice's")
    background.start("loop", look)
    await background.spawn("once", look())
    await until(lambda: len(seen) == 2)
    assert seen == ["nobody's", "nobody's"]


async def test_tasks_end_in_reverse_order_and_nothing_begins_afterwards(
    background: Background, clock: MovedClock
) -> None:
    ended: list[str] = []

    def work(name: str) -> Callable[[Supervised], Awaitable[None]]:
        async def run(task: Supervised) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.to_thread(lambda: None)
                ended.append(name)
                background.spawn("too late", run(task))

        return run

    for name in "abc":
        background.start(name, work(name))
    await asyncio.sleep(0)
    await background.close()
    assert ended == ["c", "b", "a"]
    background.start("never", work("never"))
    background.every(1, "never", Turns().turn)
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert ended == ["c", "b", "a"]


async def test_a_task_that_swallows_its_cancellation_ends_all_the_same(
    background: Background,
) -> None:
    cancelled = 0

    async def stubborn(task: Supervised) -> None:
        nonlocal cancelled
        while cancelled < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
        raise asyncio.CancelledError

    background.start("stubborn", stubborn)
    await asyncio.sleep(0)
    await background.close()
    assert cancelled == 2


async def test_a_task_that_waits_for_another_ends_without_a_report_when_the_process_ends(
    background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    began = asyncio.Event()

    async def wait(task: Supervised) -> None:
        spawned = background.spawn("a query", asyncio.Event().wait())
        began.set()
        await asyncio.shield(spawned)

    background.start("a look", wait)
    await began.wait()
    await background.close()
    assert caplog.records == []
