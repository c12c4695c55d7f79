"""What a generated function leaves unfinished: awaitables, by their key in an object or their index in a list.

The order of events is graphql-core's: one awaitable is awaited in place, several each in a task of its own. The
objects of a list need no tasks beside those of their fields.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Coroutine, Generator, Iterable
from typing import Any

from watchword.execution.compiled.group import Group
from watchword.execution.compiled.mark import Mark, passed_by
from watchword.execution.compiled.run import Run

# A row has no task. graphql-core's would end so many turns of the event loop after the row's last part. If another
# row fails within these turns, the error arrives up to two turns earlier or later than there.
ROW_TURNS = 2

Waiting = dict[Any, Awaitable[Any]]
"""Awaitables by the key or the index of their places: coroutines, and what is `Unfinished`."""


def note(waiting: Waiting | None, key: Any, awaitable: Awaitable[Any]) -> Waiting:
    """Note an awaitable, and return all that were noted for the same object or list."""
    if waiting is None:
        return {key: awaitable}
    waiting[key] = awaitable
    return waiting


class Unfinished:
    """An object or a list that waits for its parts. Awaiting it gives it once they are in their places.

    `guarded` is set if its error makes it null: the run that collects the error, and the place with its indexes.
    """

    __slots__ = ("guarded", "made", "parts")

    def __init__(self, made: Any, parts: Waiting) -> None:
        self.made = made
        self.parts = parts
        self.guarded: tuple[Run, Mark, tuple[int, ...]] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.start().__await__()

    def start(self) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that waits for the parts."""
        return self.guard(complete(self.made, self.parts))

    def guard(self, work: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that gives null for an error of the work, if that is what is to happen."""
        return work if self.guarded is None else guard(work, *self.guarded)


def guarded(
    pending: Awaitable[Any], run: Run, place: Mark, indexes: tuple[int, ...]
) -> Awaitable[Any]:
    """Let the error of an unfinished value be collected, and the value become null.

    The coroutine of any other value takes care of its own error.
    """
    if type(pending) is Unfinished:
        pending.guarded = run, place, indexes
    return pending


async def complete(made: Any, waiting: Waiting) -> Any:
    """Return an object or a list once its awaitables are in their places."""
    if len(waiting) == 1:
        for key, awaitable in waiting.items():
            made[key] = await awaitable
        return made
    rows = [each for each in waiting.values() if type(each) is Unfinished and len(each.parts) > 1]
    if len(rows) == len(waiting):
        await _complete_rows(made, dict(zip(waiting, rows, strict=True)))
        return made
    group = Group()
    tasks = [group.begin(started(each)) for each in waiting.values()]
    try:
        await group
    except Exception:
        await _cancel(tasks)
        raise
    for key, task in zip(waiting, tasks, strict=True):
        made[key] = task.result()
    return made


class _Row:
    """An object or a list inside of a list, with the tasks of its parts.

    `failing` is the task that takes care of its failure.
    """

    __slots__ = ("failing", "row", "tasks")

    def __init__(self, row: Unfinished, tasks: list[asyncio.Task[Any]]) -> None:
        self.row = row
        self.tasks = tasks
        self.failing: asyncio.Task[Any] | None = None

    async def fail(self, error: BaseException) -> Any:
        """Do what `complete` does when a part fails."""
        try:
            raise error
        except Exception:
            await _cancel(self.tasks)
            raise

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that the row waits for."""
        return self.tasks if self.failing is None else [self.failing]

    def finish(self) -> Any:
        """Return the object or the list; null if it failed."""
        if self.failing is not None:
            return self.failing.result()
        made = self.row.made
        for key, task in zip(self.row.parts, self.tasks, strict=True):
            made[key] = task.result()
        return made


class _Rows(Group):
    """Waits for all parts of all rows, as if a task for each row waited for its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[_Row] = []

    @property
    def has_failed(self) -> bool:
        """Tell whether a part of a row failed or was cancelled."""
        return any(row.failing is not None for row in self.rows)

    def begin_rows(self, rows: Iterable[Unfinished]) -> None:
        """Begin all parts of all rows."""
        for each in rows:
            tasks = [self.begin(started(part)) for part in each.parts.values()]
            self.rows.append(_Row(each, tasks))

    def cancelled_with(self) -> list[asyncio.Task[Any]]:
        """Return the tasks of parts, and in the place of a failed row's parts the task that cancels them."""
        return [task for row in self.rows for task in row.unfinished()]

    def failed(self, task: asyncio.Task[Any], error: BaseException) -> None:
        found = next((each for each in self.rows if task in each.tasks), None)
        if found is None:
            super().failed(task, error)
        elif found.failing is None:
            # It ends after the row's other parts, which it cancels.
            found.failing = self.begin(found.row.guard(found.fail(error)))


async def _complete_rows(made: Any, unfinished: dict[Any, Unfinished]) -> None:
    group = _Rows()
    try:
        # Here graphql-core begins a task for each row, which then begin those of their parts.
        await _turn()
        group.begin_rows(unfinished.values())
        await group
        await _turn(ROW_TURNS)
    except asyncio.CancelledError:
        if not group.has_failed:
            await _turn(ROW_TURNS)
        raise
    except Exception:
        await _cancel(group.cancelled_with(), ROW_TURNS)
        raise
    for key, row in zip(unfinished, group.rows, strict=True):
        made[key] = row.finish()


def started(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """Return the coroutine that an awaitable is, or that it begins."""
    return awaitable.start() if type(awaitable) is Unfinished else awaitable  # type: ignore[return-value]


async def _cancel(tasks: list[asyncio.Task[Any]], turns: int = 0) -> None:
    """Cancel tasks, and wait until all have ended, and for so many turns of the event loop."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if pending:
        await _turn(turns)


@types.coroutine
def _turn(times: int = 1) -> Generator[None, None, None]:
    """Let everything else that is ready have its turn."""
    for _ in range(times):
        yield


@passed_by
async def guard(awaitable: Awaitable[Any], run: Run, place: Mark, indexes: tuple[int, ...]) -> Any:
    """Await a value that may be null: its error is collected, and it becomes null."""
    try:
        return await awaitable
    except Exception as error:
        return run.fail(error, place, indexes)


@passed_by
async def locate(awaitable: Awaitable[Any], run: Run, place: Mark, indexes: tuple[int, ...]) -> Any:
    """Await a value that must not be null: its error is raised with its path."""
    try:
        return await awaitable
    except Exception as error:
        raise run.locate(error, place, indexes)  # noqa: B904 - graphql-core keeps the context too
