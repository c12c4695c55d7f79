"""Full collections of garbage take a small share of the time, and CPython begins none while an app is open."""

from __future__ import annotations

import gc

from tests.support.clock import MovedClock
from watchword.process.background import Background
from watchword.process.garbage import LOOK_SECONDS, SHARE, YOUNG, GarbagePolicy


async def test_full_collections_take_no_more_than_their_share_of_the_time() -> None:
    clock = MovedClock(0)
    policy = GarbagePolicy(clock.now, lambda: clock.move(0.5))
    spent = 0.0
    while clock.now() < 5_000:
        before = clock.now()
        await policy.turn()
        spent += clock.now() - before
        clock.move(LOOK_SECONDS)
    assert 0.5 * SHARE < spent / clock.now() <= SHARE


async def test_a_quick_collection_is_made_at_each_look() -> None:
    clock, made = MovedClock(0), list[float]()
    policy = GarbagePolicy(clock.now, lambda: made.append(clock.now()))
    for _ in range(4):
        await policy.turn()
        clock.move(LOOK_SECONDS)
    assert made == [LOOK_SECONDS, 2 * LOOK_SECONDS, 3 * LOOK_SECONDS]


async def test_only_while_an_app_is_open_cpython_begins_no_full_collection() -> None:
    before = gc.get_threshold()
    background = Background(MovedClock())
    first, second = GarbagePolicy(), GarbagePolicy()
    first.open(background)
    second.open(background)
    young, *others = gc.get_threshold()
    assert young == YOUNG
    assert min(others) > 1_000_000
    assert gc.get_freeze_count() > 0
    await first.close()
    assert gc.get_threshold() == (young, *others)
    await second.close()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    await background.close()


async def test_replacing_the_objects_of_many_subscribers_collects_nothing() -> None:
    background, policy, count = Background(MovedClock()), GarbagePolicy(), list[str]()
    waiting = [[object()] for _ in range(5_000)]
    policy.open(background)
    gc.callbacks.append(lambda phase, _: count.append(phase))
    try:
        for _ in range(5):
            woken = [[object()] for _ in range(5_000)]
            waiting[:] = woken
    finally:
        gc.callbacks.pop()
        await policy.close()
        await background.close()
    assert count == []


async def test_it_collects_what_refers_to_itself() -> None:
    clock, gone = MovedClock(0), list[str]()

    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            gone.append("gone")

    policy = GarbagePolicy(clock.now)
    Cycle()
    clock.move(LOOK_SECONDS)
    await policy.turn()
    assert gone == ["gone"]
