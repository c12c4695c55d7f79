"""All secrets can be resealed, so that an old encryption key can be removed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.reseal import check, reseal
from watchword.auth.keys.signing_keys import ensure, load, newest_first, rotate
from watchword.auth.tables import AuditEntry, SigningKey, Totp
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.principal import OPERATOR
from watchword.storage.database import Database
from watchword.storage.vault import Vault

# Made for these tests only.
NEXT = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="
BOTH = Vault(lambda: (NEXT, ENCRYPTION_KEY))
NEW = Vault(lambda: (NEXT,))
SETTINGS = Settings(_env_file=None, encryption_keys=(ENCRYPTION_KEY,))


async def fill(database: Database, clock: MovedClock, secret: str) -> None:
    """Two signing keys and a TOTP secret."""
    async with sign_in_desk(database, clock) as desk:
        account = desk.account.id
    await rotate(database, VAULT, SETTINGS, clock.now())
    async with database.write() as db:
        db.add(Totp(account_id=account, sealed_secret=secret, is_confirmed=True, last_step=0))


async def sealed(database: Database) -> list[str]:
    async with database.read() as db:
        keys = [row.private_pem for row in await newest_first(db)]
        return keys + list((await db.execute(select(Totp.sealed_secret))).scalars())


async def test_everything_opens_with_the_new_key_alone(
    database: Database, clock: MovedClock
) -> None:
    await fill(database, clock, VAULT.seal("one-time"))
    before = await load(database, VAULT, clock.now())
    assert await reseal(database, BOTH, clock.now(), OPERATOR) == 3
    assert (await load(database, NEW, clock.now())).jwks() == before.jwks()
    assert NEW.open((await sealed(database))[-1]) == "one-time"
    assert await check(database, NEW) == 3
    with pytest.raises(Unsafe):
        await check(database, VAULT)


async def test_it_is_in_the_audit_log(database: Database, clock: MovedClock) -> None:
    await fill(database, clock, VAULT.seal("x"))
    await reseal(database, BOTH, clock.now(), OPERATOR)
    async with database.read() as db:
        entry = (
            await db.execute(select(AuditEntry).filter_by(action="KEYS_RESEALED"))
        ).scalar_one()
    assert (entry.actor, entry.detail) == ("operator", {"count": "3"})


@pytest.mark.parametrize("box", [NEW, BOTH], ids=["no-old-key", "one-is-damaged"])
async def test_all_secrets_are_resealed_or_none(
    box: Vault, database: Database, clock: MovedClock
) -> None:
    await fill(database, clock, "damaged" if box is BOTH else VAULT.seal("x"))
    before = await sealed(database)
    with pytest.raises(Unsafe, match="cannot be opened"):
        await reseal(database, box, clock.now(), OPERATOR)
    with pytest.raises(Unsafe, match="cannot be opened"):
        await check(database, box)
    assert await sealed(database) == before


async def test_a_server_that_runs_goes_on_and_one_that_starts_knows_the_new_key(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login()).json()["access_token"]
        await reseal(database, BOTH, clock.now(), OPERATOR)
        clock.move(31)
        assert (await desk.login()).status_code == 200
        assert (await desk.auth.verify(token)).subject == desk.account.id
        await ensure(database, NEW, SETTINGS, clock.now())
        async with database.read() as db:
            assert len((await db.execute(select(SigningKey))).scalars().all()) == 1
