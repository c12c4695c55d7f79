"""Counts attempts against limits, in memory, or in Redis for all processes together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage

from watchword.config import bus_url
from watchword.errors import RateLimited
from watchword.throttling.ip_prefix import networks

log = logging.getLogger("watchword.attempts")

# Seconds that Redis may take to answer; a sign-in may have to wait for this long.
ANSWER_SECONDS = 2.0
# Seconds for which Redis is not used after a failure.
PAUSE_SECONDS = 5.0
# A window may end up to this many seconds earlier than reported, because Redis reports whole seconds.
MARGIN_SECONDS = 1.0
# How many attempts with one key may wait until earlier ones are decided.
MOST_WAITING = 200


@dataclass(frozen=True, slots=True)
class Count:
    """One increment of one counter: its storage, its name, its window, and when that ends (Unix seconds)."""

    storage: Storage
    name: str
    seconds: int
    ends: float


CountedAttempt = Sequence[Count]
"""An attempt that was counted: one increment for each network that its address is in."""


class Exceeded(RateLimited):
    """The limit of `key` is used up. An address in the key is replaced by the network that is limited.

    `name` is the name of the counter. The attempt can be made once `excess` earlier ones are taken back.
    """

    def __init__(self, key: tuple[str, ...], counted: Count, excess: int) -> None:
        remains = max(1.0, counted.ends - time.time())
        super().__init__("Too many attempts. Try again later.", remains)
        self.key = key
        self.name = counted.name
        self.excess = excess


class Undecided:
    """The undecided attempts of this process (counted, with no result yet), and attempts waiting for them."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def add(self, taken: CountedAttempt) -> None:
        """Add an attempt that was counted."""
        self._open.update(counted.name for counted in taken)

    def remove(self, taken: CountedAttempt, *, makes_room: bool) -> None:
        """Remove an attempt that was decided.

        If it was taken back (`makes_room`), one waiting attempt is counted again. If no undecided
        attempt is left, all waiting ones are counted again, because nothing else would wake them.
        """
        for name in (counted.name for counted in taken):
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]
                self._wake(name, MOST_WAITING)
            elif makes_room:
                self._wake(name, 1)

    def decision(self, name: str, excess: int) -> asyncio.Future[None] | None:
        """Return a future that is done when the attempt may be counted again.

        None if there would be no room even without the undecided attempts, or if too many wait already.
        """
        waiting = self._waiting.setdefault(name, deque()) if self._open[name] >= excess else None
        if waiting is None or len(waiting) >= MOST_WAITING:
            return None
        waiting.append(asyncio.get_running_loop().create_future())
        return waiting[-1]

    def _wake(self, name: str, most: int) -> None:
        waiting = self._waiting.get(name, deque())
        while waiting and most:
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
                most -= 1
        if not waiting:
            self._waiting.pop(name, None)


class Attempts:
    """Counts attempts by key, together with all processes on the bus at `url`.

    A network address in a key is counted in each of its `networks`.
    """

    def __init__(self, url: str) -> None:
        self._alone: Storage = MemoryStorage()
        self._shared: RedisStorage | None = None
        self._failures: tuple[type[Exception], ...] = ()
        if bus_url.between_processes(url):
            # redis-py is imported only if a URL names a Redis: that takes a tenth of a start.
            from watchword.throttling import shared_storage

            self._shared = shared_storage.storage(url, ANSWER_SECONDS)
            self._failures = shared_storage.FAILURES
        self._away_until = 0.0
        self._undecided = Undecided()
        # Held while counting and taking back. Otherwise an attempt could be refused because of another one
        # that was refused too, and is counted until it is taken back.
        self._lock = asyncio.Lock()

    async def begin(self, limit: str, *key: str) -> CountedAttempt:
        """Count an attempt as `count` does; `decide` must be called when its result is known.

        If undecided attempts of this process have used up the limit, wait for their results instead of
        refusing: a whole office may be signing in with the right passwords. Raises `Exceeded`.
        """
        while True:
            async with self._lock:
                try:
                    taken = await self.count(limit, *key)
                except Exceeded as error:
                    decision = self._undecided.decision(error.name, error.excess)
                    if decision is None:
                        raise
                else:
                    self._undecided.add(taken)
                    return taken
            await decision

    async def decide(self, taken: CountedAttempt, *, is_guess: bool) -> None:
        """End an attempt of `begin`. It is taken back if it was no guess."""
        try:
            if not is_guess:
                async with self._lock:
                    await self.forgive(taken)
        finally:
            self._undecided.remove(taken, makes_room=not is_guess)

    async def count(self, limit: str, *key: str) -> CountedAttempt:
        """Count an attempt with this key, before its result is known.

        `limit` is in the notation of `limits`: "10 per 5 minutes". Raises `Exceeded` when there were too
        many. While Redis is away, this process counts on its own.
        """
        item = parse(limit)
        taken: list[Count] = []
        for place, times in _networks(key):
            number, counted = await self._add(item, place)
            taken.append(counted)
            if number > item.amount * times:
                # A refused attempt is no guess, so it must not use up any limit.
                await self.forgive(taken)
                raise Exceeded(place, counted, number - item.amount * times)
        return taken

    @property
    def is_shared(self) -> bool:
        """Whether several processes count together."""
        return self._shared is not None

    async def add(self, amount: int, seconds: int, *key: str) -> int | None:
        """Add to the counter of a key that all processes share, and return its sum.

        The counter is deleted so many seconds after it began. None if nothing was added: no processes count together,
        or Redis is away.
        """
        if self._shared is None or self._is_away():
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._shared.incr("/".join(key), seconds, amount)
        except self._failures as error:
            self._lose(error)
            return None

    async def is_first(self, limit: str, *key: str) -> bool:
        """Tell whether this is the first call with the key in the current window of the limit."""
        number, _ = await self._add(parse(limit), key)
        return number == 1

    async def forgive(self, taken: CountedAttempt) -> None:
        """Take back an attempt that was no guess.

        Does nothing once the window is over: the decrement would count against the next window and
        allow one guess more there.
        """
        for counted in taken:
            await self._take_back(counted)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is None:
            return
        bridge: Any = self._shared.bridge
        sentinels = bridge.sentinel.sentinels if self._shared.MODE == "SENTINEL" else ()
        for client in (bridge.storage, *sentinels):
            await client.aclose()

    async def _take_back(self, counted: Count) -> None:
        is_over = counted.ends - time.time() <= MARGIN_SECONDS
        if is_over or (counted.storage is self._shared and self._is_away()):
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await counted.storage.incr(counted.name, counted.seconds, -1)
        except self._failures as error:
            self._lose(error)

    async def _add(self, item: RateLimitItem, key: tuple[str, ...]) -> tuple[int, Count]:
        """Increment a counter. Returns its value in this window, and the increment."""
        name, seconds = item.key_for(*key), item.get_expiry()
        if self._shared is not None and not self._is_away():
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await _add_to(self._shared, name, seconds)
            except self._failures as error:
                self._lose(error)
        return await _add_to(self._alone, name, seconds)

    def _is_away(self) -> bool:
        return _loop_time() < self._away_until

    def _lose(self, error: Exception) -> None:
        self._away_until = _loop_time() + PAUSE_SECONDS
        cause = getattr(error, "storage_error", error)
        log.warning(
            "Redis cannot be reached, so attempts are counted in this process: %s",
            type(cause).__name__,
        )


async def _add_to(storage: Storage, name: str, seconds: int) -> tuple[int, Count]:
    number = await storage.incr(name, seconds)
    return number, Count(storage, name, seconds, await storage.get_expiry(name))


def _networks(key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the key with each network of its address in turn, and the factor for that network's limit."""
    parts = [networks(part) for part in key]
    for level in range(max(map(len, parts))):
        found = [part[min(level, len(part) - 1)] for part in parts]
        yield tuple(each.name for each in found), max(each.times for each in found)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
