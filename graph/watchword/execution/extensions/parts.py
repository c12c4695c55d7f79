"""One query or mutation with extensions that is answered in parts: their hooks around each part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from graphql import GraphQLError
from graphql.execution import SubsequentIncrementalExecutionResult

from watchword.context import Context
from watchword.errors import QueryMissing
from watchword.execution.denials import told
from watchword.execution.extensions.changes import Changes
from watchword.execution.extensions.operation import (
    Execute,
    HookedOperation,
    Parts,
    given,
)
from watchword.execution.masking import format_error
from watchword.execution.parts import Hearing, Showing
from watchword.execution.plan import Plan, Refused
from watchword.execution.response import Answer
from watchword.libraries.strawberry_extensions import PreExecutionError, around

Send = Callable[[Answer, Showing, Hearing], Awaitable[None]]
"""Sends an answer, and then what was deferred in it."""


class HookedParts(HookedOperation):
    """An operation that is answered in parts. Its `on_operation` ends when the last part is sent."""

    def __init__(
        self, parts: Parts, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> None:
        super().__init__(parts, plan, variables, context)
        # By the identity of an entry: how its errors were before hooks saw the part.
        self._entries: dict[int, Changes] = {}

    async def deliver(self, execute: Execute[Any], send: Send) -> None:
        """Run it as `Schema.stream` does, and send its parts: `on_stream_result` sees each of them.

        Raises as `answer` does. After the first part was sent, raises `Refused` with what a hook raised. An error
        after the last part is only logged.
        """
        first: Answer | Exception | None = None
        is_over = False
        try:
            async with around(self._hooks.runner.operation()):
                first = await self._first(execute)
                if not isinstance(first, Exception):
                    await send(first, self._shown, self._hearing)
                    is_over = True
        except (QueryMissing, Refused):
            raise
        except Exception as error:
            raised = self._raised(error)
            if first is None:
                failed = given(self._respond(PreExecutionError(None, [raised])))
                await send(failed, self._shown, self._hearing)
            elif not is_over and not isinstance(first, Exception):
                raise Refused([raised]) from error
        if isinstance(first, Exception):
            raise first

    async def _first(self, execute: Execute[Any]) -> Answer | Exception:
        result = await self._result(execute)
        async with around(self._hooks.runner.on_stream_result(result)):
            return self._respond(result)

    @asynccontextmanager
    async def _hearing(self, part: SubsequentIncrementalExecutionResult) -> AsyncIterator[None]:
        self._entries = {}
        for entry in (*(part.incremental or ()), *(part.completed or ())):
            if entry.errors:
                entry.errors = told(entry.errors, self._context)
                self._report(entry.errors)
                changes = self._entries[id(entry)] = Changes()
                changes.note(entry.errors)
        async with around(self._hooks.runner.on_stream_result(part)):
            yield

    def _shown(self, entry: object, errors: list[GraphQLError]) -> list[dict[str, Any]]:
        changes = self._entries.get(id(entry)) or Changes()
        return [*map(format_error, changes.told(errors, self._context.principal))]
