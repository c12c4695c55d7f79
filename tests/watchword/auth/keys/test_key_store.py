"""The signing keys in memory: how processes learn of new keys, and go on while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys import key_store
from watchword.auth.keys.key_store import KeyStore
from watchword.auth.keys.signing_keys import (
    AT_ONCE,
    KEYS_ARE_FRESH,
    LAST_TOKEN,
    rotate,
)
from watchword.auth.service import AuthService
from watchword.auth.tables import SigningKey
from watchword.config.settings import Settings
from watchword.errors import InvalidToken, Unavailable, Unsafe
from watchword.storage.database import Database
from watchword.storage.vault import Vault

SETTINGS = Settings(_env_file=None, encryption_keys=(ENCRYPTION_KEY,))
PUBLISH = SETTINGS.key_publish_seconds
OTHER = Vault(lambda: (Fernet.generate_key().decode(),))


@asynccontextmanager
async def processes(
    database: Database, clock: MovedClock, **settings: Any
) -> AsyncIterator[tuple[SignInDesk, AuthService]]:
    """A process that signs, and another one that only verifies."""
    async with sign_in_desk(database, clock, **settings) as desk:
        other = AuthService(desk.auth.services)
        await other.open()
        yield desk, other


async def signed(desk: SignInDesk) -> str:
    answer = (await desk.login()).json()
    return str(answer["access_token"])


async def test_a_process_follows_the_dates_without_the_database(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(database, clock) as (desk, other):
        old = other.keys.ring.signing.kid
        token = await signed(desk)
        made = await rotate(database, VAULT, SETTINGS, clock.now())
        clock.move(2)
        await other.refresh_keys()

        async def refuse(session: object) -> list[SigningKey]:
            raise away(ConnectionRefusedError("the database is away"))

        monkeypatch.setattr(key_store, "newest_first", refuse)
        assert (await other.verify(token)).subject == desk.account.id
        clock.move(PUBLISH)
        assert other.keys.ring.signing.kid == made.key.kid
        assert len((await other.jwks())["keys"]) == 2
        clock.move(LAST_TOKEN)
        assert [key["kid"] for key in (await other.jwks())["keys"]] == [made.key.kid]
        # A process that cannot check its keys must not sign.
        with pytest.raises(ConnectionRefusedError):
            await other.keys.fresh()
        assert other.verifier.ring.find(old) is None


async def test_while_the_database_is_away_a_token_with_an_unknown_key_is_told_to_come_back(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(database, clock) as (desk, other):
        token = await signed(desk)
        forged = forge(token)
        clock.move(2)
        await database.close()

        async def refuse(session: object) -> list[SigningKey]:
            raise away(ConnectionRefusedError("the database is away"))

        monkeypatch.setattr(key_store, "newest_first", refuse)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await other.verify(forged)
        assert (await other.verify(token)).subject == desk.account.id
        monkeypatch.undo()
        clock.move(2)
        for _ in range(3):
            with pytest.raises(InvalidToken):
                await other.verify(forged)


async def test_another_process_accepts_a_new_key_at_once(
    database: Database, clock: MovedClock
) -> None:
    async with processes(database, clock) as (desk, other):
        before = await signed(desk)
        clock.move(31)
        await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
        clock.move(31)
        after = await signed(desk)
        assert desk.auth.keys.ring.signing.kid != other.keys.ring.signing.kid
        for token in (before, after, before):
            assert (await other.verify(token)).subject == desk.account.id


async def test_the_first_token_of_a_new_key_is_accepted_whenever_a_process_looked_before(
    database: Database, clock: MovedClock
) -> None:
    """An attacker may have caused a query just before the new key was added."""
    async with processes(database, clock) as (desk, other):
        clock.move(5)
        await other.refresh_keys()
        clock.move(0.001)
        await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
        clock.move(AT_ONCE - SETTINGS.leeway_seconds)
        # Signed by a process whose clock is ahead by the whole leeway.
        await desk.auth.refresh_keys()
        ahead = MovedClock(clock.now() + SETTINGS.leeway_seconds)
        desk.auth.clock = desk.auth.keys._clock = ahead
        assert (await other.verify(await signed(desk))).subject == desk.account.id


async def test_concurrent_tokens_wait_for_one_query(database: Database, clock: MovedClock) -> None:
    async with processes(database, clock) as (desk, other):
        await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
        clock.move(31)
        tokens = [await signed(desk) for _ in range(3)]
        found = await asyncio.gather(*(other.verify(token) for token in tokens))
        assert {principal.subject for principal in found} == {desk.account.id}


async def test_a_client_that_goes_does_not_stop_a_look_that_others_wait_for(
    database: Database, clock: MovedClock
) -> None:
    async with processes(database, clock) as (desk, other):
        await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
        clock.move(31)
        token = await signed(desk)
        first, second = (asyncio.create_task(other.verify(token)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).subject == desk.account.id
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_flood_of_unknown_keys_asks_the_database_once_a_second(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        forged = forge(await signed(desk))
        looked: list[float] = []
        look = KeyStore._query

        async def counted(store: KeyStore, now: float) -> None:
            looked.append(now)
            await look(store, now)

        monkeypatch.setattr(KeyStore, "_query", counted)
        clock.move(5)
        for _ in range(50):
            with pytest.raises(InvalidToken):
                await desk.auth.verify(forged)
        assert len(looked) == 1
        refused = await asyncio.gather(
            *(desk.auth.verify(forged) for _ in range(50)), return_exceptions=True
        )
        assert all(isinstance(each, InvalidToken) for each in refused)
        assert len(looked) == 1


async def test_a_key_that_is_known_is_not_opened_again(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        opened: list[str] = []
        monkeypatch.setattr(Vault, "open", lambda box, sealed: opened.append(sealed))
        clock.move(2)
        await desk.auth.refresh_keys()
        assert opened == []
        assert len(desk.auth.keys.ring.keys) == 1


async def test_a_running_process_goes_on_beside_a_key_that_it_cannot_open(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(database, clock) as (desk, other):
        token = await signed(desk)
        made = await rotate(database, VAULT, SETTINGS, clock.now())
        async with database.write() as db:
            row = await db.get_one(SigningKey, made.key.kid)
            row.private_pem = OTHER.seal(made.key.pem())
        clock.move(2)
        assert await other.refresh_keys()
        assert made.key.kid not in [key["kid"] for key in (await other.jwks())["keys"]]
        assert (await other.verify(token)).subject == desk.account.id
        assert f"{made.key.kid} is left out" in caplog.text
        # A process that starts now fails.
        with pytest.raises(Unsafe, match="cannot be opened"):
            await AuthService(desk.auth.services).open()


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_the_key_set_never_holds_a_private_part(
    algorithm: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, algorithm=algorithm, rsa_bits=2048) as desk:
        await rotate(database, VAULT, SETTINGS, clock.now())
        clock.move(2)
        answer = await desk.client.get("/.well-known/jwks.json")
    members = {name for key in answer.json()["keys"] for name in key}
    assert members <= {"kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"}
    assert len(answer.json()["keys"]) == 2


@pytest.mark.parametrize(("publish", "max_age"), [(PUBLISH, 300), (86_400, 300), (100, 50), (0, 0)])
async def test_caches_expire_before_a_new_key_signs(
    publish: int, max_age: int, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, key_publish_seconds=publish) as desk:
        answer = await desk.client.get("/.well-known/jwks.json")
    kept = f"public, max-age={max_age}" if max_age else "no-store"
    assert answer.headers["cache-control"] == kept
    # A cache that fetched just before a key was made fetches again before it signs.
    assert max_age <= max(publish, AT_ONCE)


async def test_a_new_key_is_published_before_it_signs(
    database: Database, clock: MovedClock
) -> None:
    async with processes(database, clock) as (desk, _):
        old = desk.auth.keys.ring.signing.kid
        made = await rotate(database, VAULT, SETTINGS, clock.now())
        clock.move(KEYS_ARE_FRESH)
        published = (await desk.client.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in published] == [old, made.key.kid]
        clock.move(PUBLISH - KEYS_ARE_FRESH - 1)
        await signed(desk)
        assert desk.auth.keys.ring.signing.kid == old
        clock.move(1)
        await signed(desk)
        assert desk.auth.keys.ring.signing.kid == made.key.kid


def forge(token: str) -> str:
    """A token with an unknown key id."""
    header = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ"
    return header + token[token.index(".") :]
