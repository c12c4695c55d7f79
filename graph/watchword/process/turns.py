"""Work that takes turns: one of the callers that want the same works; those that come meanwhile share the next turn.

For work whose result may not be kept for later callers. In a crowd, each of them would do the same, and load the process
further.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from watchword.errors import Unavailable
from watchword.process.background import Background

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]


@dataclass(slots=True, eq=False)
class _Turn(Generic[T]):
    work: Work[T]
    done: asyncio.Future[T]


class Turns(Generic[T]):
    """The turns of one process, by what they are about."""

    def __init__(self, background: Background) -> None:
        self._background = background
        # The turn that runs, and the one behind it if anybody waits.
        self._turns: dict[Hashable, list[_Turn[T]]] = {}

    async def share(self, key: Hashable, work: Work[T]) -> T:
        """Return what `work` returns, or what that of another caller with this key does that began after this call.

        Raises what the work raises, and `Unavailable` when the process stops. The work goes on if a caller is
        cancelled, and sees no caller's context variables.
        """
        turns = self._turns.get(key)
        if turns is None:
            turns = self._turns[key] = [self._new(work)]
            running = self._background.spawn("a turn", self._run(key, turns))
            running.add_done_callback(lambda _: self._end(key, turns))
        elif len(turns) == 1:
            turns.append(self._new(work))
        return await asyncio.shield(turns[-1].done)

    @staticmethod
    def _new(work: Work[T]) -> _Turn[T]:
        return _Turn(work, asyncio.get_running_loop().create_future())

    async def _run(self, key: Hashable, turns: list[_Turn[T]]) -> None:
        while turns:
            await self._take(turns[0])
            del turns[0]
        # Delete the key before the task ends: a caller that came in between would wait for a turn that never begins.
        del self._turns[key]

    async def _take(self, turn: _Turn[T]) -> None:
        try:
            turn.done.set_result(await turn.work())
        except Exception as error:
            _fail(turn.done, error)

    def _end(self, key: Hashable, turns: list[_Turn[T]]) -> None:
        """End the turns of a task that was cancelled, perhaps before it began."""
        if self._turns.get(key) is turns:
            del self._turns[key]
        for turn in turns:
            if not turn.done.done():
                _fail(turn.done, Unavailable("The server stops. Try again."))


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    done.set_exception(error)
    # If every caller is gone, asyncio would log the error as never retrieved.
    done.exception()
