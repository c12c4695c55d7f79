"""Sessions beneath the routes: what the routes cannot show."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from graph.columns import moment
from graph.database import Database
from graph.errors import Unauthenticated
from graph.fanout.memory import MemoryBus
from graph.identity.accounts import disable, set_password
from graph.identity.sessions import REMEMBERED, Device, Sessions, SignedIn, prune
from graph.identity.tables import Password, RefreshToken, Session
from tests.support.clock import MovedClock
from tests.support.identity import PASSWORD, sign_in_desk, unit_of

DEVICE = Device("x" * 500, "203.0.113.7")


async def test_a_weak_hash_is_made_anew_at_sign_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        weak = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
        async with database.write() as session:
            await session.merge(
                Password(account_id=desk.account.id, hash=weak, changed_at=moment(clock.now()))
            )
        await desk.sign_in()
        async with database.read() as session:
            stored = await session.get_one(Password, desk.account.id)
        assert stored.hash != weak
        assert (await desk.login()).status_code == 200


async def test_many_refreshes_of_many_sessions_at_once_lose_and_double_nothing(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions = desk.identity.sessions

        async def live() -> str:
            who = await desk.sign_in()
            for _ in range(5):
                who = await sessions.refresh(who.refresh_token, DEVICE, clock.now())
            return who.session.id

        ids = await asyncio.gather(*(live() for _ in range(10)))
        assert len(set(ids)) == 10
        async with database.read() as session:
            rows = (await session.execute(select(Session))).scalars().all()
            known = (await session.execute(select(RefreshToken))).scalars().all()
        assert {row.id for row in rows} == set(ids)
        assert all(row.revoked_at is None for row in rows)
        assert len(known) == 60
        assert sum(token.used_at is None for token in known) == 10


async def test_fifty_clients_of_two_servers_lose_and_double_nothing(
    database: Database, clock: MovedClock
) -> None:
    limits = {"sign_in_limit_per_account": "1000 per minute"}
    other = Database(database.url.render_as_string(hide_password=False))
    async with sign_in_desk(database, clock, **limits) as desk:
        servers = [
            desk.identity.sessions,
            Sessions(other, MemoryBus(), desk.identity.settings),
        ]
        gate = asyncio.Semaphore(50)

        async def live(number: int) -> tuple[str, str]:
            async with gate:
                who = await desk.sign_in()
            token = who.refresh_token
            for at in range(10):
                # Every third time two tabs refresh at the same moment, one at each server.
                asked = servers if at % 3 == 0 else [servers[(number + at) % 2]]
                async with gate:
                    answers = await asyncio.gather(
                        *(server.refresh(token, DEVICE, clock.now()) for server in asked)
                    )
                [token] = {answer.refresh_token for answer in answers}
            return who.session.id, token

        held = dict(await asyncio.gather(*(live(number) for number in range(100))))
        async with database.read() as session:
            rows = (await session.execute(select(Session))).scalars().all()
            unused = select(RefreshToken).filter_by(used_at=None)
            good = (await session.execute(unused)).scalars().all()
        assert {row.id for row in rows} == set(held)
        assert all(row.revoked_at is None for row in rows)
        assert sorted(token.session_id for token in good) == sorted(held)
        for token in good:
            assert sha256(held[token.session_id].encode()).hexdigest() == token.hash
    await other.close()


async def test_a_thief_and_an_owner_at_the_same_moment_do_not_both_stay(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, refresh_grace_seconds=0) as desk:
        sessions = desk.identity.sessions
        who = await desk.sign_in()
        token = who.refresh_token
        await sessions.refresh(token, DEVICE, clock.now())
        clock.move(1)
        answers = await asyncio.gather(
            *(sessions.refresh(token, DEVICE, clock.now()) for _ in range(3)),
            return_exceptions=True,
        )
        assert not any(isinstance(answer, SignedIn) for answer in answers)
        assert all(isinstance(answer, Unauthenticated) for answer in answers)


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_who_signs_in_while_the_account_changes_does_not_stay(
    change: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions = desk.identity.sessions

        async def alter() -> None:
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, "another password")
                else:
                    await disable(unit, desk.account.id)

        tries = [desk.sign_in() for _ in range(8)]
        answers = await asyncio.gather(*tries[:4], alter(), *tries[4:], return_exceptions=True)
        for answer in answers:
            if isinstance(answer, SignedIn):
                with pytest.raises(Unauthenticated):
                    await sessions.refresh(answer.refresh_token, DEVICE, clock.now())
            else:
                assert answer is None or isinstance(answer, Unauthenticated)


async def test_sessions_are_forgotten_a_day_after_they_are_over(
    database: Database, clock: MovedClock
) -> None:
    async def left() -> set[str]:
        await prune(database, desk.identity.settings, clock.now())
        async with database.read() as session:
            return set((await session.execute(select(Session.id))).scalars())

    async with sign_in_desk(database, clock) as desk:
        revoked, idle, live = [await desk.sign_in() for _ in range(3)]
        await desk.identity.sessions.sign_out(revoked.refresh_token, DEVICE, clock.now())
        assert len(await left()) == 3
        clock.move(REMEMBERED + 1)
        assert await left() == {idle.session.id, live.session.id}
        refreshed = await desk.identity.sessions.refresh(live.refresh_token, DEVICE, clock.now())
        clock.move(desk.identity.settings.refresh_idle_seconds)
        assert await left() == {live.session.id}
        clock.move(REMEMBERED + 1)
        assert await left() == set()
        with pytest.raises(Unauthenticated):
            await desk.identity.sessions.refresh(refreshed.refresh_token, DEVICE, clock.now())


async def test_tokens_that_were_used_long_ago_are_forgotten(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, refresh_idle_seconds=1000) as desk:
        sessions = desk.identity.sessions
        who = await desk.sign_in()
        for _ in range(6):
            clock.move(400)
            who = await sessions.refresh(who.refresh_token, DEVICE, clock.now())
        async with database.read() as session:
            known = (await session.execute(select(RefreshToken))).scalars().all()
        assert len(known) == 4
