"""Authorization codes: good once, within a minute, for who asked and proves it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from graph.database import Database
from graph.errors import Unauthenticated
from graph.identity.accounts import disable, set_password, set_roles
from graph.identity.sessions import SignedIn
from graph.identity.tables import Session
from graph.oauth.clients import change_client, disable_client
from graph.oauth.codes import REMEMBERED
from graph.oauth.consents import withdraw
from graph.oauth.tables import AuthorizationCode
from tests.support.authorization import CALLBACK, DEVICE, KEY, LOOPBACK, ConsentDesk, consent_desk
from tests.support.clock import MovedClock
from tests.support.identity import unit_of


async def test_a_code_opens_a_session_of_the_client_once(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        signed_in = clock.now()
        token = await room.token()
        clock.move(120)
        code = (await room.told("allow", token))["code"]
        clock.move(59)
        who = await room.redeem(code)
        assert who is not None
        assert who.session.client_id == room.client.id
        assert who.session.scope == "toys:count"
        assert who.session.authenticated_at.timestamp() == pytest.approx(signed_in, abs=1e-3)
        assert who.session.methods == ["pwd"]
        assert who.session.jkt is None
        issued = await room.desk.identity.issue(who)
        assert issued.scope == "toys:count"
        (kept,) = await rows(database)
        assert code not in (kept.hash, kept.code_challenge)


async def test_the_second_use_ends_what_the_first_one_opened(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        who = await room.redeem(code)
        assert who is not None
        clock.move(120)
        assert await room.redeem(code) is None
        async with database.read() as session:
            opened = await session.get_one(Session, who.session.id)
        assert opened.revoked_at is not None
        with pytest.raises(Unauthenticated):
            await room.desk.identity.sessions.refresh(
                who.refresh_token, DEVICE, clock.now(), client=room.client.id
            )
        (entry,) = await room.audited("CODE_REPLAYED")
        assert entry.client_id == room.client.id
        assert entry.account_id == room.desk.account.id


async def test_of_many_who_redeem_at_once_at_most_one_gets_a_session_and_it_ends(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        found = await asyncio.gather(*(room.redeem(code) for _ in range(5)))
        (who,) = [each for each in found if isinstance(each, SignedIn)]
        async with database.read() as session:
            opened = await session.get_one(Session, who.session.id)
        assert opened.revoked_at is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": CALLBACK + "/other"},
        {"redirect_uri": LOOPBACK},
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"code_verifier": "é"},
    ],
)
async def test_a_code_is_used_up_by_a_first_try_that_fails(
    changes: dict[str, Any], database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        assert await room.redeem(code, **changes) is None
        assert await room.redeem(code) is None


async def test_another_clients_code_is_refused_and_stays_good(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        other = await room.register(name="Other")
        assert await room.redeem(code, other) is None
        assert await room.redeem("x" * 43) is None
        assert await room.redeem(code) is not None
        # Nor can another client end the session by it.
        assert await room.redeem(code, other) is None
        assert await room.audited("CODE_REPLAYED") == []


async def test_a_code_ends_after_a_minute(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        clock.move(60)
        assert await room.redeem(code) is None


async def test_a_code_bound_to_a_key_needs_that_key(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        for key in (None, "x" * 43):
            assert await room.redeem(await room.code(dpop_jkt=KEY), key=key) is None
        who = await room.redeem(await room.code(dpop_jkt=KEY), key=KEY)
        assert who is not None
        assert who.session.jkt == KEY


async def test_a_client_that_authenticates_may_change_its_key(
    database: Database, clock: MovedClock
) -> None:
    special = {"authentication": "client_secret_basic"}
    async with consent_desk(database, clock, special) as room:
        who = await room.redeem(await room.code(), key=KEY)
        assert who is not None
        assert who.session.jkt is None


async def withdrawn(room: ConsentDesk) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        assert await withdraw(unit, room.desk.account.id, room.client.id)


async def disabled(room: ConsentDesk) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        await disable(unit, room.desk.account.id)


async def other_password(room: ConsentDesk) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        await set_password(unit, room.desk.account.id, "another long password")


async def other_roles(room: ConsentDesk) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        await set_roles(unit, room.desk.account.id, [])


async def client_disabled(room: ConsentDesk) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        await disable_client(unit, room.client.id)


@pytest.mark.parametrize(
    "change", [withdrawn, disabled, other_password, other_roles, client_disabled]
)
async def test_a_code_is_worth_nothing_when_things_have_changed(
    change: Any, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        await change(room)
        assert await room.redeem(code) is None


async def test_a_client_that_may_do_less_by_now_gets_less(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, room.desk.account.id, ["keeper", "admin"])
        code = await room.code(scope="toys:count toys:all")
        async with unit_of(database, clock.now()) as unit:
            changes = {"scopes": ["toys:all"]}
            await change_client(unit, room.desk.identity.domain, room.client.id, changes)
        who = await room.redeem(code)
        assert who is not None
        assert who.session.scope == "toys:all"


async def test_old_codes_are_forgotten(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        await room.redeem(await room.code())
        clock.move(REMEMBERED)
        await room.code()
        assert len(await rows(database)) == 2
        clock.move(61)
        await room.code()
        assert len(await rows(database)) == 2


async def rows(database: Database) -> list[AuthorizationCode]:
    async with database.read() as session:
        return list((await session.execute(select(AuthorizationCode))).scalars())
