"""Turns: slow password hashes run here, off the event loop, one after another.

A slow hash keeps as many cores busy as it has lanes. More at once would be no faster, and while they
compete nothing else would run. How many wait is bounded, for the process and for each network, so
that nobody waits for long and one network cannot take all the places.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from watchword.errors import Unavailable
from watchword.throttling.ip_prefix import networks

T = TypeVar("T")

LANES = 4
"""Cores that one hash keeps busy at most: the parallelism of argon2-cffi's parameters (RFC 9106)."""
# At some 0.05 seconds for each, the last one waits for 20 seconds. One office may have 200 of the places.
MOST_WAITING = 400
MOST_OF_ONE_NETWORK = 200

_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // LANES), "argon2")
_waiting: Counter[str] = Counter()


async def in_turn(work: Callable[..., T], *arguments: object, address: str = "") -> T:
    """Return what a slow hash returns, when its turn has come. It is never called in a transaction.

    `address` is the network address that asks for it; empty for the operator's own commands. Raises
    `Unavailable` at once when too many wait already, of all or of its network.
    """
    network = networks(address)[-1].name
    if _waiting.total() >= MOST_WAITING or _waiting[network] >= MOST_OF_ONE_NETWORK:
        raise Unavailable("Too many sign in at this moment. Try again in a few seconds.")
    _waiting[network] += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
    finally:
        _waiting[network] -= 1
        if not _waiting[network]:
            del _waiting[network]
