"""graphql-core's executors: one for each execution that is not compiled, or that needs one for a part of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any, TypeVar

from graphql import ExecutionResult, GraphQLSchema
from graphql.execution import Executor, MiddlewareManager, create_source_event_stream

from watchword.context import Context
from watchword.execution import denials, numbers
from watchword.execution.compiled.opening import Opened
from watchword.execution.compiled.program import finish
from watchword.execution.compiled.promise import started
from watchword.execution.compiled.run import Run, Wrap
from watchword.execution.plan import Plan, Refused
from watchword.execution.source import DatabaseUnavailable
from watchword.extras_scope import using
from watchword.libraries import strawberry_parts
from watchword.libraries.graphql_core import event_executor, hiding_executor
from watchword.libraries.graphql_execution import keep_sources
from watchword.permissions import enum_values
from watchword.permissions.refusal import with_refusal
from watchword.process.deadline import begin, rest_within, result, within
from watchword.storage.database import is_unavailable
from watchword.throttling.ceiling import most

log = logging.getLogger("watchword.execution")

T = TypeVar("T")


def build(
    kind: type[Executor[Any]],
    schema: GraphQLSchema,
    plan: Plan,
    variables: dict[str, Any] | None,
    context: Context,
    middleware: MiddlewareManager | None,
    hides_suggestions: bool,
) -> Executor[Any]:
    """Make the executor of an operation, for the view of its plan. Raises `Refused` when the variables do not fit."""
    if (view := plan.view) is not None:
        schema, hides_suggestions = view.run, hides_suggestions or view.hides_suggestions
    if variables:
        variables, errors = numbers.fit(schema, plan.operation, variables)
        if errors:
            raise Refused(errors)
    built = kind.build(
        schema,
        plan.document,
        context_value=context,
        raw_variable_values=variables,
        operation_name=plan.operation_name,
        middleware=middleware,
        is_awaitable=strawberry_parts.is_awaitable,
        hide_suggestions=hides_suggestions,
    )
    if isinstance(built, list):
        raise Refused(built)
    keep_sources(built)
    # Resolvers read them as `info.input_extensions`.
    built.operation_extensions = context.extensions  # type: ignore[attr-defined]
    return built


def hiding(schema: GraphQLSchema, base: type[Executor[Any]]) -> type[Executor[Any]]:
    """Return an executor that hides guarded enum values; the same one if the schema has none in its answers."""
    if not enum_values.hidden_of(schema):
        return base

    def check(run: GraphQLSchema, kind: Any, value: Any, context: Context) -> None:
        enum_values.check(enum_values.hidden_of(run), kind, value, context.principal)

    return hiding_executor(base, check)


async def open_stream(
    executor: Executor[Any], plan: Plan, context: Context, report: Callable[..., object]
) -> AsyncIterator[Any]:
    """Open a subscription as graphql-core does, and return its events.

    Raises `Refused` when it cannot be opened, after its errors were reported, `DatabaseUnavailable`, and `TimedOut`.
    """
    opening = create_source_event_stream(executor)
    events = await in_time(opening, plan, context) if isawaitable(opening) else opening
    if not isinstance(events, ExecutionResult):
        return events.__aiter__()
    errors = events.errors or []
    for error in errors:
        if is_unavailable(error.original_error):
            raise DatabaseUnavailable from error.original_error
    report(errors, context=context)
    raise Refused([with_refusal(error, context.principal) for error in errors])


def executor_of(opened: Opened, run: Run) -> Executor[Any]:
    """Return the executor of an event's compiled run, if a part of it needs one."""
    return event_executor(opened.executor, run.root, run.context)


def result_of(run: Run, data: Any) -> Any:
    """Return the result of a run; `data` may be a coroutine that gives the data."""
    if data is None or type(data) is dict:
        return ExecutionResult(data, run.errors)
    return finish(run, started(data))


def wrapping(middleware: MiddlewareManager | None) -> Wrap | None:
    """Return what a compiled operation calls around each field."""
    return None if middleware is None else middleware.get_field_resolver


def gathered_in(result: Any, context: Context) -> Any:
    """Return the result for an event with its denials gathered (`denials.py`); it may be an awaitable of it."""
    if type(result) is ExecutionResult or not isawaitable(result):
        return denials.gathered_in(result, context)

    async def later() -> Any:
        return denials.gathered_in(await result, context)

    return later()


async def open_extras(context: Context) -> None:
    """Await a `Domain.context` that must be awaited, in the time that an operation has. Raises `TimedOut`."""
    scope, services = context.extras_scope, context.services
    if scope is not None and scope.is_to_open:
        await within(services.clock, most(services.settings, "operation_seconds"), scope.open())


async def in_time(running: Awaitable[T], plan: Plan, context: Context) -> T:
    """Await a part of an execution. Raises `TimedOut` after `operation_seconds`, and logs which operation it was."""
    begun = begin(using(context.extras_scope, running))
    if begun[0].is_done:
        return result(*begun)
    services = context.services
    seconds = most(services.settings, "operation_seconds")
    return await rest_within(services.clock, seconds, *begun, on_timeout=partial(_warn, plan))


def _warn(plan: Plan) -> None:
    log.warning("an operation took too long: %s", plan.operation_name or "(without a name)")
