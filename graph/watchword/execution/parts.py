"""Answers in parts: operations with `@defer` or `@stream`.

The format is that of https://github.com/graphql/graphql-spec/pull/1110: the first part announces in `pending` what
follows, each later part has it in `incremental`, and `completed` says what has ended, and with which errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from graphql import GraphQLError
from graphql.execution import (
    ExperimentalIncrementalExecutionResults,
    InitialIncrementalExecutionResult,
    SubsequentIncrementalExecutionResult,
)

from watchword.process.deadline import WorkCancelled

Part = dict[str, Any]
Errors = list[dict[str, Any]]
Deferred = ExperimentalIncrementalExecutionResults
Showing = Callable[[object, list[GraphQLError]], Errors]
"""Returns the errors of an entry of a part in the form that the client gets."""
Hearing = Callable[[SubsequentIncrementalExecutionResult], AbstractAsyncContextManager[None]]
"""Runs around the making of each part but the first."""


def unheard(_part: SubsequentIncrementalExecutionResult) -> AbstractAsyncContextManager[None]:
    """Let nobody hear of a part."""
    return nullcontext()


class AnswerParts:
    """The parts of one answer on their way to one client, and what of it is still to come."""

    def __init__(self, send: Callable[[Part], Awaitable[None]]) -> None:
        """`send` sends a part, and waits until the client can be sent more."""
        self._send = send
        # The ids that were announced and have not ended, and their places in the answer.
        self._pending: dict[str, list[str | int]] = {}
        self.has_begun = False
        self.has_errors = False
        self._is_over = False

    async def deliver(
        self,
        answer: Part,
        deferred: Deferred | None,
        showing: Showing,
        hearing: Hearing = unheard,
    ) -> None:
        """Send an answer, and then what was deferred in it; without that, the answer is like any other.

        Raises what `hearing` raises.
        """
        self.has_errors = "errors" in answer
        if deferred is None:
            await self._send(answer)
            return
        await self._begin(answer, deferred.initial_result)
        async for result in deferred.subsequent_results:
            async with hearing(result):
                part = self._next(result, showing)
            self._is_over = not result.has_next
            await self._send(part)

    def failed(self, errors: Errors) -> Part | None:
        """Return the last part of an answer that ends early: what is pending ends with these errors.

        Call it only if the answer has begun. None if it is over.
        """
        if self._is_over:
            return None
        completed = [{"id": id, "errors": errors} for id in self._pending]
        return {"hasNext": False, "completed": completed}

    async def _begin(self, answer: Part, result: InitialIncrementalExecutionResult) -> None:
        part = {**answer, "hasNext": result.has_next}
        self._announce(part, result.pending)
        self.has_begun = True
        await self._send(part)

    def _next(self, result: SubsequentIncrementalExecutionResult, showing: Showing) -> Part:
        part: Part = {"hasNext": result.has_next}
        self._announce(part, result.pending)
        if result.incremental:
            part["incremental"] = [self._entry(each, showing) for each in result.incremental]
        if result.completed:
            part["completed"] = [self._entry(each, showing) for each in result.completed]
            for ended in result.completed:
                self._pending.pop(ended.id, None)
        return part

    def _announce(self, part: Part, pending: Sequence[Any] | None) -> None:
        if pending:
            part["pending"] = [each.formatted for each in pending]
            self._pending |= {each.id: each.path for each in pending}

    def _entry(self, result: Any, showing: Showing) -> Part:
        """Return what a part delivers or ends, with its errors as the client gets them."""
        entry = {**result.formatted}
        entry.pop("errors", None)
        if result.errors:
            self.has_errors = True
            place = self._pending.get(result.id, [])
            located = [_located(error, place) for error in result.errors]
            entry["errors"] = showing(result, located)
        return entry


def _located(error: GraphQLError, place: list[str | int]) -> GraphQLError:
    """Return an error with a place in the answer.

    graphql-core gives none to an exception that ends a whole part and comes from no field, such as a cancellation.
    Without a place it would count as an error of the request, and clients would see its message.
    """
    if error.path is not None:
        return error
    cause = error.original_error or WorkCancelled("a part waited for something that was cancelled")
    return GraphQLError(str(cause), path=place, original_error=cause)
