"""How often somebody may try: counted in memory, or in Redis for all processes together."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
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
from graph.neighbourhood import neighbourhood

log = logging.getLogger("watchword.attempts")

# Seconds that Redis may take: whoever signs in waits for it.
ANSWER_SECONDS = 2.0
# Seconds for which it is not asked again after it could not be.
PAUSE_SECONDS = 5.0
# Seconds by which a window may end sooner than it is known to: Redis tells them whole.
MARGIN_SECONDS = 1.0
# Beside what redis-py calls its errors, which `limits` wraps.
FAILURES = (StorageError, RedisClusterException, OSError)


@dataclass(frozen=True, slots=True)
class Taken:
    """An attempt that was counted: where, under which name, and until when (Unix seconds)."""

    storage: Storage
    name: str
    seconds: int
    ends: float


class Attempts:
    """Counts attempts by key. `url` is the bus's: what it reaches counts together.

    A network address in a key stands for its neighbourhood.
    """

    def __init__(self, url: str) -> None:
        self._alone: Storage = MemoryStorage()
        self._shared = _storage(url) if bus_url.between_processes(url) else None
        self._away_until = 0.0

    async def count(self, limit: str, *key: str) -> Taken:
        """Count an attempt of whoever the key names, before it is known how it ends.

        `limit` is in the words of `limits`: "10 per 5 minutes". Raises `RateLimited` when there were
        too many. When Redis cannot be asked, this process counts by itself.
        """
        item = parse(limit)
        count, taken = await self._add(item, key)
        if count > item.amount:
            remains = max(1.0, taken.ends - time.time())
            raise RateLimited("Too many attempts. Try again later.", remains)
        return taken

    async def is_first(self, limit: str, *key: str) -> bool:
        """Tell whether this is asked for the first time in one of the limit's windows."""
        count, _ = await self._add(parse(limit), key)
        return count == 1

    async def forgive(self, taken: Taken) -> None:
        """Take an attempt back that was counted: it was no guess.

        Where its window is over it stays: what is taken from the next one would make room for a guess
        there.
        """
        is_over = taken.ends - time.time() <= MARGIN_SECONDS
        if is_over or (taken.storage is self._shared and self._is_away()):
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await taken.storage.incr(taken.name, taken.seconds, -1)
        except FAILURES as error:
            self._lose(error)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is None:
            return
        bridge: Any = self._shared.bridge
        sentinels = bridge.sentinel.sentinels if self._shared.MODE == "SENTINEL" else ()
        for client in (bridge.storage, *sentinels):
            await client.aclose()

    async def _add(self, item: RateLimitItem, key: tuple[str, ...]) -> tuple[int, Taken]:
        """Count one more; return how many there are in this window."""
        name, seconds = item.key_for(*map(neighbourhood, key)), item.get_expiry()
        if self._shared is not None and not self._is_away():
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await _add_to(self._shared, name, seconds)
            except FAILURES as error:
                self._lose(error)
        return await _add_to(self._alone, name, seconds)

    def _is_away(self) -> bool:
        return _loop_time() < self._away_until

    def _lose(self, error: Exception) -> None:
        self._away_until = _loop_time() + PAUSE_SECONDS
        cause = getattr(error, "storage_error", error)
        log.warning("Redis is away, attempts are counted here: %s", type(cause).__name__)


async def _add_to(storage: Storage, name: str, seconds: int) -> tuple[int, Taken]:
    count = await storage.incr(name, seconds)
    return count, Taken(storage, name, seconds, await storage.get_expiry(name))


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
