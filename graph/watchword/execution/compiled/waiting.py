"""What a generated function leaves unfinished: awaitables, by their key in an object or their index in a list.

The order of events is graphql-core's: one awaitable is awaited in place, several each in a task of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from watchword.execution.compiled.mark import Mark, passed_by
from watchword.execution.compiled.run import Run
from watchword.libraries.graphql_execution import gather_with_cancel

Waiting = dict[Any, Awaitable[Any]]
"""Awaitables by the key or the index of their places."""


def note(waiting: Waiting | None, key: Any, awaitable: Awaitable[Any]) -> Waiting:
    """Note an awaitable, and return all that were noted for the same object or list."""
    if waiting is None:
        return {key: awaitable}
    waiting[key] = awaitable
    return waiting


async def complete(made: Any, waiting: Waiting) -> Any:
    """Return an object or a list once its awaitables are in their places."""
    if len(waiting) == 1:
        for key, awaitable in waiting.items():
            made[key] = await awaitable
        return made
    values = await gather_with_cancel(*waiting.values())
    for key, value in zip(waiting, values, strict=True):
        made[key] = value
    return made


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
