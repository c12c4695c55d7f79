"""Signing keys are rotated on schedule, by exactly one of any number of processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk
from tests.support.toy_server import until
from watchword.auth import rotation
from watchword.auth.keys import key_store
from watchword.auth.keys.signing_keys import KEYS_ARE_FRESH, LAST_TOKEN, newest_first
from watchword.auth.rotation import EVERY_SECONDS, Rotation
from watchword.auth.service import AuthService
from watchword.auth.tables import AuditEntry, SigningKey
from watchword.storage.database import Database

DAY = 86_400
PUBLISH = 600


@asynccontextmanager
async def rotated(
    database: Database, clock: MovedClock, processes: int = 1, **settings: Any
) -> AsyncIterator[tuple[SignInDesk, list[Rotation]]]:
    """Processes with the same schedule on one database."""
    given = {"key_rotation_seconds": 10 * DAY, "key_publish_seconds": PUBLISH} | settings
    async with sign_in_desk(database, clock, **given) as desk:
        identities = [desk.auth]
        for _ in range(processes - 1):
            other = AuthService(desk.auth.services)
            await other.open()
            identities.append(other)
        made = [Rotation(auth) for auth in identities]
        background = desk.auth.services.background
        for each in made:
            each.open(background)
        try:
            yield desk, made
        finally:
            await background.close()


async def turn(clock: MovedClock, rotations: list[Rotation], seconds: float) -> None:
    """Move the clock, then let every process do its periodic task once."""
    if seconds > EVERY_SECONDS:
        clock.time += seconds - EVERY_SECONDS
    await until(lambda: clock.waiting == len(rotations))
    clock.move(EVERY_SECONDS)
    await until(lambda: clock.waiting == len(rotations))


async def rows(database: Database) -> list[SigningKey]:
    async with database.read() as db:
        return await newest_first(db)


async def test_a_new_key_is_made_when_the_newest_is_too_old_and_not_before(
    database: Database, clock: MovedClock
) -> None:
    async with rotated(database, clock) as (_, all_of_them):
        await turn(clock, all_of_them, 10 * DAY - 1)
        [old] = await rows(database)
        await turn(clock, all_of_them, EVERY_SECONDS)
        new, same = await rows(database)
        assert same.kid == old.kid
        assert new.signs_at.timestamp() == clock.now() + PUBLISH
        await turn(clock, all_of_them, EVERY_SECONDS)
        assert len(await rows(database)) == 2


async def test_processes_that_rotate_at_the_same_moment_end_with_one_new_key(
    database: Database, clock: MovedClock
) -> None:
    async with rotated(database, clock, processes=5) as (_, all_of_them):
        await turn(clock, all_of_them, 10 * DAY)
        assert len(await rows(database)) == 2
        await turn(clock, all_of_them, EVERY_SECONDS)
        assert len(await rows(database)) == 2
    async with database.read() as db:
        added = (await db.execute(select(AuditEntry).filter_by(action="KEY_ADDED"))).scalars()
        assert [entry.actor for entry in added] == [None, None]


async def test_a_process_that_only_verifies_knows_a_new_key_before_it_signs(
    database: Database, clock: MovedClock
) -> None:
    async with rotated(database, clock, processes=2) as (desk, all_of_them):
        await turn(clock, all_of_them, 10 * DAY)
        await turn(clock, all_of_them, EVERY_SECONDS)
        new, old = (row.kid for row in await rows(database))
        for each in all_of_them:
            ring = each._auth.verifier.ring
            assert [key.kid for key in ring.keys] == [old, new]
        await turn(clock, all_of_them, PUBLISH)
        for each in all_of_them:
            assert each._auth.keys.ring.signing.kid == new
        assert (await desk.login()).status_code == 200


async def test_a_key_is_deleted_when_its_last_token_has_expired(
    database: Database, clock: MovedClock
) -> None:
    async with rotated(database, clock, processes=2) as (desk, all_of_them):
        await turn(clock, all_of_them, 10 * DAY)
        await turn(clock, all_of_them, EVERY_SECONDS)
        await turn(clock, all_of_them, PUBLISH + LAST_TOKEN)
        [new] = await rows(database)
        for each in all_of_them:
            assert [key.kid for key in each._auth.verifier.ring.keys] == [new.kid]
        published = (await desk.client.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in published] == [new.kid]


async def test_zero_seconds_are_never(database: Database, clock: MovedClock) -> None:
    async with rotated(database, clock, key_rotation_seconds=0) as (_, all_of_them):
        await turn(clock, all_of_them, 1000 * DAY)
        assert len(await rows(database)) == 1


async def test_no_sign_in_waits_for_a_query_of_keys(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EVERY_SECONDS < KEYS_ARE_FRESH
    async with rotated(database, clock) as (desk, all_of_them):
        for _ in range(3):
            await turn(clock, all_of_them, EVERY_SECONDS)
        clock.time += EVERY_SECONDS - 1

        async def fail(session: object) -> list[SigningKey]:
            raise AssertionError("it looked")

        monkeypatch.setattr(key_store, "newest_first", fail)
        assert (await desk.login()).status_code == 200


async def test_a_database_that_is_away_is_waited_for(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    async with rotated(database, clock) as (desk, all_of_them):

        async def refuse(session: object) -> list[SigningKey]:
            raise away(ConnectionRefusedError("postgresql://watchword:hunter2@database"))

        with monkeypatch.context() as patched:
            patched.setattr(key_store, "newest_first", refuse)
            for _ in range(3):
                await turn(clock, all_of_them, 10 * DAY)
        assert "the rotation of the signing keys failed and is retried" in caplog.text
        assert len(desk.auth.services.background.unwell) == 1
        assert "hunter2" not in caplog.text
        await turn(clock, all_of_them, EVERY_SECONDS)
        assert len(await rows(database)) == 2
        assert desk.auth.services.background.unwell == []


async def test_no_keys_are_queried_after_the_end(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rotated(database, clock) as (desk, all_of_them):
        await desk.auth.services.background.close()
        looked: list[object] = []
        monkeypatch.setattr(rotation, "rotate_when_due", looked.append)
        clock.move(100 * DAY)
        assert clock.waiting == 0
        assert looked == []
        assert len(desk.auth.keys.ring.keys) == 1
