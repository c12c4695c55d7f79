"""Runs plans: queries and mutations to one answer, subscriptions to a source and its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeGuard, cast

import strawberry
from graphql import ExecutionResult
from graphql.execution import Executor, create_source_event_stream
from strawberry.execution import optimized_is_awaitable

from graph.context import Context
from graph.errors import Unsafe
from graph.execution.limits import Limits
from graph.execution.masking import present
from graph.execution.plan import Plan, Planner, Refused

IsAwaitable = Callable[[Any], TypeGuard[Awaitable[Any]]]
Answer = dict[str, Any]
"""A GraphQL response: `data`, `errors`, `extensions`."""


class Source:
    """An open subscription: its events, and how each becomes an answer."""

    def __init__(self, executor: Executor[Any], events: AsyncIterator[Any]) -> None:
        self._executor = executor
        self.events = events

    async def answer(self, event: Any, context: Context) -> Answer:
        """Execute the selection for one event, in a context of its own."""
        executor = self._executor.build_per_event_executor(event)
        executor.context_value = context
        return await _complete(executor.execute_operation(serially=False))

    async def close(self) -> None:
        """Stop following; what the resolver holds is given back."""
        close: Callable[[], Any] | None = getattr(self.events, "aclose", None)
        if close is not None:
            await close()


class Engine:
    """The mounted schema, ready to run."""

    def __init__(self, schema: strawberry.Schema, limits: Limits, memory: int) -> None:
        if schema.get_extensions():
            raise Unsafe(
                "The schema has extensions or operation directives, which Strawberry's own views run"
                " and Watchword does not. Remove them: limits, masking and caching are built in."
            )
        self.schema = schema
        self._definition = schema._schema
        self._planner = Planner(self._definition, limits, memory)

    def plan(self, query: str, operation_name: str | None) -> Plan:
        """Return the plan of an operation. Raises `Refused` when it cannot be run."""
        return self._planner.plan(query, operation_name)

    async def execute(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """Run a query or a mutation. Raises `Refused` when the variables do not fit."""
        return await _complete(self._executor(plan, variables, context).execute_operation())

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        """Open a subscription. Raises `Refused` when it cannot be opened."""
        executor = self._executor(plan, variables, context)
        opened = create_source_event_stream(executor)
        events = await opened if isawaitable(opened) else opened
        if isinstance(events, ExecutionResult):
            raise Refused(events.errors or [])
        return Source(executor, events.__aiter__())

    def _executor(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Executor[Any]:
        self._planner.check(plan, variables)
        built = self.schema.execution_context_class.build(
            self._definition,
            plan.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=plan.operation_name,
            is_awaitable=cast(IsAwaitable, optimized_is_awaitable),
        )
        if isinstance(built, list):
            raise Refused(built)
        return built


async def _complete(running: Any) -> Answer:
    result = await running if isawaitable(running) else running
    answer: Answer = {"data": result.data}
    if result.errors:
        answer["errors"] = [present(error) for error in result.errors]
    return answer
