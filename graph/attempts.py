"""How often somebody may try: counted in memory, or in Redis for all processes together."""

from __future__ import annotations

import logging
import time

from limits import RateLimitItem, parse
from limits.aio.storage import (
    MemoryStorage,
    RedisClusterStorage,
    RedisSentinelStorage,
    RedisStorage,
    Storage,
)
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from graph import bus_url
from graph.errors import RateLimited

log = logging.getLogger("watchword.attempts")


class Attempts:
    """Counts attempts by key. `url` is the bus's: what it reaches counts together."""

    def __init__(self, url: str) -> None:
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        shared = bus_url.between_processes(url)
        self._shared = FixedWindowRateLimiter(_storage(url)) if shared else None

    async def count(self, limit: str, *key: str) -> None:
        """Count an attempt of whoever the key names.

        `limit` is in the words of `limits`: "10 per 5 minutes". Raises `RateLimited` when there were
        too many. When Redis cannot be asked, this process counts by itself.
        """
        item = parse(limit)
        if self._shared is None:
            return await _count(self._alone, item, key)
        try:
            await _count(self._shared, item, key)
        except StorageError as error:
            log.warning("attempts are counted here alone: %s", type(error.storage_error).__name__)
            await _count(self._alone, item, key)


async def _count(
    limiter: FixedWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]
) -> None:
    if not await limiter.hit(item, *key):
        window = await limiter.get_window_stats(item, *key)
        after = max(1.0, window.reset_time - time.time())
        raise RateLimited("Too many attempts. Try again later.", after)


def _storage(url: str) -> Storage:
    kinds = {bus_url.SENTINEL: RedisSentinelStorage, bus_url.CLUSTER: RedisClusterStorage}
    scheme, _, rest = url.partition("://")
    kind = kinds.get(scheme, RedisStorage)
    scheme = "redis+unix" if scheme == "unix" else scheme
    storage: Storage = kind(
        f"async+{scheme}://{rest}", wrap_exceptions=True, implementation="redispy"
    )
    return storage
