"""Consents are given, extended, listed, and withdrawn with all sessions and tokens."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.authorization import DEVICE, consent_desk
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from watchword.auth.accounts.accounts import add_account, set_roles
from watchword.errors import TokenRevoked, Unauthenticated
from watchword.oauth.authorize.consents import covers, list_consents, withdraw
from watchword.storage.columns import moment
from watchword.storage.database import Database


async def test_a_consent_is_written_down_and_added_to(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        me, client = room.desk.account.id, room.client.id
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, me, ["keeper", "admin"])
        await room.code(scope="toys:count")
        async with database.read() as db:
            assert await covers(db, me, client, {"toys:count"})
            assert not await covers(db, me, client, {"toys:count", "toys:all"})
            assert not await covers(db, me, "another", {"toys:count"})
        clock.move(1)
        await room.code(scope="toys:all")
        async with database.read() as db:
            (given,) = await list_consents(db, me)
        assert given.scopes == ["toys:all", "toys:count"]
        assert given.name == "Toy Counter"
        assert given.granted_at == moment(clock.now())
        assert given.used_at is None
        first, second = await room.audited("CONSENT_GIVEN")
        assert (first.detail, second.detail) == ({"scope": "toys:count"}, {"scope": "toys:all"})
        assert first.account_id == first.actor == me
        assert first.address == "203.0.113.7"


async def test_two_consents_at_once_become_one(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        me = room.desk.account.id
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, me, ["keeper", "admin"])
        token = await room.token()
        scopes = ("toys:count", "toys:all")
        await asyncio.gather(*(room.told("allow", token, scope=scope) for scope in scopes))
        async with database.read() as db:
            (given,) = await list_consents(db, me)
        assert given.scopes == sorted(scopes)


async def test_withdrawing_ends_what_came_of_it(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        me, auth = room.desk.account.id, room.desk.auth
        who = await room.redeem(await room.code())
        assert who is not None
        async with database.read() as db:
            (given,) = await list_consents(db, me)
        assert given.used_at == moment(clock.now())
        token = (await auth.issue(who)).token
        async with unit_of(database, clock.now()) as unit:
            assert await withdraw(unit, me, room.client.id)
            assert not await withdraw(unit, me, room.client.id)
            for event in unit.events:
                auth.revocations.add(event, clock.now())
        with pytest.raises(TokenRevoked):
            await auth.verify(token)
        with pytest.raises(Unauthenticated):
            await auth.sessions.refresh(
                who.refresh_token, DEVICE, clock.now(), client=room.client.id
            )
        async with database.read() as db:
            assert await list_consents(db, me) == []
        (entry,) = await room.audited("CONSENT_WITHDRAWN")
        assert (entry.account_id, entry.client_id) == (me, room.client.id)
        # Alice's own session is not the client's, and stays.
        assert (await room.desk.refresh()).status_code == 200


async def test_who_withdraws_while_a_code_is_redeemed_leaves_no_session(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()

        async def take_back() -> None:
            async with unit_of(database, clock.now()) as unit:
                await withdraw(unit, room.desk.account.id, room.client.id)

        who, _ = await asyncio.gather(room.redeem(code), take_back())
        if who is not None:
            with pytest.raises(Unauthenticated):
                await room.desk.auth.sessions.refresh(
                    who.refresh_token, DEVICE, clock.now(), client=room.client.id
                )


async def test_a_refresh_gives_no_more_than_the_person_still_has(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        me, auth = room.desk.account.id, room.desk.auth
        async with unit_of(database, clock.now()) as unit:
            # A second admin, because the last one cannot be disabled.
            await add_account(unit, email="b@x", name="Bob", roles=["admin"], hash="a hash")
            await set_roles(unit, me, ["keeper", "admin"])
        who = await room.redeem(await room.code(scope="toys:count toys:all"))
        assert who is not None
        assert (await auth.issue(who)).scope == "toys:all toys:count"
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, me, ["keeper"])
        who = await auth.sessions.refresh(
            who.refresh_token, DEVICE, clock.now(), client=room.client.id
        )
        assert (await auth.issue(who)).scope == "toys:count"
