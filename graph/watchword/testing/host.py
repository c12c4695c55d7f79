"""The event loop of the app under test, in a thread of its own.

Tests reach it from any thread and any event loop, so one fixture serves tests under pytest-asyncio in either mode,
under anyio's plugin, and without an event loop. A test that blocks, in a browser's or an HTTP library's synchronous
call, does not block the app.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop
from anyio import to_thread

T = TypeVar("T")


class Host:
    """Runs coroutines on its event loop while it is open."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="the app under test", daemon=True)

    def open(self) -> None:
        """Start the thread, and wait until its event loop runs."""
        self._thread.start()
        self._opened.wait()

    def close(self) -> None:
        """Cancel everything that still runs, and end the thread."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop, and return what it returns. Blocks the calling thread."""
        future = self._submit(work)
        try:
            return future.result()
        finally:
            # An interrupt of the test must not leave the work running.
            future.cancel()

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop, and wait for it in another one: asyncio's, or trio's under anyio."""
        future = self._submit(work)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            try:
                return await to_thread.run_sync(future.result, abandon_on_cancel=True)
            finally:
                future.cancel()
        return await asyncio.wrap_future(future)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            work.close()
            here = self._thread.is_alive()
            raise RuntimeError(
                "The app under test cannot be used from its own resolvers and routes."
                if here
                else "The test is over, and with it the app: the fixture `watchword` lasts for one test."
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        try:
            # The event loop of `watchword serve`.
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._stay())
        finally:
            # If it could not begin, nobody must wait for it.
            self._opened.set()

    async def _stay(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._opened.set()
        await self._closing.wait()
