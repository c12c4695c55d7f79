"""Signing keys in the database: made once, rotated, dropped when their last token has ended."""

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

# Seconds between two looks into the database for a key that nobody here knows.
COOL_DOWN = 1.0
# Whoever makes the first key holds this lock meanwhile.
LOCK = 7_709_014


async def load(database: Database, now: float) -> KeyRing:
    """Return the keys that are good at `now` (Unix seconds), the newest first."""
    async with database.read() as session:
        rows = await _rows(session, now)
    return KeyRing(tuple(load_key(row.kid, row.algorithm, row.private_pem) for row in rows))


async def ensure(database: Database, settings: Settings, now: float) -> None:
    """Make the first key. Processes that start together end with one."""
    async with database.write() as session:
        await exclusive(session, LOCK)
        if not await _rows(session, now):
            _add(session, generate(settings.algorithm, settings.rsa_bits), now)


async def rotate(database: Database, settings: Settings, now: float) -> Key:
    """Sign with a new key from now on; the old ones verify until their last token has ended."""
    key = generate(settings.algorithm, settings.rsa_bits)
    last_token_ends = moment(now + settings.access_token_seconds + settings.leeway_seconds)
    async with database.write() as session:
        for row in await _rows(session, now):
            row.retires_at = row.retires_at or last_token_ends
        _add(session, key, now)
    return key


class KeyStore:
    """The keys as this process knows them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.ring = KeyRing()
        self._database = database
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
        self.ring = await load(self._database, now)
        return True


async def _rows(session: AsyncSession, now: float) -> list[SigningKey]:
    is_good = or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > moment(now))
    newest_first = (SigningKey.retires_at.is_(None).desc(), SigningKey.created_at.desc())
    found = await session.execute(select(SigningKey).where(is_good).order_by(*newest_first))
    return list(found.scalars())


def _add(session: AsyncSession, key: Key, now: float) -> None:
    session.add(
        SigningKey(
            kid=key.kid, algorithm=key.algorithm, private_pem=key.pem(), created_at=moment(now)
        )
    )
