"""Authorization codes work once, within a minute, and only for the client with the code verifier."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.authorization import CALLBACK, DEVICE, KEY, LOOPBACK, ConsentDesk, consent_desk
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from watchword.auth.accounts.accounts import disable, set_password, set_roles, sign_out
from watchword.auth.sessions.sessions import SignedIn, revoke
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Session
from watchword.errors import Unauthenticated
from watchword.oauth.authorize.codes import REMEMBERED, prune
from watchword.oauth.authorize.consents import withdraw
from watchword.oauth.clients.clients import change_client, disable_client, revoke_client
from watchword.oauth.tables import AuthorizationCode
from watchword.storage.database import Database


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
        issued = await room.desk.auth.issue(who)
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
        async with database.read() as db:
            opened = await db.get_one(Session, who.session.id)
        assert opened.revoked_at is not None
        with pytest.raises(Unauthenticated):
            await room.desk.auth.sessions.refresh(
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
        async with database.read() as db:
            opened = await db.get_one(Session, who.session.id)
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
        # Another client cannot end the session with the code either.
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
        await set_password(unit, room.desk.account.id, await hash_chosen("another long password"))


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


async def revoked(room: ConsentDesk, giving: SignedIn) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        assert await revoke(unit, giving.session.id)


async def ended_from_elsewhere(room: ConsentDesk, giving: SignedIn) -> None:
    elsewhere = await room.desk.sign_in()
    async with unit_of(room.database, room.clock.now()) as unit:
        await sign_out(unit, giving.account.id, keep=elsewhere.session.id)


async def signed_out(room: ConsentDesk, giving: SignedIn) -> None:
    sessions = room.desk.auth.sessions
    await sessions.sign_out(giving.refresh_token, DEVICE, room.clock.now())


async def reused(room: ConsentDesk, giving: SignedIn) -> None:
    sessions = room.desk.auth.sessions
    await sessions.refresh(giving.refresh_token, DEVICE, room.clock.now())
    room.clock.move(room.desk.auth.settings.refresh_grace_seconds + 1)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(giving.refresh_token, DEVICE, room.clock.now())


async def come_to_its_end(room: ConsentDesk, giving: SignedIn) -> None:
    room.clock.move(31)


@pytest.mark.parametrize(
    "end", [revoked, ended_from_elsewhere, signed_out, reused, come_to_its_end]
)
async def test_a_code_ends_with_the_session_that_gave_it(
    end: Any, database: Database, clock: MovedClock
) -> None:
    ends = {"refresh_idle_seconds": 600, "refresh_absolute_seconds": 600}
    async with consent_desk(database, clock, **ends) as room:
        giving = await room.desk.sign_in()
        clock.move(570)
        token = (await room.desk.auth.issue(giving)).token
        code = (await room.told("allow", token))["code"]
        await end(room, giving)
        assert await room.redeem(code) is None


async def test_a_code_from_before_its_client_was_revoked_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:

        async def change(**changes: Any) -> None:
            async with unit_of(database, clock.now()) as unit:
                await change_client(unit, room.desk.auth.domain, room.client.id, changes)

        # Get both codes by one sign-in: a second sign-in would end the first session, and void its code.
        token = await room.token()
        before = (await room.told("allow", token))["code"]
        await change(name="Another")
        async with unit_of(database, clock.now()) as unit:
            await revoke_client(unit, room.client.id)
        after = (await room.told("allow", token))["code"]
        await change(name="And another")
        assert await room.redeem(before) is None
        assert await room.redeem(after) is not None


@pytest.mark.parametrize(
    ("address", "left", "is_good"),
    [
        (CALLBACK, [LOOPBACK], False),
        (CALLBACK, [CALLBACK], True),
        # An app listens on whichever port is free.
        (LOOPBACK.replace("0.1/", "0.1:8123/"), [LOOPBACK], True),
    ],
)
async def test_a_code_for_an_address_that_was_taken_away_is_refused(
    address: str, left: list[str], is_good: bool, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock, {"redirect_uris": [CALLBACK, LOOPBACK]}) as room:
        code = await room.code(redirect_uri=address)
        async with unit_of(database, clock.now()) as unit:
            changes = {"redirect_uris": left}
            await change_client(unit, room.desk.auth.domain, room.client.id, changes)
        assert (await room.redeem(code, redirect_uri=address) is not None) == is_good


async def test_a_client_that_may_do_less_by_now_gets_less(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, room.desk.account.id, ["keeper", "admin"])
        code = await room.code(scope="toys:count toys:all")
        async with unit_of(database, clock.now()) as unit:
            changes = {"scopes": ["toys:all"]}
            await change_client(unit, room.desk.auth.domain, room.client.id, changes)
        who = await room.redeem(code)
        assert who is not None
        assert who.session.scope == "toys:all"


async def test_a_code_that_gives_nothing_opens_no_session(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        code = await room.code()
        async with unit_of(database, clock.now()) as unit:
            changes = {"scopes": ["toys:all"]}
            await change_client(unit, room.desk.auth.domain, room.client.id, changes)
        assert await room.redeem(code) is None


@pytest.mark.parametrize("is_good", [True, False])
async def test_a_replayed_code_is_written_down_once_however_often_it_comes(
    is_good: bool, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        codes = [(await room.told("allow", token))["code"] for _ in range(2)]
        for code in codes:
            who = await room.redeem(code, redirect_uri=CALLBACK + ("" if is_good else "/other"))
            assert (who is not None) == is_good
        for _ in range(3):
            for code in codes:
                assert await room.redeem(code) is None
            clock.move(61)
        assert len(await room.audited("CODE_REPLAYED")) == len(codes)
        for row in await rows(database):
            assert (row.session_id is not None) == is_good


async def test_old_codes_are_forgotten(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        await room.redeem(await room.code())
        clock.move(REMEMBERED)
        await room.code()
        await prune(database, clock.now())
        assert len(await rows(database)) == 2
        clock.move(61)
        await prune(database, clock.now())
        assert len(await rows(database)) == 1


async def rows(database: Database) -> list[AuthorizationCode]:
    async with database.read() as db:
        return list((await db.execute(select(AuthorizationCode))).scalars())
