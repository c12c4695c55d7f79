"""What `Domain.context` opens for one operation or event, such as a database session, is closed when that is over."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import Any, TypeVar

from watchword.process.clock import Clock
from watchword.process.deadline import limited, within

T = TypeVar("T")

log = logging.getLogger("watchword.context")

_YIELDS_ONCE = "Domain.context must yield once."


class ExtrasScope:
    """Ends the generator that made a context's extras, once no work of the context can use them any more.

    Work that took too long is cancelled and not waited for, so it may still use a session when its answer is made:
    then the last work closes.
    """

    __slots__ = ("_clock", "_generator", "_is_cut", "_is_over", "_seconds", "_works")

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Closing may take so many seconds; it is cancelled then."""
        self._clock = clock
        self._seconds = seconds
        self._generator: AsyncGenerator[Any, None] | Generator[Any, None, None] | None = None
        self._works = 0
        self._is_over = False
        # Whether the operation ended without an answer.
        self._is_cut = False

    def enter(self, made: Any) -> Any:
        """Return the extras: what the hook returned, or what the generator that it returned yields.

        Raises `RuntimeError` for a generator after the end, when nothing would close what it opens.
        """
        if not isinstance(made, AsyncGeneratorType | GeneratorType):
            return made
        if self._is_over and not self._works:
            raise RuntimeError("this operation is over, and so is what Domain.context opens for it")
        extras = _first(made)
        self._generator = made
        return extras

    async def using(self, work: Awaitable[T]) -> T:
        """Await work that may use the extras."""
        self._works += 1
        return await self._counted(work)

    def settling(self, works: list[Awaitable[Any]]) -> Awaitable[Any]:
        """Return what settles work that no answer waits for, because a part beside it failed. The extras are closed after
        it; if it takes longer than closing may, it is cancelled. Must be awaited."""
        self._works += 1
        settled = asyncio.gather(*works, return_exceptions=True)
        return self._counted(limited(self._clock, self._seconds, settled))

    async def _counted(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except BaseException:
            self._is_cut = True
            raise
        finally:
            self._works -= 1
            if self._is_over:
                await self._close()

    async def end(self) -> None:
        """Close what is open, or let work that has not ended do so. Call it in a `finally`: an error that is raised there
        means that there is no answer."""
        self._is_over = True
        self._is_cut = self._is_cut or sys.exc_info()[0] is not None
        await self._close()

    async def _close(self) -> None:
        if self._works or self._generator is None:
            return
        generator, self._generator = self._generator, None
        try:
            # A client that leaves just now must not cut this off.
            ending = _finish(generator, self._is_cut)
            await within(self._clock, self._seconds, ending, whole=True)
        except Exception:
            log.exception("what Domain.context opened could not be closed")


def using(scope: ExtrasScope | None, work: Awaitable[T]) -> Awaitable[T]:
    """Return work that may use the extras of a scope, if there is one."""
    return work if scope is None else scope.using(work)


def _first(generator: Any) -> Any:
    if isinstance(generator, GeneratorType):
        for extras in generator:
            return extras
        raise TypeError(_YIELDS_ONCE)
    step = generator.__anext__()
    try:
        step.send(None)
    except StopIteration as given:
        return given.value
    except StopAsyncIteration:
        raise TypeError(_YIELDS_ONCE) from None
    waits = TypeError(
        "Domain.context waits before its yield. It is called in the midst of a resolver, and may wait only after"
        " the yield: await the rest in a resolver, or in on_operation of an extension, which sets it on the context."
    )
    # Raised where it waits, so that the log shows the line.
    step.throw(waits)
    raise waits


async def _finish(generator: Any, is_cut: bool) -> None:
    """Run a generator to its end; if there is no answer, only what it has to clean up."""
    is_async = isinstance(generator, AsyncGeneratorType)
    if not is_cut:
        try:
            await generator.__anext__() if is_async else next(generator)
        except (StopAsyncIteration, StopIteration):
            return
    await generator.aclose() if is_async else generator.close()
    if not is_cut:
        raise TypeError(_YIELDS_ONCE)
