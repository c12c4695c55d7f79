"""Make the bus that a URL names: in memory, or over Redis.

redis-py is imported only if a URL names a Redis: that takes a tenth of a start.
"""

from __future__ import annotations

from collections.abc import Callable

from watchword.config import bus_url
from watchword.events.bus.bus import Bus
from watchword.events.bus.memory import MemoryBus
from watchword.process.background import Background


class Unreachable(Exception):
    """Redis does not answer. The message is the name of the error that shows it."""


def bus(url: str, namespace: Callable[[], str], background: Background) -> Bus:
    """Make the bus that a URL names."""
    if not bus_url.between_processes(url):
        return MemoryBus()
    from watchword.events.bus.connections import connector
    from watchword.events.bus.redis import RedisBus

    return RedisBus(connector(url), namespace, background)


async def reach(url: str) -> None:
    """Ping the Redis that a URL names. Raises `Unreachable`."""
    from watchword.events.bus.connections import ping
    from watchword.events.bus.redis import FAILURES

    try:
        await ping(url)
    except FAILURES as error:
        raise Unreachable(type(error).__name__) from error
