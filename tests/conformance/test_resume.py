"""A client that comes back with a cursor misses nothing and gets nothing twice, over every transport."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.live import every_transport, live
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.events.cursor import Cursors
from watchword.events.event import Place

SINCE = "subscription { since }"
ONLY = 'subscription { since(only: "bear") }'
NUMBERS = [str(number) for number in range(40)]


def made(*keys: str) -> list[str]:
    return [f"made {key}" for key in keys]


async def cursor_after(server: ToyServer, transport: str, query: str, *keys: str) -> str:
    """Return the cursor of a client that has received these toys and has disconnected."""
    async with live(transport, server, query) as client:
        await server.followed(1)
        await server.publish(*keys)
        await client.until(1)
        cursor = client.cursor
    await server.followed(0)
    return cursor


@every_transport
async def test_missed_events_come_first_and_then_new_ones(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        cursor = await cursor_after(server, transport, SINCE, "0")
        await server.publish(*NUMBERS[1:20])
        async with live(transport, server, SINCE, resume=cursor) as client:
            await server.publish(*NUMBERS[20:30])
            await client.until(29)
            await server.publish(*NUMBERS[30:])
            await client.until(39)
    assert client.values("since") == made(*NUMBERS[1:])


@every_transport
async def test_one_key_is_resumed_without_the_others(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        cursor = await cursor_after(server, transport, ONLY, "bear")
        await server.publish("car", "bear", "car", "bear", "doll")
        async with live(transport, server, ONLY, resume=cursor) as client:
            await client.until(2)
            await server.publish("car", "bear")
            await client.until(3)
    assert client.values("since") == made("bear", "bear", "bear")


@every_transport
async def test_more_events_than_a_mailbox_holds_arrive_complete_and_in_order(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, mailbox_limit=3) as server,
        live(transport, server, SINCE) as client,
    ):
        await server.followed(1)
        await asyncio.gather(*(server.publish(key) for key in NUMBERS))
        await client.until(len(NUMBERS))
        cursor = client.cursor
        await server.publish("last")
        async with live(transport, server, SINCE, resume=cursor) as second:
            await second.until(1)
    assert sorted(client.values("since")[:40]) == sorted(made(*NUMBERS))
    assert second.values("since") == made("last")


@every_transport
async def test_the_present_state_comes_first_and_once(transport: str, clock: MovedClock) -> None:
    query = "subscription { since(present: true) }"
    async with toy_server(clock) as server:
        await server.publish("before")
        async with live(transport, server, query) as client:
            await client.until(1)
            cursor = client.cursor
            await server.publish("after")
            await client.until(2)
        async with live(transport, server, query, resume=cursor) as again:
            await again.until(1)
    assert client.values("since") == ["PRESENT ", "made after"]
    assert again.values("since") == ["made after"]


@every_transport
async def test_a_client_that_disconnects_inside_the_present_state_gets_all_of_it_again(
    transport: str, clock: MovedClock
) -> None:
    query, present = "subscription { scripted(present: true) }", ["now/0", "now/1", "now/2"]
    async with toy_server(clock) as server:
        async with live(transport, server, query) as client:
            await client.until(3)
        cursor = client.answers[1]["extensions"]["cursor"]
        await server.publish("after")
        async with live(transport, server, query, resume=cursor) as again:
            await again.until(4)
    assert client.values("scripted") == present
    assert again.values("scripted") == [*present, "after/0"]


@every_transport
@pytest.mark.parametrize("key", ["thrice", "slowly"])
async def test_a_client_that_disconnects_between_two_answers_to_an_event_gets_the_rest(
    transport: str, key: str, clock: MovedClock
) -> None:
    query = "subscription { scripted }"
    async with toy_server(clock) as server:
        async with live(transport, server, query) as client:
            await server.followed(1)
            await server.publish("before", key, "after")
            await client.until(5)
        seen = client.values("scripted")
        assert seen == ["before/0", *(f"{key}/{number}" for number in range(3)), "after/0"]
        for count, answer in enumerate(client.answers[:-1], 1):
            cursor = answer["extensions"]["cursor"]
            async with live(transport, server, query, resume=cursor) as again:
                await again.until(5 - count)
            assert again.values("scripted") == seen[count:]


@every_transport
@pytest.mark.parametrize(("last", "expected"), [(2, ["b", "c"]), (100, ["a", "b", "c"])])
async def test_the_last_events_come_first(
    transport: str, last: int, expected: list[str], clock: MovedClock
) -> None:
    query = f"subscription {{ since(last: {last}) }}"
    async with toy_server(clock) as server:
        await server.publish("a", "b", "c")
        async with live(transport, server, query) as client:
            await client.until(len(expected))
            await server.publish("d")
            await client.until(len(expected) + 1)
    assert client.values("since") == made(*expected, "d")


@every_transport
@pytest.mark.parametrize("last", [0, -1, 1001])
async def test_an_invalid_number_of_last_events_is_refused_by_name(
    transport: str, last: int, clock: MovedClock
) -> None:
    query = f"subscription {{ since(last: {last}) }}"
    async with toy_server(clock) as server, live(transport, server, query) as client:
        await client.ended()
    assert client.refusal == "BAD_USER_INPUT"


def forged(server: ToyServer, kind: str) -> str:
    cursors = server.pipeline.services.event_log.cursors
    here = Place(1, "0" * 16)
    good = cursors.write("toys", None, here)
    return {
        "nonsense": "nonsense",
        "empty": "",
        "huge": good * 1000,
        "changed": ("A" if good[0] != "A" else "B") + good[1:],
        "another position": cursors.write("toys", None, Place(2, here.mark)).split(".")[0]
        + "."
        + good.split(".")[1],
        "another key's": cursors.write("toys", "bear", here),
        "another stream's": cursors.write("cars", None, here),
        "another secret's": Cursors(cursors.epoch, b"x" * 32).write("toys", None, here),
        "not canonical": good + "=",
        "another database's": Cursors("other", cursors.secret).write("toys", None, here),
        "the future's": cursors.write("toys", None, Place(1000, here.mark)),
        "too old": cursors.write("toys", None, here),
        "a lost event's": cursors.write("toys", None, Place(2, here.mark)),
    }[kind]


@every_transport
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("nonsense", "BAD_USER_INPUT"),
        ("empty", "BAD_USER_INPUT"),
        ("huge", "BAD_USER_INPUT"),
        ("another position", "BAD_USER_INPUT"),
        ("another key's", "BAD_USER_INPUT"),
        ("another stream's", "BAD_USER_INPUT"),
        ("another secret's", "BAD_USER_INPUT"),
        ("not canonical", "BAD_USER_INPUT"),
        ("another database's", "CURSOR_EXPIRED"),
        ("the future's", "CURSOR_EXPIRED"),
        ("too old", "CURSOR_EXPIRED"),
        ("a lost event's", "CURSOR_EXPIRED"),
    ],
)
async def test_a_cursor_of_another_subscription_is_refused(
    transport: str, kind: str, code: str, clock: MovedClock
) -> None:
    if transport == "sse" and kind in ("empty", "huge"):
        return  # An empty header counts as none, and the server does not accept one of that length.
    async with toy_server(clock) as server:
        await server.publish("a", "b")
        await server.pipeline.services.event_log.prune(clock.now() + 1, 1000)
        async with live(transport, server, SINCE, resume=forged(server, kind)) as client:
            await client.ended()
    assert client.refusal == code


@every_transport
async def test_pruning_does_not_disturb_subscribers_that_are_up_to_date(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, live(transport, server, SINCE) as client:
        await server.followed(1)
        for key in ("a", "b", "c"):
            await server.publish(key)
            await server.pipeline.services.event_log.prune(clock.now() + 1, 1000)
        await client.until(3)
    assert client.values("since") == made("a", "b", "c")


@every_transport
async def test_events_that_the_bus_has_lost_are_read_from_the_log(
    transport: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with toy_server(clock) as server, live(transport, server, SINCE) as client:
        await server.followed(1)
        monkeypatch.setattr(server.pipeline.services.bus, "_receive", lambda event: None)
        await server.publish("a", "b")
        monkeypatch.undo()
        await server.publish("c")
        await client.until(3)
        monkeypatch.setattr(server.pipeline.services.bus, "_receive", lambda event: None)
        await server.publish("d")
        clock.move(server.pipeline.settings.log_look_seconds)
        await client.until(4)
    assert client.values("since") == made("a", "b", "c", "d")


@every_transport
async def test_resumed_subscriptions_are_grouped_once_they_have_caught_up(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        cursor = await cursor_after(server, transport, SINCE, "0")
        await server.publish(*NUMBERS[1:20])
        async with (
            live(transport, server, SINCE, resume=cursor) as one,
            live(transport, server, SINCE, resume=cursor) as two,
        ):
            await one.until(19)
            await two.until(19)
            await until(lambda: server.pipeline.groups.sizes == [2])
            await server.publish(*NUMBERS[20:])
            await one.until(39)
            await two.until(39)
    assert one.values("since") == two.values("since") == made(*NUMBERS[1:])


async def test_a_client_that_was_cut_before_the_first_event_resumes_from_its_position(
    clock: MovedClock,
) -> None:
    asks = {"extensions": {"position": True}}
    async with toy_server(clock) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.init()
            await client.subscribe("1", SINCE, **asks)
            position = await client.receive()
        assert (position["type"], position["payload"]["id"]) == ("pong", "1")
        await server.publish("missed")
        async with WebSocketClient.open(server.url) as client:
            await client.init()
            cursor = position["payload"]["cursor"]
            await client.subscribe("1", SINCE, extensions={"resume": cursor})
            assert (await client.receive())["payload"]["data"] == {"since": "made missed"}


async def test_the_position_is_said_once_and_only_to_a_client_that_asks(clock: MovedClock) -> None:
    async with (
        toy_server(clock) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        await client.subscribe("1", SINCE)
        await client.subscribe("2", SINCE, extensions={"position": True})
        assert (await client.receive())["payload"]["id"] == "2"
        await server.followed(2)
        await server.publish("0", "1")
        heard = [await client.receive() for _ in range(4)]
    assert [each["type"] for each in heard] == ["next"] * 4
