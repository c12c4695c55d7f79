"""Reseals the secrets in the database (signing keys and TOTP secrets) with a new encryption key."""

from __future__ import annotations

from sqlalchemy import select

from watchword.auth.audit.audit import Action, record
from watchword.auth.keys.signing_keys import LOCK
from watchword.auth.tables import SigningKey, Totp
from watchword.principal import Actor
from watchword.storage.database import Database, exclusive
from watchword.storage.vault import Vault
from watchword.transaction import Transaction


async def check(database: Database, vault: Vault) -> int:
    """Open all sealed secrets and return their number. Raises `Unsafe` when one cannot be opened."""
    count = 0
    async with database.read() as db:
        for column in (SigningKey.private_pem, Totp.sealed_secret):
            for sealed in (await db.execute(select(column))).scalars():
                vault.open(sealed)
                count += 1
    return count


async def reseal(database: Database, vault: Vault, now: float, actor: Actor) -> int:
    """Reseal all secrets with the first encryption key, so that the others can be removed.

    Returns their number. Raises `Unsafe`, and changes nothing, when one cannot be opened.
    """
    async with database.write() as db:
        await exclusive(db, LOCK)
        keys = (await db.execute(select(SigningKey))).scalars().all()
        for key in keys:
            key.private_pem = vault.reseal(key.private_pem)
        # Lock the rows in a fixed order, so that concurrent calls do not deadlock.
        locked = select(Totp).order_by(Totp.account_id, Totp.is_confirmed).with_for_update()
        secrets = (await db.execute(locked)).scalars().all()
        for secret in secrets:
            secret.sealed_secret = vault.reseal(secret.sealed_secret)
        count = len(keys) + len(secrets)
        record(Transaction(db, now, actor), Action.KEYS_RESEALED, count=str(count))
        return count
