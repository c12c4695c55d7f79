"""What a permission over the methods of authentication guards follows the token: at every answer, event and renewal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import strawberry
from sqlalchemy import update

from tests.support.toy_schema import STREAM
from tests.support.toy_server import until
from watchword.auth.tables import Session
from watchword.config.settings import Settings
from watchword.context import Info
from watchword.events.event import Event
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import AuthenticatedBy, MultiFactor, Public
from watchword.testing import App, Caller, Failed
from watchword.tokens.authentication import TWO_FACTORS
from watchword.transaction import Transaction

SECRET = "the combination"
PASSKEY, CODE = ("hwk", "user", "mfa"), ("pwd", "otp", "mfa")
GUARDED = "subscription { guarded }"
OPEN = "subscription { opened { secret } }"


@strawberry.type
class Safe:
    @strawberry.field(permission_classes=[AuthenticatedBy("passkey")])
    def secret(self) -> str | None:
        return SECRET


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def safe(self) -> Safe:
        return Safe()

    @strawberry.field(permission_classes=[MultiFactor])
    def factors(self) -> int | None:
        return 2


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[MultiFactor])
    async def guarded(self, info: Info) -> AsyncIterator[int]:
        async for _ in info.context.follow(STREAM):
            yield 1

    @strawberry.subscription(permission_classes=[Public])
    async def opened(self, info: Info) -> AsyncIterator[Safe]:
        async for _ in info.context.follow(STREAM):
            yield Safe()


@pytest.fixture(params=["process", "sockets"])
def watchword_transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def watchword_app() -> Watchword:
    return Watchword(strawberry.Schema(Query, None, Subscription), Settings(_env_file=None))


async def set_methods(watchword: App, caller: Caller, *methods: str) -> None:
    """Write in the caller's session how its person authenticated; its next token says so."""

    async def work(unit: Transaction) -> None:
        mine = update(Session).filter_by(account_id=caller.id)
        await unit.db.execute(mine.values(methods=sorted(methods)))

    watchword.write(work)
    await caller.renew()


async def test_answers_and_events_differ_by_the_methods(watchword: App) -> None:
    key = watchword.as_user(methods=PASSKEY)
    code = watchword.as_user(methods=CODE)
    plain = watchword.as_user()
    for _ in range(2):
        for caller, sees, passes in ((key, True, True), (code, False, True), (plain, False, False)):
            told = await caller.ask("{ safe { secret } factors }")
            assert told.data == {
                "safe": {"secret": SECRET if sees else None},
                "factors": 2 if passes else None,
            }
    async with key.subscribe(OPEN) as seeing, plain.subscribe(OPEN) as other:
        watchword.publish(Event(STREAM, "a", "made"))
        assert await seeing.next() == {"opened": {"secret": SECRET}}
        with pytest.raises(Failed) as refused:
            await other.next()
    assert refused.value.data == {"opened": {"secret": None}}


async def test_a_denial_asks_for_the_classes_and_a_session_with_one_passes(watchword: App) -> None:
    caller, query = watchword.as_user(), {"query": "{ factors }"}
    told = await caller.post("/graphql", json=query)
    [error] = told.json()["errors"]
    assert error["extensions"]["acrValues"] == [TWO_FACTORS, "phr"]
    challenge = told.headers["www-authenticate"]
    assert challenge.endswith(f'acr_values="{TWO_FACTORS} phr"')
    await set_methods(watchword, caller, *CODE)
    told = await caller.post("/graphql", json=query)
    assert (told.json(), told.headers.get("www-authenticate")) == ({"data": {"factors": 2}}, None)


async def test_a_group_has_callers_of_the_same_methods_only(
    watchword: App, watchword_app: Watchword
) -> None:
    keys = [watchword.as_user(methods=PASSKEY) for _ in range(2)]
    plain = [watchword.as_user() for _ in range(2)]

    def is_one_group_of_two() -> bool:
        # Those who are refused run alone, because a run with errors is not shared.
        return watchword_app.pipeline.groups.sizes == [2]

    async with AsyncExitStack() as stack:
        seeing = [await stack.enter_async_context(each.subscribe(OPEN)) for each in keys]
        others = [await stack.enter_async_context(each.subscribe(OPEN)) for each in plain]
        for _ in range(3):
            watchword.publish(Event(STREAM, "a", "made"))
            for each in seeing:
                assert await each.next() == {"opened": {"secret": SECRET}}
            for each in others:
                with pytest.raises(Failed) as refused:
                    await each.next()
                assert refused.value.data == {"opened": {"secret": None}}
            await until(is_one_group_of_two)


async def test_a_renewal_with_weaker_methods_ends_what_needs_them(watchword: App) -> None:
    caller = watchword.as_user(methods=CODE)
    async with caller.subscribe(GUARDED) as numbers:
        watchword.publish(Event(STREAM, "a", "made"))
        assert await numbers.next() == {"guarded": 1}
        await set_methods(watchword, caller, "pwd")
        await numbers.renew()
        problem = await numbers.refused()
    assert (problem.code, problem.extensions["requires"]) == (
        "STEP_UP_REQUIRED",
        {"multiFactor": True},
    )
