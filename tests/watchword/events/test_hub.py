"""Each follower of a hub receives each event once and in order, whatever the bus does."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.toy_server import until
from tests.watchword.events.stream import happen, read
from watchword.context import Services
from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING, Event, Place
from watchword.storage.database import Database, mark_unavailable


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    made, _ = await open_services(database, clock, mailbox_limit=5)
    return made


async def test_a_follower_receives_its_stream_or_its_key_and_nothing_else(
    services: Services,
) -> None:
    everything = await services.hub.follow("toys", None)
    bear = await services.hub.follow("toys", "bear")
    other = await services.hub.follow("Toys", None)
    await happen(services, "bear", "car", "bear")
    assert await read(*everything, 3) == ["bear", "car", "bear"]
    assert await read(*bear, 2) == ["bear", "bear"]
    assert other[1].take() is None


async def test_a_follower_begins_now_or_after_a_place(services: Services) -> None:
    first, _, _ = await happen(services, "a", "b", "c", heard=False)
    now = await services.hub.follow("toys", None)
    after = await services.hub.follow("toys", None, first.place)
    await happen(services, "d")
    assert await read(*now, 1) == ["d"]
    assert await read(*after, 3) == ["b", "c", "d"]


async def test_events_beyond_the_limit_of_a_mailbox_are_read_from_the_log(
    services: Services,
) -> None:
    keys = [str(number) for number in range(23)]
    everything = await services.hub.follow("toys", None)
    one = await services.hub.follow("toys", "20")
    await happen(services, *keys)
    assert everything[1].behind
    assert await read(*everything, 23) == keys
    assert await read(*one, 1) == ["20"]
    await happen(services, "last")
    assert await read(*everything, 1) == ["last"]


async def test_events_in_any_order_are_sorted_and_repeated_ones_ignored(
    services: Services,
) -> None:
    reader, mailbox = await services.hub.follow("toys", None)
    keys = [str(number) for number in range(30)]
    events = await happen(services, *keys, heard=False)
    shuffled = events * 2
    random.Random(1).shuffle(shuffled)
    for event in shuffled:
        services.hub.receive(event)
    assert await read(reader, mailbox, 30) == keys
    assert mailbox.take() is None


async def test_a_hole_is_filled_from_the_log(services: Services) -> None:
    follower = await services.hub.follow("toys", None)
    missed = await happen(services, *"abcdef", heard=False)
    services.hub.receive(missed[-1])
    assert await read(*follower, 6) == [*"abcdef"]


async def test_events_that_the_bus_has_lost_are_found_by_a_look(
    services: Services, clock: MovedClock
) -> None:
    follower = await services.hub.follow("toys", None)
    await happen(services, "a", heard=False)
    await services.hub.look()
    assert await read(*follower, 1) == ["a"]


async def test_an_open_hub_looks_at_intervals(services: Services, clock: MovedClock) -> None:
    await services.hub.open()
    follower = await services.hub.follow("toys", None)
    for key in "ab":
        await happen(services, key, heard=False)
        clock.move(1)
        assert await read(*follower, 1) == [key]
        await until(lambda: clock.waiting == 1)
    await services.background.close()
    assert clock.waiting == 0


async def test_a_reported_event_that_is_not_in_the_log_does_no_harm(services: Services) -> None:
    follower = await services.hub.follow("toys", None)
    services.hub.receive(Event("toys", "ghost", "made", position=50))
    await until(lambda: not services.hub._healing)
    await happen(services, "a")
    assert await read(*follower, 1) == ["a"]


async def test_a_subscriber_that_was_behind_when_the_log_was_pruned_is_told(
    services: Services,
) -> None:
    reader, mailbox = await services.hub.follow("toys", None)
    await happen(services, *map(str, range(20)))
    await services.event_log.prune(0, 3)
    assert await read(reader, mailbox, 5) == [*"01234"]
    with pytest.raises(CursorExpired):
        await reader.next(mailbox)


async def test_a_process_that_was_behind_when_the_log_was_pruned_tells_its_followers(
    services: Services,
) -> None:
    reader, mailbox = await services.hub.follow("toys", None)
    await happen(services, *map(str, range(20)), heard=False)
    await services.event_log.prune(0, 3)
    await services.hub.look()
    with pytest.raises(CursorExpired):
        await reader.next(mailbox)
    fresh = await services.hub.follow("toys", None)
    await happen(services, "new")
    assert await read(*fresh, 1) == ["new"]


async def test_a_place_that_this_process_has_not_reached_yet_is_valid(
    services: Services,
) -> None:
    await services.hub.follow("toys", None)
    events = await happen(services, *"abc", heard=False)
    ahead = await services.hub.follow("toys", None, events[1].place)
    for event in events:
        services.hub.receive(event)
    assert await read(*ahead, 1) == ["c"]
    with pytest.raises(CursorExpired):
        await services.hub.follow("toys", None, Place(4, "0" * 16))


async def test_many_follow_at_once_and_one_reader_serves_them(services: Services) -> None:
    followers = await asyncio.gather(*(services.hub.follow("toys", None) for _ in range(50)))
    assert len({id(reader) for reader, _ in followers}) == 1
    assert services.hub.size == 50
    for reader, mailbox in followers:
        reader.leave(mailbox)
    assert services.hub.size == 0
    await services.hub.look()
    assert services.hub._readers == {}


@pytest.mark.parametrize("seed", range(5))
async def test_followers_that_come_and_go_at_random_miss_nothing(
    seed: int, services: Services
) -> None:
    dice = random.Random(seed)
    keys = [str(number) for number in range(60)]

    async def publish() -> None:
        for event in await happen(services, *keys, heard=False):
            if dice.random() < 0.7:
                services.hub.receive(event)
            if dice.random() < 0.2:
                await services.hub.look()
        await services.hub.look()

    async def follow() -> list[str]:
        seen: list[str] = []
        place = BEGINNING
        while not seen or seen[-1] != keys[-1]:
            reader, mailbox = await services.hub.follow("toys", None, place)
            for _ in range(dice.randrange(1, 9)):
                if seen and seen[-1] == keys[-1]:
                    break
                seen += await read(reader, mailbox, 1)
            place = mailbox.current
            reader.leave(mailbox)
        return seen

    done = await asyncio.gather(publish(), *(follow() for _ in range(4)))
    for seen in done[1:]:
        assert seen == keys


async def test_events_that_the_log_had_before_the_bus_brought_them_arrive_once(
    services: Services,
) -> None:
    events = await happen(services, *"ab")
    await services.hub.follow("toys", None)
    events = await happen(services, *"cde", heard=False)
    late = await services.hub.follow("toys", None, BEGINNING)
    assert await read(*late, 2) == ["a", "b"]
    for event in events:
        services.hub.receive(event)
    assert await read(*late, 3) == ["c", "d", "e"]
    assert late[1].take() is None


async def test_a_subscriber_that_resumes_on_a_busy_stream_catches_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(services, *"abc")
    await services.hub.follow("toys", None)
    read_log, reads = services.event_log.read, []

    async def busy(*given: Any) -> list[Event]:
        """Read, and let an event happen before the result is used."""
        found = await read_log(*given)
        reads.append(given)
        await happen(services, f"during {len(reads)}")
        return found

    monkeypatch.setattr(services.event_log, "read", busy)
    back = [await services.hub.follow("toys", key, BEGINNING) for key in (None, "late")]
    assert await read(*back[0], 4) == [*"abc", "during 1"]
    for number in range(20):
        await happen(services, f"then {number}")
        assert await read(*back[0], 1) == [f"then {number}"]
    assert len(reads) == 1
    reading = asyncio.create_task(read(*back[1], 1))
    await until(lambda: len(reads) == 2 and not back[1][1].behind)
    await happen(services, "late")
    assert await reading == ["late"]
    assert len(reads) == 2


async def test_a_read_that_fails_leaves_a_subscriber_where_it_was(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(services, *"abc")
    await services.hub.follow("toys", None)
    follower = await services.hub.follow("toys", None, BEGINNING)

    async def away(*_: object) -> list[Event]:
        await happen(services, "d")
        raise TimeoutError

    with monkeypatch.context() as patched:
        patched.setattr(services.event_log, "read", away)
        with pytest.raises(TimeoutError):
            await read(*follower, 1)
    assert await read(*follower, 4) == [*"abcd"]


async def test_a_hole_that_is_noticed_just_after_healing_is_healed_at_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await services.hub.follow("toys", None)
    first, second = await happen(services, *"ab", heard=False)
    read_log, third = services.event_log.read, []

    async def ending(*given: Any) -> list[Event]:
        found = await read_log(*given)
        if not third:
            third.extend(await happen(services, *"cd", heard=False))
            # This runs after the healing task has ended, and before its end is handled.
            asyncio.get_running_loop().call_soon(services.hub.receive, third[1])
        return found

    monkeypatch.setattr(services.event_log, "read", ending)
    services.hub.receive(second)
    assert await read(*follower, 4) == [*"abcd"]
    assert first.position == 1


async def test_events_that_arrive_while_the_log_is_read_in_vain_are_not_forgotten(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await services.hub.follow("toys", None)
    read_log, written = services.event_log.read, []

    async def vain(*given: Any) -> list[Event]:
        found = await read_log(*given)
        if not written:
            written.extend(await happen(services, *"ab", heard=False))
            services.hub.receive(written[1])
        return found

    monkeypatch.setattr(services.event_log, "read", vain)
    services.hub.receive(Event("toys", "ghost", "made", position=50))
    assert await read(*follower, 2) == [*"ab"]


async def test_a_hole_that_could_not_be_healed_is_healed_after_the_next_look(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await services.hub.follow("toys", None)
    [event] = await happen(services, "a", heard=False)

    async def away(*_: object) -> list[Event]:
        error = OSError()
        mark_unavailable(error)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(services.event_log, "read", away)
        await services.hub.look()
        await until(lambda: not services.hub._healing)
    # The log reports a change once, and has done so.
    await services.hub.look()
    assert await read(*follower, 1) == ["a"]


async def test_a_stream_that_could_not_be_opened_is_unfollowed_on_the_bus(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: set[str] = set()

    async def follow(stream: str) -> None:
        followed.add(stream)

    async def unfollow(stream: str) -> None:
        followed.discard(stream)

    async def away(*_: object) -> None:
        raise mark_away()

    monkeypatch.setattr(services.bus, "follow", follow)
    monkeypatch.setattr(services.bus, "unfollow", unfollow)
    with monkeypatch.context() as patch:
        patch.setattr(services.event_log, "heads", away)
        with pytest.raises(OSError, match="away"):
            await services.hub.follow("toys", None)
    assert followed == {"toys"}
    await services.hub.look()
    assert followed == set()


def mark_away() -> OSError:
    error = OSError("away")
    mark_unavailable(error)
    return error


async def test_watched_streams_are_received_while_nobody_follows_them(services: Services) -> None:
    services.event_log.known.watch(["toys"])
    for _ in range(3):
        await services.hub.look()
    reader, mailbox = await services.hub.follow("toys", None)
    reader.leave(mailbox)
    await services.hub.look()
    assert (await services.hub.follow("toys", None))[0] is reader


async def test_it_is_whole_when_no_event_has_to_be_read_from_the_log(services: Services) -> None:
    hub = services.hub
    reader, mailbox = await hub.follow("toys", None)
    assert hub.is_whole
    missed = await happen(services, "a", "b", heard=False)
    hub.receive(missed[-1])
    assert not hub.is_whole
    turns = 0
    while mailbox.take() is None:
        # While it is read, too.
        assert not hub.is_whole
        turns += 1
        await asyncio.sleep(0)
    await until(lambda: hub.is_whole)
    assert turns > 1


async def test_a_stream_is_read_when_all_that_follow_it_wait_for_the_next_event(
    services: Services,
) -> None:
    hub = services.hub
    assert hub.is_read("toys")
    follower = await hub.follow("toys", None)
    waiting = asyncio.create_task(read(*follower, 2))
    await until(lambda: hub.is_read("toys"))
    first, second = await happen(services, "a", "b", heard=False)
    hub.receive(first)
    assert not hub.is_read("toys")
    await until(lambda: hub.is_read("toys"))
    hub.receive(second)
    assert await waiting == ["a", "b"]
    # Nobody waits for the next one.
    assert not hub.is_read("toys")
