"""What `Domain.context` makes for one operation or event, such as a database session: it is awaited before the operation
is executed, if it has to be, and what it opens is closed when that is over."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from inspect import isawaitable, iscoroutine
from types import AsyncGeneratorType, GeneratorType
from typing import Any, TypeVar

from watchword.libraries.contextlib_parts import generator_of
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

    __slots__ = (
        *("_clock", "_error", "_extras", "_generator", "_is_awaited", "_is_cut", "_is_over"),
        *("_make", "_seconds", "_then", "_works", "is_to_open"),
    )

    def __init__(
        self, clock: Clock, seconds: float, make: Callable[[], Any], is_awaited: bool
    ) -> None:
        """Closing may take so many seconds; it is cancelled then. `make` calls the hook, which must be awaited or not."""
        self._make = make
        self._is_awaited = self.is_to_open = is_awaited
        self._extras: Any = None
        self._error: Exception | None = None
        self._then: list[Callable[[], None]] = []
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
        made = generator_of(made)
        if not isinstance(made, AsyncGeneratorType | GeneratorType):
            if iscoroutine(made):
                made.close()
                raise TypeError("Domain.context returned a coroutine: write it as async def.")
            return made
        if self._is_over and not self._works:
            raise RuntimeError("this operation is over, and so is what Domain.context opens for it")
        extras = _first(made)
        self._generator = made
        return extras

    def read(self) -> Any:
        """Return the extras. Raises the error of the hook."""
        if not self._is_awaited:
            return self.enter(self._make())
        if self._error is not None:
            raise self._error
        if self.is_to_open:
            raise RuntimeError("Domain.context is awaited before it is read, and was not yet")
        return self._extras

    def when_open(self, then: Callable[[], None]) -> None:
        """Call a function once the extras can be read: at once, if nothing is awaited."""
        if not self.is_to_open:
            then()
        else:
            self._then.append(then)

    async def open(self) -> None:
        """Await the hook, once. Its error is raised where the extras are read, as that of any other hook."""
        if not self.is_to_open:
            return
        try:
            self._extras = await self._made(generator_of(self._make()))
        except Exception as error:
            self._error = error
        finally:
            self.is_to_open = False
        then, self._then = self._then, []
        for call in then if self._error is None else ():
            call()

    async def _made(self, made: Any) -> Any:
        if isinstance(made, AsyncGeneratorType):
            async for extras in made:
                self._generator = made
                return extras
            raise TypeError(_YIELDS_ONCE)
        if isinstance(made, GeneratorType):
            return self.enter(made)
        return await made if isawaitable(made) else made

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
            if self.is_to_open:
                await self._open_before(work)
            return await work
        except BaseException:
            self._is_cut = True
            raise
        finally:
            self._works -= 1
            if self._is_over:
                await self._close()

    async def _open_before(self, work: Awaitable[Any]) -> None:
        try:
            await self.open()
        except BaseException:
            # Its client has left, or its time is over.
            if iscoroutine(work):
                work.close()
            raise

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
        "Domain.context waits before its yield, without an await there, and is called in the midst of a resolver. Put"
        " @asynccontextmanager of contextlib above it: then it is awaited before each operation and event."
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
