"""Subscriptions deliver in order, miss nothing from their beginning, and tell for certain when nothing more comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support import toy_schema
from watchword.events.event import Event
from watchword.events.hub import Hub
from watchword.testing import App, Caller, Failed
from watchword.testing import subscription as module

MADE = "subscription { made { name } }"
PERSONAL = 'subscription { mine(ask: "late") { key whose } }'


@pytest.fixture(params=["process", "sockets"])
def watchword_transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come fails soon."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(module, "BEGINNING", 0.05)


def made(*names: str) -> list[Event]:
    return [Event(toy_schema.STREAM, name, "made") for name in names]


async def test_every_event_after_its_beginning_arrives_in_order(watchword: App) -> None:
    ann = watchword.as_user()
    watchword.publish(*made("before"))
    async with ann.subscribe(MADE) as toys:
        await ann.mutate('mutation { make(name: "bear") { name } }')
        watchword.publish(*made("fox", "hen"))
        names = [(await toys.next())["made"]["name"] for _ in range(3)]
        await toys.quiet()
    assert names == ["bear", "fox", "hen"]


async def test_it_has_begun_when_its_block_begins(
    watchword: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = Hub.follow

    async def late(*given: Any) -> Any:
        await asyncio.sleep(0.05)
        return await follow(*given)

    monkeypatch.setattr(Hub, "follow", late)
    async with watchword.anonymous.subscribe(MADE) as toys:
        watchword.publish(*made("bear"))
        assert await toys.next() == {"made": {"name": "bear"}}


async def test_what_another_caller_waits_for_does_not_count(watchword: App) -> None:
    ann, ben = watchword.as_user(), watchword.as_user()
    async with ann.subscribe("subscription { madeSlowly { name } }"), ben.subscribe(MADE) as toys:
        watchword.publish(*made("slow"))
        await toys.next()
        await toys.quiet()


@pytest.mark.parametrize("document", [MADE, PERSONAL])
async def test_an_answer_that_has_not_been_taken_is_not_quiet(
    document: str, watchword: App
) -> None:
    callers = [watchword.as_user() for _ in range(3)]
    async with (
        callers[0].subscribe(document) as first,
        callers[1].subscribe(document) as second,
        callers[2].subscribe(document) as third,
    ):
        for number in range(20):
            watchword.publish(*made(f"toy{number}"))
            for toys in (first, second, third):
                with pytest.raises(AssertionError, match=f"this came: .*toy{number}"):
                    await toys.quiet()
                await toys.next()
                await toys.quiet()


async def test_a_resolver_that_still_works_is_not_quiet(watchword: App, impatient: None) -> None:
    async with watchword.anonymous.subscribe("subscription { madeSlowly { name } }") as toys:
        watchword.publish(*made("slow"))
        with pytest.raises(AssertionError, match="cannot be told whether more comes"):
            await toys.quiet()
    assert not watchword._service._pipeline.live


async def test_events_of_other_processes_are_looked_for(watchword: App) -> None:
    async with watchword.anonymous.subscribe(MADE) as toys:
        bus = watchword._service._pipeline.services.bus
        receive, bus._receive = bus._receive, None
        watchword.publish(*made("unheard"))
        bus._receive = receive
        with pytest.raises(AssertionError, match="this came: .*unheard"):
            await toys.quiet()


async def test_outside_of_its_block_nothing_is_waited_for(watchword: App) -> None:
    toys = watchword.as_user().subscribe(MADE)
    for use in (toys.next, toys.closed, toys.quiet, toys.renew):
        with pytest.raises(RuntimeError, match="use it inside of its `with` block"):
            await use()
    async with toys:
        await toys.quiet()
    with pytest.raises(RuntimeError, match="use it inside of its `with` block"):
        await toys.reminded()


async def test_a_refused_subscription_says_why(watchword: App) -> None:
    async with watchword.anonymous.subscribe("subscription { guarded { name } }") as toys:
        assert (await toys.refused()).code == "UNAUTHENTICATED"
        with pytest.raises(AssertionError, match="No answer comes: .* UNAUTHENTICATED"):
            await toys.next()
        with pytest.raises(AssertionError, match="was to complete the subscription"):
            await toys.completed()
        with pytest.raises(AssertionError, match="Nothing more comes, but because"):
            await toys.quiet()


async def test_one_that_ends_by_itself_completes(watchword: App) -> None:
    async with watchword.anonymous.subscribe("subscription { numbers(to: 2) }") as numbers:
        assert [await numbers.next(), await numbers.next()] == [{"numbers": 0}, {"numbers": 1}]
        await numbers.completed()
    async with watchword.anonymous.subscribe("subscription { refusing }") as numbers:
        await numbers.next()
        assert (await numbers.refused()).code == "NOT_FOUND"


async def test_an_answer_with_errors_fails(watchword: App) -> None:
    async with watchword.as_user().subscribe(
        'subscription { mine(ask: "elsewhere") { owner } }'
    ) as toys:
        watchword.publish(*made("bear"))
        with pytest.raises(Failed, match="INTERNAL at mine.owner"):
            await toys.next()


async def test_an_expired_token_closes_and_a_renewed_one_does_not(watchword: App) -> None:
    ann = watchword.as_user()
    async with ann.subscribe(MADE) as kept, ann.subscribe(MADE) as lost:
        watchword.clock.move(watchword.settings.access_token_seconds - 60)
        await kept.reminded()
        await kept.renew()
        watchword.clock.move(60)
        closed = await lost.closed()
        assert (closed.code, closed.reason) == (4403, "token expired")
        await kept.quiet()
        watchword.publish(*made("bear"))
        assert await kept.next() == {"made": {"name": "bear"}}


async def test_a_client_is_not_slow_because_the_clock_is_moved(watchword: App) -> None:
    ann = watchword.as_user()
    async with ann.subscribe("subscription { since(present: true) }") as toys:
        # On the way, the server asks for a new token, which the client must be sent to have read.
        watchword.clock.move(watchword.settings.access_token_seconds - 1)
        assert await toys.next() == {"since": "PRESENT "}
        await toys.reminded()
        watchword.publish(*made(*map(str, range(20))))
        watchword.clock.move(1)
        assert (await toys.closed()).code == 4403


async def test_a_revoked_session_closes_its_own_connections_only(watchword: App) -> None:
    ann, ben = watchword.as_user(), watchword.as_user()
    async with ann.subscribe(MADE) as hers, ben.subscribe(MADE) as his:
        watchword.revoke(ann)
        assert (await hers.closed()).code == 4401
        with pytest.raises(AssertionError, match="does not ask for a new token: .* 4401"):
            await hers.reminded()
        await his.quiet()


async def test_a_token_that_is_refused_closes_at_the_beginning(watchword: App) -> None:
    ann = watchword.as_user()
    watchword.revoke(ann)
    async with ann.subscribe(MADE) as toys:
        assert (await toys.closed()).code == 4401


async def test_it_is_resumed_after_its_newest_answer(watchword: App) -> None:
    ann = watchword.as_user()
    async with ann.subscribe(MADE) as toys:
        watchword.publish(*made("bear"))
        await toys.next()
    watchword.publish(*made("fox", "hen"))
    async with ann.resume(toys) as again:
        assert [(await again.next())["made"]["name"] for _ in range(2)] == ["fox", "hen"]
        await again.quiet()


async def test_one_that_follows_nothing_begins_all_the_same(
    watchword: App, impatient: None
) -> None:
    query = 'subscription { careless(how: "late") }'
    async with watchword.anonymous.subscribe(query) as waiting:
        with pytest.raises(AssertionError, match="did not send another answer within 0.2 seconds"):
            await waiting.next()
        with pytest.raises(AssertionError, match="did not close the connection"):
            await waiting.closed()


async def test_it_waits_for_what_another_task_causes(watchword: App) -> None:
    ann = watchword.as_user()

    async def make(caller: Caller) -> Any:
        return await caller.mutate('mutation { make(name: "bear") { name } }')

    async with ann.subscribe(MADE) as toys:
        answer, _ = await asyncio.gather(toys.next(), make(ann))
    assert answer == {"made": {"name": "bear"}}
    with pytest.raises(RuntimeError, match="inside of its `with` block"):
        await toys.quiet()


def test_the_same_without_an_event_loop(watchword: App) -> None:
    app = watchword.sync
    ann = app.as_user()
    with ann.subscribe(MADE) as toys, ann.subscribe(MADE) as others:
        app.publish(*made("bear"))
        assert toys.next() == {"made": {"name": "bear"}}
        toys.quiet()
        app.clock.move(app.settings.access_token_seconds - 60)
        toys.reminded()
        toys.renew()
        app.clock.move(60)
        assert others.closed().code == 4403
    app.publish(*made("fox"))
    with ann.resume(toys) as again:
        assert again.next() == {"made": {"name": "fox"}}
        assert again.cursor != toys.cursor
    with ann.subscribe("subscription { numbers(to: 0) }") as numbers:
        numbers.completed()
    with app.anonymous.subscribe("subscription { guarded { name } }") as guarded:
        assert guarded.refused().code == "UNAUTHENTICATED"
