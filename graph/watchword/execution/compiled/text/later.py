"""What completes the awaitable value of a field, by functions that are written when a value needs them."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Callable
from functools import partial
from typing import Any

from watchword.execution.compiled.fields.checks import Awaiter, await_by_core
from watchword.execution.compiled.promise import Complete, Promise
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site


class Later:
    """Makes a promise of a future, and a coroutine of any other awaitable."""

    __slots__ = ("_complete", "_is_written", "_site", "_wait", "_write_complete", "_write_wait")

    def __init__(
        self,
        site: Site,
        write_wait: Callable[[], Awaiter | None],
        write_complete: Callable[[], Complete | None],
    ) -> None:
        """`write_wait` makes the coroutine function of the field, and `write_complete` what completes a done future."""
        self._site = site
        self._write_wait, self._write_complete = write_wait, write_complete
        self._wait: Awaiter | None = None
        self._complete: Complete | None = None
        self._is_written = False

    def __call__(self, value: Any, run: Run, indexes: tuple[int, ...]) -> Any:
        if isinstance(value, Future) and value.get_loop() is get_running_loop():
            complete = self._complete or self._completing()
            if complete is not None:
                return Promise(value, run, indexes, complete, self._waiting)
        return self._waiting(value, run, indexes)

    def _completing(self) -> Complete | None:
        if not self._is_written:
            self._complete = self._write_complete()
            self._is_written = True
        return self._complete

    def _waiting(self, value: Any, run: Run, indexes: tuple[int, ...]) -> Any:
        if self._wait is None:
            self._wait = self._write_wait() or partial(await_by_core, self._site)
        return self._wait(value, run, indexes)
