"""Challenges: not stored when made, accepted once, for one purpose and one account."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.passkeys import challenges
from watchword.auth.passkeys.challenges import SECONDS, Purpose
from watchword.storage.database import Database
from watchword.storage.vault import Vault

NOW = MovedClock().now()
OTHER_KEY = "b3RoZXIgdGVzdHMgb2Ygd2F0Y2h3b3JkLCAzMiBieXQ="


async def is_taken(
    database: Database,
    value: bytes,
    purpose: Purpose = "sign-in",
    account: str | None = None,
    *,
    now: float = NOW,
    vault: Vault = VAULT,
) -> bool:
    async with unit_of(database, now) as unit:
        return await challenges.use(unit, vault, value, purpose, account)


async def test_a_challenge_is_taken_once(database: Database) -> None:
    value = challenges.make(VAULT, "sign-in", None, NOW)
    assert await is_taken(database, value)
    assert not await is_taken(database, value)


async def test_of_two_concurrent_uses_of_a_challenge_one_succeeds(database: Database) -> None:
    value = challenges.make(VAULT, "sign-in", None, NOW)
    found = await asyncio.gather(*(is_taken(database, value) for _ in range(5)))
    assert sum(found) == 1


async def test_a_challenge_that_we_did_not_make_is_refused(database: Database) -> None:
    good = challenges.make(VAULT, "sign-in", None, NOW)
    later = good[:-40] + bytes([good[-40] + 1 & 255]) + good[-39:]
    for value in (b"", b"never", bytes(72), good[:-1], good + b"x", later):
        assert not await is_taken(database, value), value
    assert await is_taken(database, good)


async def test_a_challenge_lives_for_five_minutes(database: Database) -> None:
    value = challenges.make(VAULT, "sign-in", None, NOW)
    assert not await is_taken(database, value, now=NOW + SECONDS)
    assert await is_taken(database, value, now=NOW + SECONDS - 1)


@pytest.mark.parametrize(
    ("purpose", "account"),
    [("sign-in", None), ("sign-in", "bob"), ("register", "alice"), ("step-up", "bob")],
)
async def test_a_challenge_is_for_one_purpose_and_one_account(
    database: Database, purpose: Purpose, account: str | None
) -> None:
    value = challenges.make(VAULT, "step-up", "alice", NOW)
    assert not await is_taken(database, value, purpose, account)
    assert await is_taken(database, value, "step-up", "alice")


async def test_a_challenge_is_answered_while_the_encryption_key_changes(
    database: Database,
) -> None:
    value = challenges.make(VAULT, "sign-in", None, NOW)
    assert not await is_taken(database, value, vault=Vault(lambda: (OTHER_KEY,)))
    assert await is_taken(database, value, vault=Vault(lambda: (OTHER_KEY, ENCRYPTION_KEY)))
