"""The spans of GraphQL: parsing and planning a document, an operation, its resolvers, and the answer to an event.

They follow OpenTelemetry's conventions for GraphQL servers
(https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/).
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError
from graphql.execution import Executor, MiddlewareManager
from opentelemetry.trace import Span, SpanKind

from watchword.context import Context
from watchword.errors import BadUserInput, Internal, TimedOut, Unavailable, WatchwordError
from watchword.execution.compiled.opening import Opened
from watchword.execution.compiled.program import Program
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.parts import AnswerParts
from watchword.execution.plan import Draft, Plan, Planner
from watchword.execution.response import Answer
from watchword.execution.source import Source
from watchword.execution.views.view import View
from watchword.execution.views.views import SHOWN
from watchword.libraries.graphql_core import is_meant_for_clients
from watchword.storage.database import is_unavailable
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.documents import shown
from watchword.telemetry.traces.fields import FieldSpans
from watchword.telemetry.traces.publishing import messaging
from watchword.telemetry.traces.tracing import (
    Tracing,
    current,
    ended,
    fail,
    forget_current,
    is_traced,
    leaving_out,
    left_out,
)

# Errors of the server. All others are of the caller, and no failure of the operation's span.
FAILURES = {Internal.code, TimedOut.code, Unavailable.code}
# Most characters of a name or a code that a client or a schema has chosen.
LONGEST_NAME = 100


class TracedPlanner(Planner):
    """A planner that makes spans: `plan`, and `parse` inside. A plan that is in memory takes none."""

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        """`parts` are those of a planner."""
        super().__init__(*parts)
        self._tracing = tracing

    def _make(self, query: str, operation_name: str | None, view: View | None) -> Plan:
        if not is_traced():
            return super()._make(query, operation_name, view)
        with self._tracing.child("plan"):
            return super()._make(query, operation_name, view)

    def _parse(self, query: str) -> DocumentNode:
        if not is_traced():
            return super()._parse(query)
        with self._tracing.child("parse"):
            return super()._parse(query)


class TracedEngine(Engine):
    """An engine that makes spans of operations below a span that records."""

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        memory: int,
        execution: Execution = "compiled",
        introspection: str = SHOWN,
        *,
        tracing: Tracing,
    ) -> None:
        self._tracing = tracing
        super().__init__(schema, limits, memory, execution, introspection)

    def _make_planner(self, *parts: Any) -> Planner:
        return TracedPlanner(self._tracing, *parts)

    def execute(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        *,
        is_streamed: bool = False,
    ) -> Coroutine[Any, Any, Answer]:
        running = super().execute(plan, variables, context, is_streamed=is_streamed)
        traced = is_traced()
        if traced:
            return self._recorded(plan, running)
        # Nothing was noted of a request that was left out, before an answer from memory could be looked for.
        return leaving_out(running) if traced is None else running

    async def _recorded(self, plan: Plan, running: Coroutine[Any, Any, Answer]) -> Answer:
        with self._operation(plan) as span:
            answer = await running
            _note_errors(span, map(_shown_code, answer.get("errors", ())))
            return answer

    async def execute_in_parts(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context, parts: AnswerParts
    ) -> None:
        with self._operation(plan) if is_traced() else left_out():
            await super().execute_in_parts(plan, variables, context, parts)

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        if not is_traced():
            return await super().subscribe(plan, variables, context)
        try:
            with self._operation(plan):
                return await super().subscribe(plan, variables, context)
        finally:
            # This task outlives the request, and each delivery begins a trace of its own.
            forget_current()

    def _operation(self, plan: Plan) -> AbstractContextManager[Span]:
        attributes = named(plan)
        if self._tracing.details.documents:
            attributes["graphql.document"] = shown(plan.document)
        kind = attributes.get("graphql.operation.type", "GraphQL Operation")
        return self._tracing.child(kind, SpanKind.SERVER, attributes)

    # Events.

    def _execute_event(
        self,
        plan: Plan,
        opened: Opened,
        event: Any,
        context: Context,
        *,
        middleware: MiddlewareManager | None = None,
    ) -> Any:
        execute = partial(super()._execute_event, plan, opened, event, context)
        span = self._begin_delivery(plan, opened.context)
        if span is None:
            return execute(middleware=middleware)
        with current(span):
            try:
                running = execute(middleware=middleware)
            except BaseException as error:
                fail(span, type(error).__name__)
                span.end()
                raise
        if type(running) is ExecutionResult:
            return _delivered(span, running)
        return _awaited(span, running)

    def _begin_delivery(self, plan: Plan, subscriber: Context) -> Span | None:
        """Begin the span of an answer to an event, if the transaction that published the event was recorded."""
        event = subscriber.event
        if event is None or event.trace is None:
            return None
        published = traceparent.read(event.trace)
        if published is None or not published.trace_flags.sampled:
            return None
        attributes = messaging("process", "process", {event.stream}) | named(plan)
        return self._tracing.begin_linked("process", published, attributes)


class TracedFieldsEngine(TracedEngine):
    """A traced engine that makes spans of resolvers too.

    Only graphql-core's interpreter can be asked to call something around them, so it runs what is traced.
    """

    def _find_program(self, plan: Plan, *, is_wrapped: bool = False) -> Program | None:
        return None if is_traced() else super()._find_program(plan, is_wrapped=is_wrapped)

    def _build(self, *parts: Any) -> Executor[Any]:
        return self._with_spans(super()._build(*parts))

    def _event_executor(self, *parts: Any) -> Executor[Any]:
        return self._with_spans(super()._event_executor(*parts))

    def _with_spans(self, executor: Executor[Any]) -> Executor[Any]:
        # The executor of an event has what that of its subscription had.
        inner = executor.middleware_manager
        if isinstance(inner, FieldSpans):
            inner = inner.inner
        executor.middleware_manager = FieldSpans(self._tracing, inner) if is_traced() else inner
        return executor


async def _awaited(span: Span, running: Awaitable[ExecutionResult]) -> ExecutionResult:
    with ended(span), current(span):
        result = await running
        _note_errors(span, map(_code, result.errors or ()))
        return result


def _delivered(span: Span, result: ExecutionResult) -> ExecutionResult:
    _note_errors(span, map(_code, result.errors or ()))
    span.end()
    return result


def named(plan: Plan) -> dict[str, str]:
    """Return the attributes that say which operation a plan runs."""
    if isinstance(plan, Draft):
        return {}
    named = {"graphql.operation.type": plan.operation.operation.value}
    if plan.operation_name is not None:
        named["graphql.operation.name"] = plan.operation_name[:LONGEST_NAME]
    return named


def _note_errors(span: Span, codes: Iterable[str]) -> None:
    """Note the codes of an answer's errors; not their messages, which may hold what a client sent."""
    found = sorted(set(codes))
    if not found:
        return
    span.set_attribute("watchword.error.codes", found)
    if failures := [code for code in found if code in FAILURES]:
        fail(span, failures[0])


def _shown_code(error: dict[str, Any]) -> str:
    """Return the code of an error of an answer. A resolver's own error may have anything in its place."""
    code = error.get("extensions", {}).get("code")
    return code[:LONGEST_NAME] if isinstance(code, str) else BadUserInput.code


def _code(error: GraphQLError) -> str:
    """Return the code of an error of graphql-core, as far as it is one of ours."""
    cause = error.original_error
    if isinstance(cause, WatchwordError):
        return cause.code
    if cause is None or (isinstance(cause, GraphQLError) and is_meant_for_clients(cause)):
        return BadUserInput.code
    return Unavailable.code if is_unavailable(cause) else Internal.code
