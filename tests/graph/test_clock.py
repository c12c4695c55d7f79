"""The machine's clock, and the tests' own."""

from __future__ import annotations

import asyncio

from graph.clock import SystemClock
from tests.support.clock import MovedClock


async def test_a_time_that_has_passed_is_called_back_at_once() -> None:
    clock = SystemClock()
    called = asyncio.Event()
    clock.call_at(clock.now() - 100, called.set)
    await asyncio.wait_for(called.wait(), 10)


async def test_a_cancelled_timer_is_not_called() -> None:
    clock = SystemClock()
    called: list[int] = []
    done = asyncio.Event()
    clock.call_at(clock.now() - 1, lambda: called.append(1)).cancel()
    clock.call_at(clock.now(), done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert called == []


def test_a_moved_clock_runs_its_timers_in_order_at_their_own_time() -> None:
    clock = MovedClock(0)
    seen: list[tuple[str, float]] = []
    clock.call_at(5, lambda: seen.append(("b", clock.now())))
    clock.call_at(3, lambda: seen.append(("a", clock.now())))
    clock.call_at(11, lambda: seen.append(("c", clock.now())))
    clock.move(10)
    assert seen == [("a", 3), ("b", 5)]
    assert clock.now() == 10
