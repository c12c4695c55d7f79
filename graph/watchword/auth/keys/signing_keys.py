"""Signing keys in the database: made, published, used, and deleted when their last token has expired.

A key is published as soon as it is made, signs from `signs_at` on, and verifies until `retires_at`. The
newest key that may sign does. Each process keeps these dates in memory and follows them without a query.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.audit.audit import Action, record
from watchword.auth.tables import SigningKey
from watchword.config.auth_settings import LONGEST_LEEWAY_SECONDS, LONGEST_TOKEN_SECONDS
from watchword.config.settings import PREFIX, Settings
from watchword.errors import Unsafe
from watchword.principal import SERVER, Actor
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.storage.columns import moment
from watchword.storage.database import Database, exclusive, undisturbed
from watchword.storage.vault import Vault, make_key
from watchword.tokens.keys import Key, KeyRing, generate
from watchword.tokens.keys import load as load_key
from watchword.transaction import Transaction

log = logging.getLogger("watchword.tokens")

# Least seconds between two queries for a key id that this process does not know.
COOL_DOWN = 1.0
# A process that has not checked for new keys for this many seconds must not sign.
KEYS_ARE_FRESH = 30.0
# Seconds for which a key still verifies after its successor signs. Uses the longest values that settings
# allow: the servers' settings may differ from those of the process that rotates, and may have changed since
# the last token was signed.
LAST_TOKEN = KEYS_ARE_FRESH + LONGEST_TOKEN_SECONDS + LONGEST_LEEWAY_SECONDS
# Seconds until a key signs after `rotate(at_once=True)`. Longer than COOL_DOWN and the difference of clocks:
# a process that receives the first token either knows the key, or made its last query before the key existed
# and may query again.
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
    return ring((_dated(row, _open(row, vault)) for row in rows), now)


async def ensure(database: Database, vault: Vault, settings: Settings, now: float) -> None:
    """Make the first key, and seal keys that are in the clear. Concurrent processes make only one key.

    Raises `Unsafe`, and changes nothing, when a sealed key cannot be opened. The caller must own the home
    directory: if nothing is sealed yet and there is no encryption key, one is made there.
    """
    async with database.write() as db:
        await exclusive(db, LOCK)
        rows = await _drop_retired(db, await newest_first(db), now)
        # Seal them only if all are in the clear: one among sealed ones was not put there by us.
        if all(row.private_pem.startswith(_IN_THE_CLEAR) for row in rows):
            make_key(settings)
            _seal(Transaction(db, now), rows, vault)
        for row in rows:
            _open(row, vault)
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
    our own processes can know it, instead of keys that are published but do not sign yet; other services
    that have cached our key set may refuse its tokens for a while. Raises `Unsafe`, and changes nothing,
    when the vault cannot open the existing keys.
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


class KeyStore:
    """The signing keys that this process has in memory."""

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, background: Background
    ) -> None:
        self._background = background
        self._database = database
        self._vault = vault
        self._clock = clock
        self._keys: Sequence[DatedKey] = ()
        self._looked_at = self._fresh_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    @property
    def ring(self) -> KeyRing:
        """The keys that are valid now, the signing key first."""
        return ring(self._keys, self._clock.now())

    @property
    def newest(self) -> float:
        """When the newest key was made (Unix seconds); infinity if there is none."""
        return self._keys[0].created_at if self._keys else float("inf")

    @property
    def has_retired(self) -> bool:
        """Whether there is a key whose last token has expired."""
        now = self._clock.now()
        return any(each.retires_at is not None and each.retires_at <= now for each in self._keys)

    @property
    def is_blind(self) -> bool:
        """Whether the last query for keys failed."""
        return self._looked_at > self._fresh_at

    async def fresh(self) -> KeyRing:
        """Return keys to sign with that were checked within the last KEYS_ARE_FRESH seconds."""
        if self._clock.now() - self._fresh_at > KEYS_ARE_FRESH:
            await self._look_together()
        return self.ring

    async def refresh(self) -> bool:
        """Query for keys that other processes made or retired, at most once a second.

        Returns False if the last query is too recent. A flood of tokens with unknown key ids therefore
        costs one query a second. Concurrent callers share one query.
        """
        if self._looking is None and 0 <= self._clock.now() - self._looked_at < COOL_DOWN:
            return False
        await self._look_together()
        return True

    async def _look_together(self) -> None:
        if self._looking is None:
            self._looked_at = self._clock.now()
            look = self._look(self._looked_at)
            self._looking = self._background.spawn("look for signing keys", look)
        await undisturbed(self._looking)

    async def _look(self, now: float) -> None:
        try:
            async with self._database.read() as db:
                rows = await newest_first(db)
            known = {each.key.kid: each.key for each in self._keys}
            found = [(row, known.get(row.kid) or self._try(row)) for row in rows]
            self._keys = [_dated(row, key) for row, key in found if key is not None]
            self._fresh_at = now
        finally:
            self._looking = None

    def _try(self, row: SigningKey) -> Key | None:
        """Open a key. If it cannot be opened, log that, and go on with the keys that are known, if any are."""
        try:
            return _open(row, self._vault)
        except Unsafe as error:
            if not self._keys:
                raise
            log.error("signing key %s is left out: %s", row.kid, error)
            return None


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
    # A process with another vault than the servers must not change their keys.
    for row in rows:
        _open(row, vault)
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
        # Sealed with the encryption key of the newest: servers may not know our first encryption key yet.
        private_pem=vault.seal(key.pem(), like=rows[0].private_pem if rows else None),
        created_at=_after(rows, moment(unit.now)),
        signs_at=moment(signs_at),
    )
    unit.db.add(row)
    signs = row.signs_at.isoformat(timespec="seconds")
    record(unit, Action.KEY_ADDED, kid=key.kid, algorithm=key.algorithm, signs_at=signs)
    return _dated(row, key)


def _after(rows: Sequence[SigningKey], now: datetime) -> datetime:
    # Keys are ordered by this time, so it must be later than the last one even if the clock is behind.
    return max(now, rows[0].created_at + timedelta(microseconds=1)) if rows else now


def _open(row: SigningKey, vault: Vault) -> Key:
    pem = vault.open(row.private_pem)
    try:
        return load_key(row.kid, row.algorithm, pem)
    except ValueError:
        raise Unsafe(
            f"The signing key {row.kid} in the database is damaged: bring back a copy of the"
            " database, or delete its row."
        ) from None


def _dated(row: SigningKey, key: Key) -> DatedKey:
    retires_at = None if row.retires_at is None else row.retires_at.timestamp()
    return DatedKey(key, row.created_at.timestamp(), row.signs_at.timestamp(), retires_at)
