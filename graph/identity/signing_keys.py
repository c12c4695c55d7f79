"""Signing keys in the database: made, published, used, and dropped when their last token has ended."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from graph.clock import Clock
from graph.columns import moment
from graph.database import Database, exclusive
from graph.identity.tables import SigningKey
from graph.settings import Settings
from graph.tokens.keys import Key, KeyRing, generate
from graph.tokens.keys import load as load_key
from graph.vault import Vault

# Seconds between two looks into the database for a key that nobody here knows.
COOL_DOWN = 1.0
# Seconds after which keys made elsewhere sign here too.
KEYS_ARE_FRESH = 30.0
# Whoever makes a key holds this lock meanwhile.
LOCK = 7_709_014


async def load(database: Database, vault: Vault, now: float) -> KeyRing:
    """Return the keys that are good at `now` (Unix seconds), the one that signs first."""
    async with database.read() as session:
        rows = await _rows(session, now)
    signs_first = sorted(rows, key=lambda row: row.signs_at > moment(now))
    return KeyRing(
        tuple(load_key(row.kid, row.algorithm, vault.open(row.private_pem)) for row in signs_first)
    )


async def ensure(database: Database, vault: Vault, settings: Settings, now: float) -> None:
    """Make the first key, and seal those that are not. Processes that start together end with one."""
    async with database.write() as session:
        await exclusive(session, LOCK)
        rows = await _rows(session, now)
        for row in rows:
            if row.private_pem.startswith("-----BEGIN"):
                row.private_pem = vault.seal(row.private_pem)
        if not rows:
            key = generate(settings.algorithm, settings.rsa_bits)
            _add(session, vault, key, now, signs_at=now)


async def rotate(
    database: Database, vault: Vault, settings: Settings, now: float, *, at_once: bool = False
) -> Key:
    """Publish a new key, which signs as soon as everybody can know it.

    The old ones verify until their last token has ended. With `at_once`, the new one signs from now
    on: tokens that whoever has cached our keys does not know may be refused there for a while.
    """
    key = generate(settings.algorithm, settings.rsa_bits)
    async with database.write() as session:
        await exclusive(session, LOCK)
        rows = await _rows(session, now)
        signs_at = now if at_once or not rows else now + settings.key_publish_seconds
        last_token_ends = moment(
            signs_at + KEYS_ARE_FRESH + settings.access_token_seconds + settings.leeway_seconds
        )
        for row in rows:
            row.retires_at = row.retires_at or last_token_ends
        _add(session, vault, key, now, signs_at)
    return key


class KeyStore:
    """The keys as this process knows them."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self.ring = KeyRing()
        self._database = database
        self._vault = vault
        self._clock = clock
        self._looked_at = float("-inf")

    async def refresh(self) -> bool:
        """Look for keys made or retired elsewhere, at most once a second; tell whether it looked.

        A stream of tokens with unknown key ids therefore costs no more than one query a second.
        """
        now = self._clock.now()
        if now - self._looked_at < COOL_DOWN:
            return False
        self._looked_at = now
        self.ring = await load(self._database, self._vault, now)
        return True


async def _rows(session: AsyncSession, now: float) -> list[SigningKey]:
    is_good = or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > moment(now))
    newest_first = (SigningKey.signs_at.desc(), SigningKey.created_at.desc())
    found = await session.execute(select(SigningKey).where(is_good).order_by(*newest_first))
    return list(found.scalars())


def _add(session: AsyncSession, vault: Vault, key: Key, now: float, signs_at: float) -> None:
    session.add(
        SigningKey(
            kid=key.kid,
            algorithm=key.algorithm,
            private_pem=vault.seal(key.pem()),
            created_at=moment(now),
            signs_at=moment(signs_at),
        )
    )
