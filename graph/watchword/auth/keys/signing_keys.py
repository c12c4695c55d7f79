"""Signing keys in the database: made, published, used, and deleted when their last token has expired.

A key is published as soon as it is made, may sign from `signs_at` on, and verifies until `retires_at`. Of
the keys that may sign, the newest one signs. Each process keeps these dates in memory and follows them
without a query.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.audit.audit import Action, record
from watchword.auth.tables import SigningKey
from watchword.config.auth_settings import LONGEST_LEEWAY_SECONDS, LONGEST_TOKEN_SECONDS
from watchword.config.settings import PREFIX, Settings
from watchword.errors import Unsafe
from watchword.principal import SERVER, Actor
from watchword.storage.columns import moment
from watchword.storage.database import Database, exclusive
from watchword.storage.vault import Vault, make_key
from watchword.tokens.keys import Key, KeyRing, generate
from watchword.tokens.keys import load as load_key
from watchword.transaction import Transaction

log = logging.getLogger("watchword.tokens")

# A process that has not checked for new keys for this many seconds must not sign.
KEYS_ARE_FRESH = 30.0
# Seconds for which a key still verifies after its successor begins to sign. Computed from the longest values
# that settings allow: the servers' settings may differ from those of the process that rotates, and may have
# changed since the last token was signed.
LAST_TOKEN = KEYS_ARE_FRESH + LONGEST_TOKEN_SECONDS + LONGEST_LEEWAY_SECONDS
# Seconds until a key signs after `rotate(at_once=True)`. Longer than the cool-down of `KeyStore` and the
# difference between clocks, so that a process that receives the key's first token knows the key or may query
# for it: its last query was before the key existed.
AT_ONCE = 10.0
# The advisory lock that is held while keys are made or deleted.
LOCK = 7_709_014

_IN_THE_CLEAR = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A key, and the times at which its use changes (Unix seconds)."""

    key: Key
    created_at: float
    signs_at: float
    retires_at: float | None


class KeyState(Enum):
    """The use of a signing key."""

    PUBLISHED = "it is published, and does not sign yet"
    SIGNS = "it signs new tokens"
    VERIFIES = "tokens that it has signed are still valid"
    OVER = "its last token has expired"


def state_of(row: SigningKey, newer: Sequence[SigningKey], now: datetime) -> KeyState:
    """Return the state of a key; `newer` are the keys that are newer than it."""
    if row.retires_at is not None and row.retires_at <= now:
        return KeyState.OVER
    if all(other.signs_at > max(row.signs_at, now) for other in newer):
        return KeyState.SIGNS if row.signs_at <= now else KeyState.PUBLISHED
    return KeyState.VERIFIES


def ring(keys: Iterable[DatedKey], now: float) -> KeyRing:
    """Return the keys that are valid at `now`, the signing key first. `keys` must be newest first."""
    good = [each for each in keys if each.retires_at is None or each.retires_at > now]
    good.sort(key=lambda each: each.signs_at > now)
    return KeyRing(tuple(each.key for each in good))


async def load(database: Database, vault: Vault, now: float) -> KeyRing:
    """Load the keys that are valid at `now` (Unix seconds), the signing key first.

    Raises `Unsafe` when one of them cannot be opened.
    """
    async with database.read() as db:
        rows = await newest_first(db)
    return ring((dated(row, open_key(row, vault)) for row in rows), now)


async def ensure(database: Database, vault: Vault, settings: Settings, now: float) -> None:
    """Make the first key, and seal keys that are in the clear. Concurrent processes make only one key.

    Raises `Unsafe`, and changes nothing, when a sealed key cannot be opened. The caller must own the home
    directory: if nothing is sealed yet and there is no encryption key, one is made there.
    """
    async with database.write() as db:
        await exclusive(db, LOCK)
        rows = await _drop_retired(db, await newest_first(db), now)
        # Seal keys only if all are in the clear: we never put a clear one among sealed ones.
        if all(row.private_pem.startswith(_IN_THE_CLEAR) for row in rows):
            make_key(settings)
            _seal(Transaction(db, now), rows, vault)
        for row in rows:
            open_key(row, vault)
        if not rows:
            key = generate(settings.algorithm, settings.rsa_bits)
            _add(Transaction(db, now), vault, key, rows, signs_at=now)
        elif rows[0].algorithm != settings.algorithm:
            log.warning(
                "%sALGORITHM is %s, and the newest signing key is for %s: run `watchword keys rotate`.",
                PREFIX,
                settings.algorithm,
                rows[0].algorithm,
            )


async def rotate(
    database: Database,
    vault: Vault,
    settings: Settings,
    now: float,
    *,
    at_once: bool = False,
    actor: Actor = SERVER,
) -> DatedKey:
    """Publish a new key, which signs once `key_publish_seconds` have passed, so that caches know it.

    The old keys verify until their last token has expired. With `at_once` the new key signs as soon as all
    our own processes can know it, and replaces keys that are published but do not sign yet. Other services
    that have cached our key set may then refuse its tokens for a while. Raises `Unsafe`, and changes
    nothing, when the vault cannot open the existing keys.
    """
    key = await asyncio.to_thread(generate, settings.algorithm, settings.rsa_bits)
    async with database.write() as db:
        await exclusive(db, LOCK)
        rows = await newest_first(db)
        publish = 0 if at_once else settings.key_publish_seconds
        return _succeed(Transaction(db, now, actor), vault, key, rows, publish)


async def rotate_when_due(
    database: Database, vault: Vault, settings: Settings, now: float
) -> DatedKey | None:
    """Publish a new key if the newest one is too old. Concurrent processes make only one.

    Raises `Unsafe` as `rotate` does.
    """
    key = await asyncio.to_thread(generate, settings.algorithm, settings.rsa_bits)
    async with database.write() as db:
        await exclusive(db, LOCK)
        rows = await newest_first(db)
        # Check again under the lock: another process may have rotated first.
        if not rows or not is_due(rows[0].created_at.timestamp(), settings, now):
            return None
        publish = settings.key_publish_seconds
        return _succeed(Transaction(db, now), vault, key, rows, publish)


async def drop_retired(database: Database, now: float) -> None:
    """Delete the keys whose last token has expired at `now` (Unix seconds)."""
    async with database.write() as db:
        await exclusive(db, LOCK)
        await _drop_retired(db, await newest_first(db), now)


def is_due(newest: float, settings: Settings, now: float) -> bool:
    """Tell whether a key that was made at `newest` (Unix seconds) must be rotated."""
    return 0 < settings.key_rotation_seconds <= now - newest


async def newest_first(db: AsyncSession) -> list[SigningKey]:
    """Return all keys in the database, the newest first."""
    found = await db.execute(select(SigningKey).order_by(SigningKey.created_at.desc()))
    return list(found.scalars())


async def _drop_retired(
    db: AsyncSession, rows: Sequence[SigningKey], now: float
) -> list[SigningKey]:
    kept = [row for row in rows if row.retires_at is None or row.retires_at > moment(now)]
    for row in rows:
        if row not in kept:
            await db.delete(row)
    return kept


def _seal(unit: Transaction, rows: Sequence[SigningKey], vault: Vault) -> None:
    if rows:
        record(unit, Action.KEYS_RESEALED, count=str(len(rows)))
    for row in rows:
        row.private_pem = vault.seal(row.private_pem)
        log.warning(
            "signing key %s was in the clear and is sealed now. Copies of the database still have it:"
            " run `watchword keys rotate`.",
            row.kid,
        )


def _succeed(
    unit: Transaction, vault: Vault, key: Key, rows: Sequence[SigningKey], publish: float
) -> DatedKey:
    """Add a key that succeeds the existing ones, and set when those retire."""
    # Open them first: if this process has another vault than the servers, it must not change their keys.
    for row in rows:
        open_key(row, vault)
    signs_at = unit.now + max(publish, AT_ONCE) if rows else unit.now
    for row in rows:
        row.retires_at = row.retires_at or moment(signs_at + LAST_TOKEN)
    return _add(unit, vault, key, rows, signs_at)


def _add(
    unit: Transaction, vault: Vault, key: Key, rows: Sequence[SigningKey], signs_at: float
) -> DatedKey:
    row = SigningKey(
        kid=key.kid,
        algorithm=key.algorithm,
        # Seal it as the newest key is sealed: the servers may not have our first encryption key yet.
        private_pem=vault.seal(key.pem(), like=rows[0].private_pem if rows else None),
        created_at=_after(rows, moment(unit.now)),
        signs_at=moment(signs_at),
    )
    unit.db.add(row)
    signs = row.signs_at.isoformat(timespec="seconds")
    record(unit, Action.KEY_ADDED, kid=key.kid, algorithm=key.algorithm, signs_at=signs)
    return dated(row, key)


def _after(rows: Sequence[SigningKey], now: datetime) -> datetime:
    # Keys are ordered by this time, so it must be later than the last one even if the clock is behind.
    return max(now, rows[0].created_at + timedelta(microseconds=1)) if rows else now


def open_key(row: SigningKey, vault: Vault) -> Key:
    """Unseal a key. Raises `Unsafe` when the vault cannot open it, or it is damaged."""
    pem = vault.open(row.private_pem)
    try:
        return load_key(row.kid, row.algorithm, pem)
    except ValueError:
        raise Unsafe(
            f"The signing key {row.kid} in the database is damaged: bring back a copy of the"
            " database, or delete its row."
        ) from None


def dated(row: SigningKey, key: Key) -> DatedKey:
    """Return a key with the dates of its row."""
    retires_at = None if row.retires_at is None else row.retires_at.timestamp()
    return DatedKey(key, row.created_at.timestamp(), row.signs_at.timestamp(), retires_at)
