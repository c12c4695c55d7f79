"""Connect to the Redis that a URL names: one server, one behind Sentinels, or a Redis Cluster."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

from watchword.config.bus_url import CLUSTER, PORT, SENTINEL, SENTINEL_PORT, hosts
from watchword.events.bus.redis import Connect

# Seconds for a connection, and for an answer. A server that hangs counts as unavailable.
CONNECT_SECONDS = ANSWER_SECONDS = 2.0


class _Once(Retry):
    """A retry policy that tries once.

    Even with zero retries, redis-py reconnects on its own, and then reads replies from the connection while
    the bus reads messages from it.
    """

    async def call_with_retry(self, do: Callable[[], Awaitable[Any]], *_: Any, **__: Any) -> Any:
        try:
            return await do()
        except RuntimeError as error:
            # uvloop's error for a connection that was closed between two commands. Its callers expect redis-py's.
            if "closed" not in str(error):
                raise
            raise ConnectionError(str(error)) from error


async def ping(url: str) -> None:
    """Ping the Redis that a URL names. Raises `OSError` or `RedisError`."""
    client = await connector(url)()
    try:
        await client.ping()
    finally:
        await client.aclose()


def connector(url: str) -> Connect:
    """Return what connects to the present master of the Redis that a URL names."""
    parts = urlsplit(url)
    match parts.scheme:
        case scheme if scheme == SENTINEL:
            return functools.partial(_of_sentinels, parts)
        case scheme if scheme == CLUSTER:
            return functools.partial(_of_cluster, parts)
    return functools.partial(_alone, url)


async def _alone(url: str) -> Redis:
    keepalive = {} if url.startswith("unix://") else {"socket_keepalive": True}
    return Redis.from_url(url, **keepalive, **_patience())


async def _of_sentinels(parts: SplitResult) -> Redis:
    # Without `sentinel_kwargs`, redis-py would ask a Sentinel that is away four times before it asks the next.
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        hosts(parts, SENTINEL_PORT), sentinel_kwargs=_patience(), **_patience()
    )
    try:
        host, port = await sentinel.discover_master(parts.path.strip("/"))
    finally:
        for asked in sentinel.sentinels:
            await asked.aclose()
    return await _alone(_node(parts, host, port))


async def _of_cluster(parts: SplitResult) -> Redis:
    """Return a client of the first node that answers. A cluster publishes through any of its nodes."""
    failure: Exception = RedisError("no node answers")
    for host, port in hosts(parts, PORT):
        client = await _alone(_node(parts, host, port))
        try:
            await client.ping()
        except (RedisError, OSError) as error:
            failure = error
            await client.aclose()
        else:
            return client
    raise failure


def _patience() -> dict[str, Any]:
    """Return the options for one attempt to connect. The bus makes the next, and asks for the master again."""
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": _Once(NoBackoff(), 0),
    }


def _node(parts: SplitResult, host: str, port: int) -> str:
    """Return the URL of one server, with the credentials and options of the given URL."""
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(("redis", f"{credentials}{at}{host}:{port}", "", parts.query, ""))
