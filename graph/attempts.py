"""How often somebody may try: counted in memory, or in Redis for all processes together."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import (
    MemoryStorage,
    RedisClusterStorage,
    RedisSentinelStorage,
    RedisStorage,
    Storage,
)
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException

from graph import bus_url
from graph.errors import RateLimited

log = logging.getLogger("watchword.attempts")

# Seconds that Redis may take: whoever signs in waits for it.
ANSWER_SECONDS = 2.0
# Seconds for which it is not asked again after it could not be.
PAUSE_SECONDS = 5.0
# Beside what redis-py calls its errors, which `limits` wraps.
FAILURES = (StorageError, RedisClusterException, OSError)


class Attempts:
    """Counts attempts by key. `url` is the bus's: what it reaches counts together."""

    def __init__(self, url: str) -> None:
        self._alone: Storage = MemoryStorage()
        self._shared = _storage(url) if bus_url.between_processes(url) else None
        self._away_until = 0.0

    async def count(self, limit: str, *key: str) -> None:
        """Count an attempt of whoever the key names, before it is known how it ends.

        `limit` is in the words of `limits`: "10 per 5 minutes". Raises `RateLimited` when there were
        too many. When Redis cannot be asked, this process counts by itself.
        """
        item = parse(limit)
        count = await self._add(item, key, 1)
        if count > item.amount:
            raise RateLimited("Too many attempts. Try again later.", await self._remains(item, key))

    async def forgive(self, limit: str, *key: str) -> None:
        """Take an attempt back that was counted: it was no guess."""
        await self._add(parse(limit), key, -1)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is None:
            return
        bridge: Any = self._shared.bridge
        sentinels = bridge.sentinel.sentinels if self._shared.MODE == "SENTINEL" else ()
        for client in (bridge.storage, *sentinels):
            await client.aclose()

    async def _add(self, item: RateLimitItem, key: tuple[str, ...], amount: int) -> int:
        name, seconds = item.key_for(*key), item.get_expiry()
        if self._shared is not None and _loop_time() >= self._away_until:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._shared.incr(name, seconds, amount)
            except FAILURES as error:
                self._away_until = _loop_time() + PAUSE_SECONDS
                cause = getattr(error, "storage_error", error)
                log.warning("Redis is away, attempts are counted here: %s", type(cause).__name__)
        return await self._alone.incr(name, seconds, amount)

    async def _remains(self, item: RateLimitItem, key: tuple[str, ...]) -> float:
        """Return the seconds until a window ends."""
        name, remains = item.key_for(*key), 0.0
        for storage in (self._shared, self._alone):
            with suppress(*FAILURES):
                async with asyncio.timeout(ANSWER_SECONDS):
                    ends = await storage.get_expiry(name) if storage is not None else 0.0
                remains = max(remains, ends - time.time())
        return max(1.0, remains)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _storage(url: str) -> RedisStorage:
    kinds: dict[str, type[RedisStorage]] = {
        bus_url.SENTINEL: RedisSentinelStorage,
        bus_url.CLUSTER: RedisClusterStorage,
    }
    scheme, _, rest = url.partition("://")
    named = "redis+unix" if scheme == "unix" else scheme
    patience: dict[str, Any] = {
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    return kinds.get(scheme, RedisStorage)(
        f"async+{named}://{rest}", wrap_exceptions=True, implementation="redispy", **patience
    )
