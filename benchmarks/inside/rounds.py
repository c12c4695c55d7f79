"""Times several ways of doing the same work beside each other, in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Mapping

Run = Callable[[], Awaitable[object]]
# Rounds that do not count: the first compile operations and fill caches.
WARM_UP = 2


async def rounds(runs: Mapping[str, Run], burst: int, count: int) -> dict[str, list[float]]:
    """Return the processor seconds of one call of each, by round. A round begins with another of them each time."""
    names = [*runs]
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(count + WARM_UP):
        at = number % len(names)
        for name in names[at:] + names[:at]:
            seconds = await _burst(runs[name], burst)
            if number >= WARM_UP:
                taken[name].append(seconds)
    return taken


async def _burst(run: Run, times: int) -> float:
    gc.collect()
    gc.disable()
    began = time.process_time()
    for _ in range(times):
        await run()
    taken = time.process_time() - began
    gc.enable()
    return taken / times
