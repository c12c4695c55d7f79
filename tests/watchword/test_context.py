"""A context belongs to one operation: its principal, its loaders, its transactions."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from watchword.auth.accounts.accounts import accounts_by_id
from watchword.context import Context, Services
from watchword.errors import BadUserInput
from watchword.events.event import Event
from watchword.events.follow import Follow
from watchword.principal import ANONYMOUS, Actor, Grants, IdentityAsked, Principal, SharedPrincipal
from watchword.storage.database import Database


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    made, _ = await open_services(database, clock)
    return made


async def test_a_loader_gets_all_keys_of_one_tick_at_once(services: Services) -> None:
    batches: list[list[int]] = []

    async def double(_context: Context, keys: list[int]) -> list[int]:
        batches.append(keys)
        return [2 * key for key in keys]

    context = Context(services, ANONYMOUS)
    answers = await asyncio.gather(*(context.loader(double).load(key) for key in (1, 2, 1)))
    assert answers == [2, 4, 2]
    assert batches == [[1, 2]]


async def test_a_loader_gets_no_more_keys_than_a_statement_can_name(services: Services) -> None:
    async def exist(context: Context, keys: list[str]) -> list[bool]:
        assert len(keys) <= 500
        async with context.read() as db:
            found = await accounts_by_id(db, keys)
        return [key in found for key in keys]

    loader = Context(services, ANONYMOUS).loader(exist)
    assert not any(await loader.load_many(map(str, range(1_201))))
    async with services.database.read() as db:
        assert await accounts_by_id(db, [str(key) for key in range(40_000)]) == {}


async def test_values_that_were_loaded_before_a_write_are_loaded_again_after_it(
    services: Services,
) -> None:
    loads: list[list[int]] = []

    async def same(_context: Context, keys: list[int]) -> list[int]:
        loads.append(keys)
        return keys

    context = Context(services, ANONYMOUS)
    await context.loader(same).load(1)
    async with context.write():
        pass
    await context.loader(same).load(1)
    assert loads == [[1], [1]]


async def test_two_contexts_share_no_loaded_value(services: Services) -> None:
    async def same(_context: Context, keys: list[int]) -> list[int]:
        return keys

    one, two = Context(services, ANONYMOUS), Context(services, ANONYMOUS)
    assert one.loader(same) is one.loader(same)
    assert one.loader(same) is not two.loader(same)


async def test_the_loader_of_a_subscriptions_resolver_caches_nothing(services: Services) -> None:
    rows, context = (
        {"bear": 1},
        Context(services, ANONYMOUS, follow=Follow(services.hub, services.event_log)),
    )

    async def sizes(_context: Context, keys: list[str]) -> list[int]:
        return [rows[key] for key in keys]

    loader = context.loader(sizes)
    assert await loader.load("bear") == 1
    rows["bear"] = 2
    assert await loader.load("bear") == 2
    assert await context.loader(sizes).load("bear") == 2


async def test_only_a_subscription_can_follow_a_stream(services: Services) -> None:
    with pytest.raises(RuntimeError, match="only a subscription"):
        Context(services, ANONYMOUS).follow("toys")


async def test_only_a_live_connection_can_be_renewed(services: Services) -> None:
    with pytest.raises(BadUserInput, match="no live connection"):
        await Context(services, ANONYMOUS).renew("token")


async def test_a_transaction_has_the_time_of_the_clock(
    services: Services, clock: MovedClock
) -> None:
    async with Context(services, ANONYMOUS).write() as unit:
        assert unit.now == clock.now()


async def test_a_transaction_has_the_actor_with_its_address_and_reach(services: Services) -> None:
    own = Grants(frozenset({"viewer"}), frozenset({"incidents:read"}))
    alice = Principal("alice", own, client="app", session="s")
    for principal, actor in (
        (alice, Actor("alice", "s", "app", "203.0.113.7", own)),
        (ANONYMOUS, Actor(None, None, None, "203.0.113.7")),
    ):
        async with Context(services, principal, via={"client": ("203.0.113.7", 1)}).write() as unit:
            assert unit.actor == actor


async def test_a_shared_context_has_grants_and_no_identity(services: Services) -> None:
    shared = SharedPrincipal(Grants(frozenset({"keeper"})), is_anonymous=False)
    principal = Context(services, shared).principal
    assert principal.grants.roles == {"keeper"}
    assert not principal.is_anonymous
    assert not shared.was_asked
    asks = [
        lambda: principal.subject, lambda: principal.session, lambda: principal.expires_at,
        lambda: principal == ANONYMOUS, lambda: {principal}, lambda: principal.anything,
    ]  # fmt: skip
    for ask in asks:
        shared.was_asked = False
        with pytest.raises(IdentityAsked):
            ask()
        assert shared.was_asked


async def test_a_context_has_a_cursor_for_each_stream_that_it_wrote(services: Services) -> None:
    context = Context(services, ANONYMOUS)
    assert context.cursors == {}
    for _ in range(2):
        async with context.write() as unit:
            unit.publish(Event("toys", "bear", "made"))
            unit.publish(Event("books", "atlas", "made"))
    with pytest.raises(ZeroDivisionError):
        async with context.write() as unit:
            unit.publish(Event("lost", "sock", "made"))
            _ = 1 / 0
    read = services.event_log.cursors.read_named
    heads = await services.event_log.heads(["toys", "books"])
    assert {stream: read(cursor) for stream, cursor in context.cursors.items()} == {
        stream: (stream, None, place) for stream, place in heads.items()
    }
    assert heads["toys"].position == 2


@pytest.mark.parametrize("asks", ["address", "renew", "actor", "subject"])
async def test_a_shared_run_that_asks_for_anything_of_one_caller_is_noticed(
    services: Services, asks: str
) -> None:
    principal = SharedPrincipal(Grants(), is_anonymous=True)
    context = Context(services, principal, via={"client": ("192.0.2.1", 1)})
    with pytest.raises(IdentityAsked):
        match asks:
            case "renew":
                await context.renew("token")
            case "subject":
                _ = context.principal.subject
            case _:
                getattr(context, asks)
    assert principal.was_asked


async def test_a_shared_run_that_reads_the_time_is_noticed(
    services: Services, clock: MovedClock
) -> None:
    principal = SharedPrincipal(Grants(), is_anonymous=True)
    context = Context(services, principal)
    assert not principal.time_was_asked
    assert context.now == clock.now()
    assert principal.time_was_asked
    assert not principal.was_asked
