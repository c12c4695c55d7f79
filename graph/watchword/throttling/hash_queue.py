"""The queue of slow password hashes, which run in threads, off the event loop.

A slow hash keeps as many cores busy as it has lanes. Running more hashes than the cores allow would be no
faster, and would starve everything else. The length of the queue is limited, for the process and for each
network, so that no caller waits for long and one network cannot take all the places.
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
"""Most cores that one hash keeps busy: the parallelism of argon2-cffi's parameters (RFC 9106)."""
# A hash takes about 0.05 seconds, so the last in the queue waits for 20 seconds. A whole office behind one
# address can have 200 of the places.
MOST_WAITING = 400
MOST_OF_ONE_NETWORK = 200

_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // LANES), "argon2")
_waiting: Counter[str] = Counter()


async def run_queued(work: Callable[..., T], *arguments: object, address: str = "") -> T:
    """Queue a slow hash, and return its result. Must not be called in a transaction.

    `address` is the client's network address; empty for the operator's own commands. Raises `Unavailable`
    at once when too many are queued, in all or from that network.
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
