"""What is sealed in the database: signing keys, and the secrets of one-time codes."""

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
    """Open everything that is sealed; return how much it is. Raises `Unsafe` when one stays shut."""
    count = 0
    async with database.read() as db:
        for column in (SigningKey.private_pem, Totp.sealed_secret):
            for sealed in (await db.execute(select(column))).scalars():
                vault.open(sealed)
                count += 1
    return count


async def reseal(database: Database, vault: Vault, now: float, actor: Actor) -> int:
    """Seal everything anew with the first key, so that the others can go; return how much it is.

    Raises `Unsafe`, and changes nothing, when something cannot be opened.
    """
    async with database.write() as db:
        await exclusive(db, LOCK)
        keys = (await db.execute(select(SigningKey))).scalars().all()
        for key in keys:
            key.private_pem = vault.reseal(key.private_pem)
        # In one order, so that nobody waits in a circle.
        locked = select(Totp).order_by(Totp.account_id, Totp.is_confirmed).with_for_update()
        secrets = (await db.execute(locked)).scalars().all()
        for secret in secrets:
            secret.sealed_secret = vault.reseal(secret.sealed_secret)
        count = len(keys) + len(secrets)
        record(Transaction(db, now, actor), Action.KEYS_RESEALED, count=str(count))
        return count
