"""Signing keys: one at first, rotated without a refused token, dropped in the end."""

from __future__ import annotations

import asyncio

import pytest

from graph.database import Database
from graph.errors import InvalidToken
from graph.identity.identity import Identity
from graph.identity.signing_keys import KEYS_ARE_FRESH, KeyStore, ensure, load, rotate
from graph.settings import Settings
from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk
from tests.support.vault import VAULT

SETTINGS = Settings(_env_file=None)


async def test_processes_that_start_together_end_with_one_key(
    database: Database, clock: MovedClock
) -> None:
    await asyncio.gather(*(ensure(database, VAULT, SETTINGS, clock.now()) for _ in range(5)))
    assert len((await load(database, VAULT, clock.now())).keys) == 1


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_the_algorithm_is_the_settings(
    algorithm: str, database: Database, clock: MovedClock
) -> None:
    settings = Settings(_env_file=None, algorithm=algorithm, rsa_bits=2048)
    await ensure(database, VAULT, settings, clock.now())
    assert (await load(database, VAULT, clock.now())).signing.algorithm == algorithm


async def test_an_old_key_verifies_until_its_last_token_has_ended(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    old = (await load(database, VAULT, clock.now())).signing
    clock.move(100)
    new = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
    ring = await load(database, VAULT, clock.now())
    assert [key.kid for key in ring.keys] == [new.kid, old.kid]
    clock.move(KEYS_ARE_FRESH + SETTINGS.access_token_seconds)
    assert len((await load(database, VAULT, clock.now())).keys) == 2
    clock.move(SETTINGS.leeway_seconds + 1)
    assert [key.kid for key in (await load(database, VAULT, clock.now())).keys] == [new.kid]


async def test_another_process_accepts_a_new_key_at_once(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        other = Identity(desk.identity.services)
        await other.open()
        before = (await desk.login()).json()["access_token"]
        clock.move(31)
        await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
        after = (await desk.login()).json()["access_token"]
        assert desk.identity.keys.ring.signing.kid != other.keys.ring.signing.kid
        for token in (before, after, before):
            assert (await other.verify(token)).subject == desk.account.id


async def test_a_flood_of_unknown_keys_asks_the_database_once_a_second(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login()).json()["access_token"]
        looked: list[float] = []
        refresh = KeyStore.refresh

        async def counted(store: KeyStore) -> bool:
            did = await refresh(store)
            looked.extend([clock.now()] if did else [])
            return did

        monkeypatch.setattr(KeyStore, "refresh", counted)
        forged = (
            "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ" + token[token.index(".") :]
        )
        clock.move(5)
        for _ in range(50):
            with pytest.raises(InvalidToken):
                await desk.identity.verify(forged)
        assert len(looked) == 1
