"""A context belongs to one operation: its principal, its loaders, its transactions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from watchword.asgi.views import ConnectionView, RequestView
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


def with_extras(services: Services, extras: object) -> Context:
    domain = replace(services.domain, context=lambda context: extras)
    return Context(replace(services, domain=domain), ANONYMOUS, via=SCOPE)


SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [(b"x-shop", b"1")]}


async def test_items_are_those_of_a_dict_that_the_hook_returns(services: Services) -> None:
    context = with_extras(services, {"user": "ann", "nothing": None})
    assert context["user"] == context.get("user") == "ann"
    assert "user" in context
    assert "other" not in context
    got = [context.get("other"), context.get("other", 1), context.get("nothing", 1)]
    assert got == [None, 1, None]
    with pytest.raises(KeyError, match=r"has no 'other'\. Let Domain\.context return a dict"):
        context["other"]


async def test_the_request_is_an_item_unless_the_hook_returns_one_of_that_name(
    services: Services,
) -> None:
    for extras in (None, {}, object()):
        context = with_extras(services, extras)
        assert context["request"].headers["x-shop"] == "1"
        assert (context["connection_params"], "request" in context) == (None, True)
    assert with_extras(services, {"request": "its own"})["request"] == "its own"
    via = ConnectionView(SCOPE | {"type": "websocket"}, {"app": "x"})
    connected = Context(services, ANONYMOUS, via=via)
    assert connected["request"] is via
    assert connected["connection_params"] == {"app": "x"}


async def test_attributes_are_those_of_an_object_that_the_hook_returns_after_the_contexts_own(
    services: Services,
) -> None:
    context = with_extras(services, SimpleNamespace(user="ann", request="not this", _own=1))
    assert context.user == "ann"  # type: ignore[attr-defined]
    assert isinstance(context.request, RequestView)
    for name in ("other", "_own", "__deepcopy__"):
        assert not hasattr(context, name)
    with pytest.raises(AttributeError, match=r"no 'user'\. Let Domain\.context return an object"):
        assert Context(services, ANONYMOUS).user  # type: ignore[attr-defined]


async def test_an_attribute_error_of_the_hook_is_raised_as_it_is(services: Services) -> None:
    def hook(context: Context) -> object:
        raise AttributeError("the team's own fault")

    broken = Context(replace(services, domain=replace(services.domain, context=hook)), ANONYMOUS)
    for read in (lambda: broken.extras, lambda: broken.user, lambda: broken["user"]):  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="the team's own fault"):
            read()


async def test_items_ask_for_the_identity_as_what_they_stand_for_does(services: Services) -> None:
    shared = Context(services, SharedPrincipal(Grants(), is_anonymous=False))
    for name in ("request", "connection_params"):
        with pytest.raises(IdentityAsked):
            shared[name]
