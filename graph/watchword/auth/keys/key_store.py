"""The signing keys in the memory of one process, which it refreshes from the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from watchword.auth.keys.signing_keys import (
    KEYS_ARE_FRESH,
    DatedKey,
    dated,
    newest_first,
    open_key,
    ring,
)
from watchword.auth.tables import SigningKey
from watchword.errors import Unsafe
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.storage.database import Database, undisturbed
from watchword.storage.vault import Vault
from watchword.tokens.keys import Key, KeyRing

log = logging.getLogger("watchword.tokens")

# Least seconds between two queries for a key id that this process does not know.
COOL_DOWN = 1.0


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
        self._queried_at = self._fresh_at = float("-inf")
        self._querying: asyncio.Task[None] | None = None

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
        """Whether a key can be deleted because its last token has expired."""
        now = self._clock.now()
        return any(each.retires_at is not None and each.retires_at <= now for each in self._keys)

    @property
    def last_query_failed(self) -> bool:
        """Whether the last query for keys failed."""
        return self._queried_at > self._fresh_at

    async def fresh(self) -> KeyRing:
        """Return the keys to sign with, queried within the last KEYS_ARE_FRESH seconds."""
        if self._clock.now() - self._fresh_at > KEYS_ARE_FRESH:
            await self._query_together()
        return self.ring

    async def refresh(self) -> bool:
        """Query for keys that other processes made or retired, at most once a second.

        Returns False if the last query is too recent. A flood of tokens with unknown key ids therefore
        costs one query a second. Concurrent callers share one query.
        """
        if self._querying is None and 0 <= self._clock.now() - self._queried_at < COOL_DOWN:
            return False
        await self._query_together()
        return True

    async def _query_together(self) -> None:
        if self._querying is None:
            self._queried_at = self._clock.now()
            query = self._query(self._queried_at)
            self._querying = self._background.spawn("query for signing keys", query)
        await undisturbed(self._querying)

    async def _query(self, now: float) -> None:
        try:
            async with self._database.read() as db:
                rows = await newest_first(db)
            known = {each.key.kid: each.key for each in self._keys}
            found = [(row, known.get(row.kid) or self._open_or_skip(row)) for row in rows]
            self._keys = [dated(row, key) for row, key in found if key is not None]
            self._fresh_at = now
        finally:
            self._querying = None

    def _open_or_skip(self, row: SigningKey) -> Key | None:
        """Open a key. On failure, log it and return None, or raise `Unsafe` if this process has no keys."""
        try:
            return open_key(row, self._vault)
        except Unsafe as error:
            if not self._keys:
                raise
            log.error("signing key %s is left out: %s", row.kid, error)
            return None
