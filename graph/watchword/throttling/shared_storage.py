"""The counters of attempts in Redis, which all processes share."""

from __future__ import annotations

from typing import Any

from limits.aio.storage import RedisClusterStorage, RedisSentinelStorage, RedisStorage
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException

from watchword.config import bus_url

# `limits` wraps redis-py's own errors in StorageError, but not these others.
FAILURES = (StorageError, RedisClusterException, OSError)


def storage(url: str, answer_seconds: float) -> RedisStorage:
    """Return the counters in the Redis that a URL names, which must answer within so many seconds."""
    kinds: dict[str, type[RedisStorage]] = {
        bus_url.SENTINEL: RedisSentinelStorage,
        bus_url.CLUSTER: RedisClusterStorage,
    }
    scheme, _, rest = url.partition("://")
    named = "redis+unix" if scheme == "unix" else scheme
    patience: dict[str, Any] = {
        "socket_connect_timeout": answer_seconds,
        "socket_timeout": answer_seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    return kinds.get(scheme, RedisStorage)(
        f"async+{named}://{rest}", wrap_exceptions=True, implementation="redispy", **patience
    )
