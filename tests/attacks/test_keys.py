"""Attacks on the signing keys, by an attacker with a copy of the database, with write access, or with an old key."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from tests.support.clock import MovedClock
from tests.support.identity import ORIGIN, SignInDesk, sign_in_desk
from tests.support.tokens import claims, key, signed
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.signing_keys import LAST_TOKEN, ensure, newest_first, rotate
from watchword.auth.service import AuthService
from watchword.auth.tables import SigningKey
from watchword.config.settings import Settings
from watchword.errors import InvalidToken, Unsafe
from watchword.principal import SERVER
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.storage.vault import Vault
from watchword.tokens.keys import Key, load

SETTINGS = Settings(_env_file=None, encryption_keys=(ENCRYPTION_KEY,))
# Made for these tests only.
THEIRS = Vault(lambda: ("YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ=",))
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def forged(stolen: Key, desk: SignInDesk) -> str:
    """Return a forged token of the admin that is valid for years."""
    said = claims(
        desk.auth.clock.now(),
        iss=ORIGIN,
        sub=desk.account.id,
        roles=["admin"],
        exp=time.time() + 10**9,
    )
    return signed(stolen, said)


async def put(database: Database, clock: MovedClock, mine: Key, pem: str) -> None:
    """Insert a key into the database, as an attacker with write access only."""
    async with database.write() as db:
        db.add(
            SigningKey(
                kid=mine.kid,
                algorithm=mine.algorithm,
                private_pem=pem,
                created_at=moment(clock.now() + 1),
                signs_at=moment(clock.now()),
            )
        )


async def test_a_copy_of_the_database_holds_nothing_to_sign_with(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await rotate(database, VAULT, SETTINGS, clock.now())
        clock.move(2)
        await desk.auth.refresh_keys()
        stolen = [each.private for each in desk.auth.keys.ring.keys]
    async with database.read() as db:
        rows = [row.private_pem for row in await newest_first(db)]
    assert len(rows) == len(stolen) == 2
    for sealed in rows:
        assert sealed.startswith("gAAAA")  # Fernet, version 128
        with pytest.raises(Unsafe):
            THEIRS.open(sealed)
        with pytest.raises(ValueError, match="PEM"):
            load("x", "ES256", sealed)


@pytest.mark.parametrize("sealed_by", [None, THEIRS], ids=["in-the-clear", "sealed-by-themselves"])
async def test_a_key_that_was_written_into_the_database_signs_and_verifies_nothing(
    sealed_by: Vault | None, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine = key()
        pem = mine.pem() if sealed_by is None else sealed_by.seal(mine.pem())
        await put(database, clock, mine, pem)
        clock.move(31)
        with pytest.raises(InvalidToken):
            await desk.auth.verify(forged(mine, desk))
        answer = await desk.login()
        assert answer.status_code == 200
        assert desk.auth.keys.ring.signing.kid != mine.kid
        published = (await desk.client.get("/.well-known/jwks.json")).json()["keys"]
        assert mine.kid not in [each["kid"] for each in published]
        # The start reports it, and does not seal it as ours.
        with pytest.raises(Unsafe):
            await ensure(database, VAULT, SETTINGS, clock.now())
        async with database.read() as db:
            assert (await db.get_one(SigningKey, mine.kid)).private_pem == pem


async def test_a_stolen_key_is_useless_after_its_retirement(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        other = AuthService(desk.auth.services)
        await other.open()
        stolen = desk.auth.keys.ring.signing
        token = forged(stolen, desk)
        assert (await other.verify(token)).subject == desk.account.id
        made = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True, actor=SERVER)
        clock.move(made.signs_at - clock.now() + LAST_TOKEN)
        for auth in (desk.auth, other):
            await auth.refresh_keys()
            for each in (token, forged(stolen, desk)):
                with pytest.raises(InvalidToken):
                    await auth.verify(each)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
@pytest.mark.parametrize("query", ["", "?private=1", "?kid=x", "?" + "a=b&" * 500, "?%00%ff"])
async def test_the_key_set_is_public_and_nothing_else_whatever_is_asked(
    query: str, algorithm: str, sqlite_url: str, clock: MovedClock
) -> None:
    database = Database(sqlite_url)
    async with sign_in_desk(database, clock, algorithm=algorithm, rsa_bits=2048) as desk:
        answer = await desk.client.get(f"/.well-known/jwks.json{query}")
        assert answer.status_code == 200
        assert all(not PRIVATE & set(each) for each in answer.json()["keys"])
        assert "set-cookie" not in answer.headers
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            refused = await desk.client.request(method, "/.well-known/jwks.json", json={"keys": []})
            assert refused.status_code == 405
    await database.close()


async def test_no_log_holds_a_key(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "watchword"):
        async with sign_in_desk(database, clock) as desk:
            await put(database, clock, key(), key().pem())
            clock.move(31)
            await desk.auth.refresh_keys()
            async with database.write() as db:
                await db.execute(text("DELETE FROM watchword_signing_keys"))
            await put(database, clock, mine := key(), mine.pem())
            await ensure(database, VAULT, SETTINGS, clock.now())
    assert caplog.records
    assert "BEGIN" not in caplog.text
    assert "gAAAA" not in caplog.text
    assert ENCRYPTION_KEY not in caplog.text + repr(SETTINGS) + repr(VAULT)
