"""A follow knows where a run begins, how far it is, and which answers its subscriber has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.toy_server import until
from watchword.context import Services
from watchword.errors import BadUserInput, CursorExpired
from watchword.events.event import PRESENT, Event, Place
from watchword.events.follow import DONE, IN_PRESENT, Follow, OtherTopic, Progress, Topic
from watchword.process.deadline import Watchdog
from watchword.storage.database import Database
from watchword.transaction import transaction

Events = AsyncGenerator[Event, None]


@pytest.fixture
async def services(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Services]:
    database = Database(sqlite_url)
    made, _ = await open_services(database, clock)
    yield made
    await database.close()


async def happen(services: Services, *keys: str) -> list[Place]:
    """Commit an event for each key, and return their places."""
    head = await services.event_log.before_last("toys", None, 1)
    async with transaction(services.database, services.bus, services.clock.now()) as unit:
        for key in keys:
            unit.publish(Event("toys", key, "made"))
    written = await services.event_log.read("toys", None, head, 100)
    return [event.place for event in written][-len(keys) :]


def events(
    follow: Follow, key: str | None = None, last: int | None = None, present: bool = False
) -> Events:
    return cast(Events, follow.events("toys", key, last, present))


async def waits(follow: Follow, following: Events) -> asyncio.Task[Event]:
    """Ask for the next event, and return once the resolver waits for it."""
    task = asyncio.create_task(anext(following))  # type: ignore[arg-type]
    await until(lambda: follow.is_waiting)
    return task


async def answered(follow: Follow, following: Events, count: int = 1) -> list[Progress | None]:
    """Take an event, note this many answers to it, and return a subscriber's progress after each."""
    await anext(following)
    return [follow.note_answer(follow.turn) for _ in range(count)]


async def test_it_begins_with_the_events_that_happen_from_now_on(services: Services) -> None:
    await happen(services, "before")
    follow = Follow(services.hub, services.event_log)
    assert (follow.topic, follow.current, follow.answered_to) == (None, None, None)
    task = await waits(follow, events(follow))
    [place] = await happen(services, "after")
    assert (await task).key == "after"
    assert follow.topic == Topic("toys", None)
    assert follow.current == Progress(place, 0)
    assert follow.is_in_event


async def test_it_begins_before_the_last_events_or_with_the_present_state(
    services: Services,
) -> None:
    await happen(services, *"abc")
    last = events(Follow(services.hub, services.event_log), last=2)
    assert [(await anext(last)).key for _ in range(2)] == ["b", "c"]
    present = events(Follow(services.hub, services.event_log), key="a", present=True)
    first = await anext(present)
    assert (first.kind, first.key, first.position) == (PRESENT, "a", 3)


@pytest.mark.parametrize("last", [0, 1_001])
async def test_it_looks_back_within_limits(last: int, services: Services) -> None:
    with pytest.raises(BadUserInput):
        await anext(events(Follow(services.hub, services.event_log), last=last))


async def test_each_answer_moves_the_subscriber_within_the_event(services: Services) -> None:
    [place] = await happen(services, "a")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=1)
    assert await answered(follow, following, 2) == [Progress(place, 1), Progress(place, 2)]
    assert follow.answered_to == Progress(place, 2)


async def test_the_last_answer_to_an_event_is_known_when_the_resolver_takes_the_next(
    services: Services,
) -> None:
    first, _ = await happen(services, *"ab")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=2)
    await anext(following)
    turn = follow.turn
    await anext(following)
    assert follow.note_answer(turn) == Progress(first, DONE)


async def test_a_cursor_inside_an_event_repeats_the_event_and_skips_its_answers(
    services: Services,
) -> None:
    await happen(services, *"ab")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=2)
    await answered(follow, following)
    [_, second] = await answered(follow, following, 2)
    cursor = follow.cursor(second)
    resumed = Follow(services.hub, services.event_log, cursor=cursor)
    again = events(resumed)
    assert (await anext(again)).key == "b"
    repeated = []
    for _ in range(3):
        turn = resumed.turn
        repeated.append(resumed.is_repeated(turn))
        resumed.note_answer(turn)
        # The subscriber has both answers, even those that this run has not come to yet.
        assert max(resumed.answered_to or second, second) == resumed.answered_to  # type: ignore[type-var]
    assert repeated == [True, True, False]


async def test_a_cursor_after_an_event_begins_with_the_next_one(services: Services) -> None:
    first, _ = await happen(services, *"ab")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=2)
    await anext(following)
    cursor = follow.cursor(Progress(first))
    resumed = events(Follow(services.hub, services.event_log, cursor=cursor), last=2, present=True)
    assert (await anext(resumed)).key == "b"


async def test_an_interrupted_present_state_is_sent_again(services: Services) -> None:
    [place] = await happen(services, "a")
    follow = Follow(services.hub, services.event_log)
    [progress] = await answered(follow, events(follow, present=True))
    assert progress == Progress(place, IN_PRESENT)
    resumed = Follow(services.hub, services.event_log, cursor=follow.cursor(progress))
    again = events(resumed, present=True)
    assert (await anext(again)).kind == PRESENT
    assert not resumed.is_repeated(resumed.turn)


async def test_a_cursor_of_another_topic_or_log_is_refused(services: Services) -> None:
    [place] = await happen(services, "a")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=1)
    await anext(following)
    cursor = follow.cursor(Progress(place))
    with pytest.raises(BadUserInput):
        await anext(events(Follow(services.hub, services.event_log, cursor=cursor), key="a"))
    services.event_log.cursors = type(services.event_log.cursors)("other", b"")
    with pytest.raises(CursorExpired):
        await anext(events(Follow(services.hub, services.event_log, cursor=cursor)))


async def test_a_continued_follow_repeats_the_event_in_which_the_other_stopped(
    services: Services,
) -> None:
    [place] = await happen(services, "a")
    follow = Follow(services.hub, services.event_log)
    await answered(follow, events(follow, last=1))
    continued = follow.continued()
    assert continued.resume_from == Progress(place, 1)
    assert (await anext(events(continued))).key == "a"
    assert continued.is_repeated(continued.turn)
    assert continued.answered_to == Progress(place, 1)


async def test_only_a_continued_follow_repeats_the_answers_before_the_first_event(
    services: Services,
) -> None:
    [place] = await happen(services, "a")
    for resume_from, is_repeated in ((None, False), (Progress(place), True)):
        follow = Follow(services.hub, services.event_log, resume_from)
        assert follow.is_repeated(follow.turn) is is_repeated


async def test_a_progress_in_another_stream_is_not_resumed_from(services: Services) -> None:
    [place] = await happen(services, "a")
    follow = Follow(services.hub, services.event_log, Progress(place), stream="books")
    task = await waits(follow, events(follow))
    await happen(services, "b")
    assert (await task).key == "b"


async def test_events_of_other_keys_move_a_run_that_waits(services: Services) -> None:
    follow = Follow(services.hub, services.event_log)
    task = await waits(follow, events(follow, key="a"))
    [place] = await happen(services, "b")
    assert follow.current == follow.answered_to == Progress(place)
    task.cancel()


async def test_a_run_that_was_given_up_does_not_move_any_more(services: Services) -> None:
    follow = Follow(services.hub, services.event_log)
    following = events(follow, key="a")
    task = await waits(follow, following)
    [place] = await happen(services, "b")
    task.cancel()
    await asyncio.wait([task])
    await happen(services, "b")
    assert follow.current == Progress(place)
    assert services.hub.size == 0


async def test_a_skipped_event_counts_as_answered(services: Services) -> None:
    first, second = await happen(services, *"ab")
    follow = Follow(services.hub, services.event_log)
    following = events(follow, last=2)
    assert follow.skip() is None
    await answered(follow, following)
    assert follow.skip() == (Progress(first, 1), Progress(first))
    assert follow.skip() is None
    assert follow.answered_to == Progress(first)
    await anext(following)
    assert follow.current == Progress(second, 0)


async def test_it_is_idle_only_while_all_answers_are_sent_and_the_resolver_waits(
    services: Services,
) -> None:
    calls: list[None] = []
    follow = Follow(services.hub, services.event_log, idle=lambda: calls.append(None))
    following = events(follow)
    task = await waits(follow, following)
    assert (follow.is_idle, len(calls)) == (False, 0)
    follow.rest()
    assert (follow.is_idle, len(calls)) == (True, 1)
    await happen(services, "a")
    assert not follow.is_idle
    await task
    task = await waits(follow, following)
    assert (follow.is_idle, len(calls)) == (True, 2)
    follow.wake()
    assert not follow.is_idle
    task.cancel()


async def test_only_one_topic_may_be_followed(services: Services) -> None:
    grouped = Follow(services.hub, services.event_log, only=Topic("toys", "a"))
    assert grouped.must_follow
    with pytest.raises(OtherTopic):
        await anext(events(grouped, key="b"))
    follow = Follow(services.hub, services.event_log)
    await happen(services, "a")
    first = events(follow, last=1)
    await anext(first)
    with pytest.raises(RuntimeError):
        await anext(events(follow))
    await first.aclose()


async def test_the_watchdog_watches_from_each_event_to_the_next_wait(
    services: Services, clock: MovedClock
) -> None:
    await happen(services, "a")
    follow = Follow(services.hub, services.event_log)
    follow.watchdog = Watchdog(clock, 10)
    following = events(follow, last=1)
    await anext(following)
    assert clock.waiting == 1
    waiting = await waits(follow, following)
    clock.move(10)
    assert not follow.watchdog.has_cancelled
    waiting.cancel()


async def test_nothing_is_written_where_nothing_is_followed(services: Services) -> None:
    follow = Follow(services.hub, services.event_log)
    assert follow.cursor(Progress(Place(1, "m"))) is None
    assert follow.note_answer(follow.turn) is None
