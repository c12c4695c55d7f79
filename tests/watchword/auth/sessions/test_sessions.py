"""Sessions without the routes: concurrency, bindings, ends, and pruning."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import PASSWORD, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import disable, set_password
from watchword.auth.sessions.sessions import Device, Sessions, SignedIn
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import AuditEntry, Password, RefreshToken, Session
from watchword.errors import InvalidProof, Unauthenticated
from watchword.events.bus.memory import MemoryBus
from watchword.storage.columns import moment
from watchword.storage.database import Database

DEVICE = Device("x" * 500, "203.0.113.7")


async def test_a_weak_hash_is_made_anew_at_sign_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        weak = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
        async with database.write() as db:
            await db.merge(
                Password(account_id=desk.account.id, hash=weak, changed_at=moment(clock.now()))
            )
        await desk.sign_in()
        async with database.read() as db:
            stored = await db.get_one(Password, desk.account.id)
        assert stored.hash != weak
        assert (await desk.login()).status_code == 200


async def test_many_refreshes_of_many_sessions_at_once_lose_and_double_nothing(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions = desk.auth.sessions

        async def live() -> str:
            signed_in = await desk.sign_in()
            for _ in range(5):
                signed_in = await sessions.refresh(signed_in.refresh_token, DEVICE, clock.now())
            return signed_in.session.id

        ids = await asyncio.gather(*(live() for _ in range(10)))
        assert len(set(ids)) == 10
        async with database.read() as db:
            rows = (await db.execute(select(Session))).scalars().all()
            known = (await db.execute(select(RefreshToken))).scalars().all()
        assert {row.id for row in rows} == set(ids)
        assert all(row.revoked_at is None for row in rows)
        assert len(known) == 60
        assert sum(token.used_at is None for token in known) == 10


@pytest.mark.exhaustive
async def test_fifty_clients_of_two_servers_lose_and_double_nothing(
    database: Database, clock: MovedClock
) -> None:
    limits = {"sign_in_limit_per_account": "1000 per minute"}
    other = Database(database.url.render_as_string(hide_password=False))
    async with sign_in_desk(database, clock, **limits) as desk:
        servers = [
            desk.auth.sessions,
            Sessions(other, MemoryBus(), desk.auth.settings),
        ]
        gate = asyncio.Semaphore(50)

        async def live(number: int) -> tuple[str, str]:
            async with gate:
                signed_in = await desk.sign_in()
            token = signed_in.refresh_token
            for at in range(10):
                # Every third time, two tabs refresh at the same moment, one on each server.
                asked = servers if at % 3 == 0 else [servers[(number + at) % 2]]
                async with gate:
                    answers = await asyncio.gather(
                        *(server.refresh(token, DEVICE, clock.now()) for server in asked)
                    )
                [token] = {answer.refresh_token for answer in answers}
            return signed_in.session.id, token

        held = dict(await asyncio.gather(*(live(number) for number in range(100))))
        async with database.read() as db:
            rows = (await db.execute(select(Session))).scalars().all()
            unused = select(RefreshToken).filter_by(used_at=None)
            good = (await db.execute(unused)).scalars().all()
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
        sessions = desk.auth.sessions
        signed_in = await desk.sign_in()
        token = signed_in.refresh_token
        await sessions.refresh(token, DEVICE, clock.now())
        clock.move(1)
        answers = await asyncio.gather(
            *(sessions.refresh(token, DEVICE, clock.now()) for _ in range(3)),
            return_exceptions=True,
        )
        assert not any(isinstance(answer, SignedIn) for answer in answers)
        assert all(isinstance(answer, Unauthenticated) for answer in answers)


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_a_sign_in_during_a_change_of_the_account_does_not_last(
    change: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions = desk.auth.sessions

        async def alter() -> None:
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, await hash_chosen("another password"))
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


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_session_bound_by_a_thief_ends_when_its_owner_refreshes(
    seconds: float, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, token = desk.auth.sessions, (await desk.sign_in()).refresh_token
        stolen = await sessions.refresh(token, DEVICE, clock.now(), key="thief")
        clock.move(seconds)
        for stale, key in ((token, None), (stolen.refresh_token, "thief")):
            with pytest.raises(Unauthenticated):
                await sessions.refresh(stale, DEVICE, clock.now(), key=key)
        assert (await desk.audited())[-1] == "REFRESH_TOKEN_REUSED"


async def test_a_thief_with_a_key_cannot_use_a_token_that_its_owner_used(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, token = desk.auth.sessions, (await desk.sign_in()).refresh_token
        await sessions.refresh(token, DEVICE, clock.now())
        with pytest.raises(Unauthenticated):
            await sessions.refresh(token, DEVICE, clock.now(), key="thief")
        assert (await desk.audited())[-1] == "REFRESH_TOKEN_REUSED"


async def test_two_tabs_with_one_key_bind_one_session(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, token = desk.auth.sessions, (await desk.sign_in()).refresh_token
        tabs = await asyncio.gather(
            *(sessions.refresh(token, DEVICE, clock.now(), key="ours") for _ in range(3))
        )
        [fresh] = {tab.refresh_token for tab in tabs}
        with pytest.raises(InvalidProof):
            await sessions.refresh(fresh, DEVICE, clock.now(), key="theirs")
        await sessions.refresh(fresh, DEVICE, clock.now(), key="ours")


async def known_tokens(database: Database) -> int:
    async with database.read() as db:
        return len((await db.execute(select(RefreshToken))).scalars().all())


async def test_tokens_that_were_used_long_ago_are_forgotten(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, other = desk.auth.sessions, await desk.sign_in()
        signed_in = await desk.sign_in()
        for _ in range(6):
            clock.move(400)
            signed_in = await sessions.refresh(signed_in.refresh_token, DEVICE, clock.now())
            # The other session's token, the one that was just used, and the valid one.
            assert await known_tokens(database) == 3
        await sessions.refresh(other.refresh_token, DEVICE, clock.now())


async def test_reuse_is_noticed_however_old_the_token_is(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with sign_in_desk(database, clock) as desk:
        signed_in = await desk.sign_in()
        tokens = [signed_in.refresh_token]
        for _ in range(6):
            clock.move(desk.auth.settings.refresh_idle_seconds - 1)
            answer = await desk.auth.sessions.refresh(tokens[-1], DEVICE, clock.now())
            tokens.append(answer.refresh_token)
        assert len(set(tokens)) == 7
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.refresh(tokens[0], DEVICE, clock.now())
        assert (await desk.audited())[-1] == "REFRESH_TOKEN_REUSED"
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.refresh(tokens[-1], DEVICE, clock.now())
        assert f"session {signed_in.session.id} is revoked" in caplog.text
        assert tokens[0][:24] not in caplog.text


async def test_a_token_keeps_its_grace_although_the_clock_of_another_process_is_ahead(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, settings = desk.auth.sessions, desk.auth.settings
        first = (await desk.sign_in()).refresh_token
        second = (await sessions.refresh(first, DEVICE, clock.now())).refresh_token
        clock.move(settings.refresh_grace_seconds)
        ahead = clock.now() + settings.leeway_seconds
        third = (await sessions.refresh(second, DEVICE, ahead)).refresh_token
        # Its successor was used, so it gets none; but it is within the grace period, so it is no reuse.
        with pytest.raises(Unauthenticated):
            await sessions.refresh(first, DEVICE, clock.now())
        await sessions.refresh(third, DEVICE, clock.now())


async def test_an_old_token_and_the_live_one_at_two_servers_at_once_end_the_session(
    database: Database, clock: MovedClock
) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    async with sign_in_desk(database, clock) as desk:
        here = desk.auth.sessions
        there = Sessions(other, MemoryBus(), desk.auth.settings)
        for number in range(1, 6):
            old = live = (await desk.sign_in()).refresh_token
            for _ in range(2):
                live = (await here.refresh(live, DEVICE, clock.now())).refresh_token
                clock.move(60)
            answers = await asyncio.gather(
                *(server.refresh(old, DEVICE, clock.now()) for server in (here, there)),
                *(server.refresh(live, DEVICE, clock.now()) for server in (there, here)),
                return_exceptions=True,
            )
            assert all(isinstance(each, SignedIn | Unauthenticated) for each in answers), answers
            assert all(isinstance(answer, Unauthenticated) for answer in answers[:2])
            assert (await desk.audited()).count("REFRESH_TOKEN_REUSED") == number
            heard = {each.refresh_token for each in answers if isinstance(each, SignedIn)}
            for token in {live} | heard:
                with pytest.raises(Unauthenticated):
                    await here.refresh(token, DEVICE, clock.now())
    await other.close()


async def test_a_malformed_token_with_a_family_name_ends_no_session(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.sign_in()).refresh_token
        family = token[:24]
        for text in (
            family,
            token[:-1],
            f"{token}A",
            f"{token}\n",
            f" {token}",
            f"{token}=",
            f"{family}.{token[24:]}",
            family + "é" * 43,
            family + "\ud800" * 43,
            family + "x" * 1_000_000,
        ):
            with pytest.raises(Unauthenticated):
                await desk.auth.sessions.refresh(text, DEVICE, clock.now())
            await desk.auth.sessions.sign_out(text, DEVICE, clock.now())
        await desk.auth.sessions.refresh(token, DEVICE, clock.now())


async def test_a_session_from_before_tokens_had_families_goes_on_and_notices_reuse(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        signed_in, sessions, token = await desk.sign_in(), desk.auth.sessions, "x" * 43
        async with database.write() as db:
            (await db.get_one(Session, signed_in.session.id)).family = None
            (known,) = (await db.execute(select(RefreshToken))).scalars()
            known.hash = sha256(token.encode()).hexdigest()
        tabs = [await sessions.refresh(token, DEVICE, clock.now()) for _ in range(2)]
        [fresh] = {tab.refresh_token for tab in tabs}
        assert len(fresh) == 67
        for _ in range(2):
            clock.move(60)
            fresh = (await sessions.refresh(fresh, DEVICE, clock.now())).refresh_token
        assert await known_tokens(database) == 2
        with pytest.raises(Unauthenticated):
            await sessions.refresh(token, DEVICE, clock.now())
        assert (await desk.audited())[-1] == "REFRESH_TOKEN_REUSED"


async def test_no_token_outlives_its_session(database: Database, clock: MovedClock) -> None:
    ends = {"refresh_idle_seconds": 600, "refresh_absolute_seconds": 1000}
    async with sign_in_desk(database, clock, **ends) as desk:
        began = clock.now()
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        for moved, expected in ((500, 500), (499, 1)):
            clock.move(moved)
            answer = (await desk.refresh(token)).json()
            token = answer["refresh_token"]
            assert answer["expires_in"] == expected
            principal = await desk.auth.verify(answer["access_token"])
            assert principal.expires_at == began + 1000
        stepped_up = (await desk.step_up(answer["access_token"], password=PASSWORD)).json()
        assert stepped_up["expires_in"] == 1


async def test_signing_out_with_an_old_token_is_audited_as_reuse_without_an_actor(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, grace = desk.auth.sessions, desk.auth.settings.refresh_grace_seconds
        # Within the grace period a token is a second tab's; then it is old; then its row is deleted.
        for seconds, why in ((0, "SIGNED_OUT"), (1, "REFRESH_TOKEN_REUSED"), (60, None)):
            first = await desk.sign_in()
            live = await sessions.refresh(first.refresh_token, DEVICE, clock.now())
            clock.move(grace + seconds)
            if why is None:
                live = await sessions.refresh(live.refresh_token, DEVICE, clock.now())
            await sessions.sign_out(first.refresh_token, DEVICE, clock.now())
            async with database.read() as db:
                entry = (
                    (await db.execute(select(AuditEntry).order_by(AuditEntry.position.desc())))
                    .scalars()
                    .first()
                )
            assert entry is not None
            assert entry.action == (why or "REFRESH_TOKEN_REUSED")
            assert entry.actor == (desk.account.id if why == "SIGNED_OUT" else None)
            assert (entry.session_id, entry.address) == (first.session.id, DEVICE.address)
            with pytest.raises(Unauthenticated):
                await sessions.refresh(live.refresh_token, DEVICE, clock.now())
