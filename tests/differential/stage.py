"""The stage on which resolvers play: how each of them behaves, what they did, and an event loop that is deterministic.

A resolver that waits is released when the event loop has nothing else to do, one at a time, in an order that
depends only on the script. So the order in which concurrent resolvers end is the same however many steps of
the event loop an executor takes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32

from tests.differential import outcomes


@dataclass(frozen=True)
class Script:
    """How resolvers behave. The same script makes the same resolver do the same.

    Of 256 calls, `faults` fail and `slow` wait, on average. With `hasty`, a resolver that waits does not wait for
    the event loop to be idle, but for a few of its steps. Places that begin with `at` have the fault of this
    number.
    """

    seed: int = 0
    faults: int = 0
    slow: int = 0
    hasty: bool = False
    at: str = ""
    fault: int = 0

    def number(self, *place: object) -> int:
        """Return a number that depends on the seed and the place alone."""
        number = crc32(repr((self.seed, place)).encode()) * 0x9E3779B1 & 0xFFFFFFFF
        number = (number ^ number >> 15) * 0x85EBCA6B & 0xFFFFFFFF
        return number ^ number >> 13


class Later(Awaitable[Any]):
    """An awaitable that is no coroutine."""

    def __init__(self, work: Callable[[], Awaitable[Any]]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work().__await__()

    def __repr__(self) -> str:
        return "<later>"


@dataclass
class Stage:
    """The script that is played, and what has happened."""

    script: Script = field(default_factory=Script)
    effects: list[str] = field(default_factory=list)
    dice: Random = field(default_factory=Random)
    _waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    _arrivals: itertools.count[int] = field(default_factory=itertools.count)
    _idle: list[asyncio.Future[None]] = field(default_factory=list)

    def begin(self, script: Script) -> None:
        outcomes.forget()
        self.script, self.effects, self.dice = script, [], Random(script.seed)

    def note(self, *effect: object) -> None:
        self.effects.append(" ".join(map(str, effect)))

    def number(self, *place: object) -> int:
        return self.script.number(*place)

    def play(self, place: str, good: Any) -> Any:
        """Return what a resolver returns: `good`, a fault, or an awaitable of either."""
        self.note("resolve", place)
        number = self.number(place)
        if (number >> 8) & 255 >= self.script.slow:
            return self._outcome(place, number, good)
        how = (number >> 20) & 7
        if how == 0 and not self._fails(number):
            return self.future(good)
        if how == 1:
            return Later(lambda: self._later(place, number, good))
        if how < 4:
            return self.promise(place, number, good)
        return self._later(place, number, good)

    def item(self, place: str, good: Any) -> Any:
        """Return an item of a list: `good`, a value that does not fit, an error, or an awaitable of one."""
        number = self.number(place)
        if (number >> 8) & 255 < self.script.slow:
            return Later(lambda: self._later(place, number, good))
        try:
            return self._outcome(place, number, good)
        except Exception as error:
            return error

    async def play_async(self, place: str, good: Any) -> Any:
        """Play as an async resolver, which perhaps does not wait."""
        self.note("resolve", place)
        number = self.number(place)
        if (number >> 8) & 255 >= self.script.slow:
            return self._outcome(place, number, good)
        return await self._later(place, number, good)

    async def wait(self, place: str) -> None:
        """Wait until the event loop is idle and it is this place's turn."""
        self.note("wait", place)
        number = self.number(place, "wait")
        if self.script.hasty:
            for _ in range(number & 3):
                await asyncio.sleep(0)
            return
        await self._turn(number)

    def _turn(self, number: int) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, next(self._arrivals), future))
        return future

    def future(self, value: Any) -> asyncio.Future[Any]:
        """Return a future that is done already."""
        future = asyncio.get_running_loop().create_future()
        future.set_result(value)
        return future

    def promise(self, place: str, number: int, good: Any) -> asyncio.Future[Any]:
        """Return a future that will have the outcome, as a loader does."""
        made = asyncio.get_running_loop().create_future()

        def end(_: object = None) -> None:
            if made.done():
                return
            try:
                made.set_result(self._outcome(place, number, good))
            except StopIteration:
                # A future cannot have it, and an async function turns it into this.
                made.set_exception(RuntimeError("coroutine raised StopIteration"))
            except Exception as error:
                made.set_exception(error)

        self.note("wait", place)
        turn = self.number(place, "wait")
        if self.script.hasty:
            _after(turn & 3, end)
        else:
            self._turn(turn).add_done_callback(end)
        return made

    async def drained(self) -> None:
        """Wait until nothing runs and nothing waits."""
        future = asyncio.get_running_loop().create_future()
        self._idle.append(future)
        await future

    def release(self) -> bool:
        """Called when the event loop is idle. Release one that waits, and tell whether there was one."""
        while self._waiting or self._idle:
            future = heapq.heappop(self._waiting)[-1] if self._waiting else self._idle.pop()
            if not future.done():
                future.set_result(None)
                return True
        return False

    async def _later(self, place: str, number: int, good: Any) -> Any:
        await self.wait(place)
        return self._outcome(place, number, good)

    def _fails(self, number: int) -> bool:
        return number & 255 < self.script.faults

    def _outcome(self, place: str, number: int, good: Any) -> Any:
        if self.script.at and place.startswith(self.script.at):
            return outcomes.fault(self.script.fault, place)
        if not self._fails(number):
            return good
        return outcomes.fault(number >> 20, place)


def _after(turns: int, end: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(*((_after, turns - 1, end) if turns else (end,)))


stage = Stage()
"""The one stage. Tests run one operation after the other."""


class _Selector(selectors.DefaultSelector):
    """Tells the stage when the event loop would wait. asyncio passes 0 while it has something to do."""

    def select(self, timeout: float | None = None) -> Any:
        return super().select(0 if timeout != 0 and stage.release() else timeout)


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop that releases resolvers when it is idle."""
    return asyncio.SelectorEventLoop(_Selector())
