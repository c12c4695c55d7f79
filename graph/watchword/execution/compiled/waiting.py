"""What a generated function leaves unfinished: awaitables, by their key in an object or their index in a list.

The order of events is graphql-core's: one awaitable is awaited in place, several each in a task of its own. The
objects of a list need no tasks beside those of their fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

from watchword.execution.compiled.group import Group
from watchword.execution.compiled.mark import Mark, passed_by
from watchword.execution.compiled.promise import Pending, Promise, started
from watchword.execution.compiled.refusal import Refusal, RefusedRows
from watchword.execution.compiled.rows import Ended, Row, Rows, Steps
from watchword.execution.compiled.run import Run

Waiting = dict[Any, Awaitable[Any]]
"""Awaitables by the key or the index of their places: coroutines, and what is `Pending`."""


def note(waiting: Waiting | None, key: Any, awaitable: Awaitable[Any]) -> Waiting:
    """Note an awaitable, and return all that were noted for the same object or list."""
    if waiting is None:
        return {key: awaitable}
    waiting[key] = awaitable
    return waiting


_WITHOUT_TASK = frozenset({Promise, Refusal})


class Unfinished(Pending):
    """An object or a list that waits for its parts. Awaiting it gives it once they are in their places.

    `guarded` is set if its error makes it null: the run that collects the error, and the place with its indexes.
    """

    __slots__ = ("guarded", "made", "parts")

    def __init__(self, made: Any, parts: Waiting) -> None:
        self.made = made
        self.parts = parts
        self.guarded: tuple[Run, Mark, tuple[int, ...]] | None = None

    def start(self) -> Coroutine[Any, Any, Any]:
        work = complete(self.made, self.parts)
        return work if self.guarded is None else guard(work, *self.guarded)

    @property
    def is_row(self) -> bool:
        """Tell whether `begin` saves a task."""
        return len(self.parts) > 1 or type(next(iter(self.parts.values()))) in _WITHOUT_TASK

    def begin(self, steps: Steps) -> Row:
        """Begin the parts: promises, and others in tasks of their own."""
        made, parts, guarded = self.made, self.parts, self.guarded

        def finish(ended: Sequence[Ended]) -> Any:
            return _filled(made, parts, ended)

        def fails(ended: Sequence[Ended], error: BaseException) -> Coroutine[Any, Any, Any]:
            work = _fail(ended, error)
            return work if guarded is None else guard(work, *guarded)

        def recover(error: Exception) -> Any:
            if guarded is None:
                raise error
            run, place, indexes = guarded
            return run.fail(error, place, indexes)

        return Row(list(parts.values()), finish, fails, recover, steps)


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
    rows = [each for each in waiting.values() if type(each) is Unfinished and each.is_row]
    if len(rows) == len(waiting):
        for key, result in zip(waiting, await _complete_rows(rows), strict=True):
            made[key] = result
        return made
    group = Group([started(each) for each in waiting.values()])
    try:
        await group
    except Exception:
        await _cancel(group.tasks)
        raise
    return _filled(made, waiting, group.tasks)


def _refused(rows: list[Unfinished]) -> set[int]:
    """Return the numbers of refusals of rows that have no other parts, if all have one or all have several."""
    if type(next(iter(rows[0].parts.values()))) is not Refusal:
        return set()
    sizes = {len(each.parts) for each in rows}
    kinds = {type(part) for each in rows for part in each.parts.values()}
    return sizes if kinds == {Refusal} and (1 not in sizes or len(sizes) == 1) else set()


async def _complete_rows(unfinished: list[Unfinished]) -> list[Any]:
    """Return the objects of rows, once they are done."""
    if sizes := _refused(unfinished):
        await RefusedRows([(each.made, each.parts) for each in unfinished], sizes == {1})
        return [each.made for each in unfinished]
    rows = Rows([each.begin for each in unfinished])
    try:
        await rows
    except Exception:
        await rows.settle()
        raise
    return [each.result for each in rows.begun]


def _filled(made: Any, parts: Waiting, tasks: Sequence[Ended]) -> Any:
    for key, ended in zip(parts, tasks, strict=True):
        made[key] = ended.value if type(ended) is Promise else ended.result()
    return made


async def _fail(tasks: Sequence[Ended], error: BaseException) -> Any:
    """Do what `complete` does when a part fails."""
    try:
        raise error
    except Exception:
        await _cancel(tasks)
        raise


async def _cancel(tasks: Sequence[Ended]) -> None:
    """Cancel tasks, and wait until all have ended."""
    for task in tasks:
        if not task.done():
            task.cancel()
    endings = [each.ending() if type(each) is Promise else each for each in tasks]
    await asyncio.gather(*endings, return_exceptions=True)


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
