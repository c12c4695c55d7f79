"""Runs plans: a query or a mutation gives one answer, a subscription gives a source of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from functools import partial
from inspect import isawaitable
from typing import Any, Literal, cast

import strawberry
from graphql import ExecutionResult, GraphQLError
from graphql.execution import (
    Executor,
    InitialIncrementalExecutionResult,
    MiddlewareManager,
    VariableValues,
)

from watchword.context import Context, close_context
from watchword.execution import denials, executors, options, rejection
from watchword.execution.compiled.compilation import NotCompiled
from watchword.execution.compiled.opening import Opened
from watchword.execution.compiled.program import Program
from watchword.execution.compiled.programs import Programs
from watchword.execution.compiled.run import Run
from watchword.execution.executors import executor_of, in_time, result_of, wrapping
from watchword.execution.extensions.mounted import Extensions
from watchword.execution.extensions.operation import HookedOperation, Parts
from watchword.execution.extensions.parts import HookedParts
from watchword.execution.extensions.subscription import HookedSource, HookedSubscription
from watchword.execution.limits import Limits
from watchword.execution.masking import format_error
from watchword.execution.parts import AnswerParts, Deferred
from watchword.execution.plan import Plan, Planner, Refused
from watchword.execution.response import Answer, check_shared, respond
from watchword.execution.source import Source
from watchword.execution.views.view import View
from watchword.execution.views.views import SHOWN, finder
from watchword.libraries import graphql_core, strawberry_parts
from watchword.libraries.graphql_execution import release_executor
from watchword.permissions import guards
from watchword.permissions.refusal import with_refusal
from watchword.principal import ANONYMOUS, Principal
from watchword.process.deadline import limited
from watchword.throttling.ceiling import most

Execution = Literal["compiled", "graphql-core"]
"""How operations are run: compiled to Python, or by graphql-core's interpreter. The answers are the same."""

IN_PARTS = "@defer or @stream"
"""The reason for which `Engine.fallbacks` counts operations that are answered in parts."""


class Engine:
    """The mounted schema, ready to run."""

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        memory: int,
        execution: Execution = "compiled",
        introspection: str = SHOWN,
    ) -> None:
        options.check(schema)
        guards.record_questions(schema)
        self.schema = schema
        made = self._definition = strawberry_parts.definition(schema)
        checking = graphql_core.checking_executor(strawberry_parts.executor_class(schema))
        self._executor_class = executors.hiding(made, checking)
        self._event_executor_class = graphql_core.repeating_executor(self._executor_class)
        hides = self._hides_suggestions = schema.config.disable_field_suggestions
        self.planner = self._make_planner(made, limits, memory, hides)
        """The plans that are kept, and how many were made."""
        self._hook = options.ErrorHook(schema)
        found = self.extensions = Extensions.of(schema)
        self.needs_query = found is None or found.are_directives_only
        """Whether each request must have a document. Extensions may find it by what else the request says."""
        self.execution = execution
        self.view_of = finder(schema, introspection, self._forget)
        """What a caller is told of the schema; None if it is told all of it."""
        self._programs = Programs(schema, made, checking, hides)
        self.fallbacks = self._programs.fallbacks
        """How often graphql-core ran an operation that was to be compiled, by the reason."""

    def _make_planner(self, *parts: Any) -> Planner:
        return Planner(*parts)

    def plan(
        self, query: str | None, operation_name: str | None, principal: Principal = ANONYMOUS
    ) -> Plan:
        """Return the plan of an operation for a caller. Raises `Refused` when it cannot be run.

        If the schema has extensions, or the request has no query, the plan of a refused request is a `Draft` and
        `execute` raises, so that the extensions hear of it.
        """
        view = self.view_of(principal)
        if query is None or not self.needs_query:
            return self.planner.draft(query, operation_name, view)
        try:
            return self.planner.plan(query, operation_name, view)
        except Refused as refused:
            self._hook.report(refused.errors, query)
            raise

    def known(self, query: str, operation_name: str | None, principal: Principal) -> Plan | None:
        """Return the plan of an operation for a caller, if it is kept."""
        return self.planner.known(query, operation_name, self.view_of(principal))

    async def execute(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        *,
        is_streamed: bool = False,
    ) -> Answer:
        """Run a query or a mutation. `is_streamed` tells extensions that the transport is one of subscriptions.

        Raises `Refused` when the variables do not fit, `TimedOut` after `operation_seconds`, and `IdentityAsked`
        when the execution is shared and anything in it asked for the caller's identity.
        """
        try:
            if (parts := self._parts(plan)) is not None:
                operation = HookedOperation(parts, plan, variables, context)
                answer = operation.streamed if is_streamed else operation.answer
                return cast(Answer, await in_time(answer(self._execute), plan, context))
            result = await in_time(self._execute(plan, variables, context), plan, context)
            check_shared(result, context)
            return self._respond(plan, variables, context, result)
        finally:
            await close_context(context)

    def _respond(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        result: ExecutionResult | InitialIncrementalExecutionResult,
    ) -> Answer:
        if result.errors:
            self._hook.report(result.errors, plan.query, variables, context)
        return respond(result.data, result.errors, context)

    def _parts(self, plan: Plan) -> Parts | None:
        """Return what runs the extensions around an operation; None if no extension is concerned."""
        if self.extensions is None or not self.extensions.concern(plan):
            return None
        return Parts(self.extensions, self.planner, self._hook)

    async def _execute(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        middleware: MiddlewareManager | None = None,
    ) -> ExecutionResult:
        plan = plan.whole or plan
        found = self._find_program(plan, is_wrapped=middleware is not None)
        if found is not None:
            result = self._run(found, plan, variables, context, middleware)
            if result is not None:
                done = result if type(result) is ExecutionResult else await result
                return denials.gathered_in(done, context)
        built = self._build_executor(plan, variables, context, self._executor_class, middleware)
        answer = built.execute_operation()
        result = cast(ExecutionResult, await answer if isawaitable(answer) else answer)
        release_executor(built)
        return denials.gathered_in(result, context)

    async def execute_in_parts(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        parts: AnswerParts,
    ) -> None:
        """Run a query or a mutation with @defer or @stream (`Plan.gives_parts`), and send its answer in parts.

        The hooks of extensions run as in Strawberry's own execution (`HookedOperation.in_parts`). The permissions of
        each part are asked when it is made, so the context's principal should be a lease's. Raises as `execute` does.
        """
        await in_time(self._deliver(plan, variables, context, parts), plan, context)

    async def _deliver(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context, parts: AnswerParts
    ) -> None:
        deferred: list[tuple[Executor[Any], Deferred]] = []
        execute = partial(self._execute_first_part, deferred)

        def send(answer: Answer, *how: Any) -> Awaitable[None]:
            # An extension that fails takes the data away, and with them the places of what is deferred.
            has_more = bool(deferred) and answer["data"] is not None
            return parts.deliver(answer, deferred[0][1] if has_more else None, *how)

        def shown(_entry: object, errors: list[GraphQLError]) -> list[dict[str, Any]]:
            errors = denials.told(errors, context)
            self._hook.report(errors, plan.query, variables, context)
            return [format_error(with_refusal(error, context.principal)) for error in errors]

        try:
            if (mine := self._parts(plan)) is not None:
                await HookedParts(mine, plan, variables, context).deliver(execute, send)
            else:
                result = await execute(plan, variables, context)
                await send(self._respond(plan, variables, context, result), shown)
        finally:
            for executor, later in deferred:
                await graphql_core.drop_deferred(executor, later)
            await close_context(context)

    async def _execute_first_part(
        self,
        deferred: list[tuple[Executor[Any], Deferred]],
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        middleware: MiddlewareManager | None = None,
    ) -> ExecutionResult | InitialIncrementalExecutionResult:
        """Execute what is not deferred, and append what is to `deferred`."""
        if not plan.gives_parts:
            return await self._execute(plan, variables, context, middleware)
        self._programs.fell_back(plan, IN_PARTS)
        kind = self._executor_class
        executor = self._build_executor(plan, variables, context, kind, middleware)
        running = executor.execute_operation()
        result = await running if isawaitable(running) else running
        if isinstance(result, ExecutionResult):
            return denials.gathered_in(result, context)
        deferred.append((executor, result))
        return denials.gathered_in(result.initial_result, context)

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        """Open a subscription.

        Raises `Refused` when it cannot be opened, `DatabaseUnavailable` when only the database prevents that,
        and `TimedOut` when it is not open after `operation_seconds`.
        """
        report = partial(self._hook.report, query=plan.query, variables=variables)
        if (parts := self._parts(plan)) is None:
            opened, events = await self._open(plan, variables, context)
            execute = partial(self._execute_event, plan.whole or plan, opened)
            return Source(execute, events, report)
        operation = HookedSubscription(parts, plan, variables, context)
        services, seconds = context.services, most(context.services.settings, "operation_seconds")
        # In this task: what a hook enters when the run begins, it must leave in the same task when the run ends.
        opened, events = await limited(services.clock, seconds, operation.open(self._open))
        run = operation.plan.whole or operation.plan
        execute = partial(self._execute_event, run, opened, middleware=operation.middleware)
        return HookedSource(operation, execute, events, report)

    async def _open(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        middleware: MiddlewareManager | None = None,
    ) -> tuple[Opened, AsyncIterator[Any]]:
        """Open a subscription; return what its events have in common, and the events. Raises as `subscribe` does."""
        plan = plan.whole or plan
        asked = plan, variables, context, self._event_executor_class, middleware
        found = self._find_program(plan, is_wrapped=middleware is not None)
        values = None if found is None else found.variables.coerce(variables)
        if found is not None and values is not None:
            self._check(plan, variables, values, context)
            opened = Opened(values, context, partial(self._build, *asked))
            if (events := found.open(opened)) is not None:
                self._programs.used(plan, found)
                return opened, events
        executor = self._build_executor(*asked)
        opened = Opened(executor.variable_values.coerced, context, lambda: executor)
        report = partial(self._hook.report, query=plan.query, variables=variables)
        return opened, await executors.open_stream(executor, plan, context, report)

    def _execute_event(
        self,
        plan: Plan,
        opened: Opened,
        event: Any,
        context: Context,
        *,
        middleware: MiddlewareManager | None = None,
    ) -> Any:
        """Execute the selection of a subscription for one event; may return an awaitable.

        `middleware` is what the executor has around each field, for a compiled operation.
        """
        found = self._find_program(plan, is_wrapped=middleware is not None)
        if found is not None:
            try:
                build = partial(executor_of, opened)
                run, data = found.start(opened.values, context, event, build, wrapping(middleware))
            except NotCompiled as cause:
                self._programs.fell_back(plan, cause.reason)
            else:
                self._programs.used(plan, found)
                return executors.gathered_in(result_of(run, data), context)
        executor = self._event_executor(opened.executor, event, context)
        return executors.gathered_in(executor.execute_operation(serially=False), context)

    def _event_executor(self, opened: Executor[Any], event: Any, context: Context) -> Executor[Any]:
        return graphql_core.event_executor(opened, event, context)

    def _forget(self, view: View) -> None:
        self.planner.forget(view)
        self._programs.forget(view)

    @property
    def programs_kept(self) -> int:
        """The number of compiled operations that are kept."""
        return len(self._programs)

    def _find_program(self, plan: Plan, *, is_wrapped: bool = False) -> Program | None:
        is_compiled = self.execution == "compiled"
        return self._programs.find(plan, is_wrapped=is_wrapped) if is_compiled else None

    def _run(
        self,
        program: Program,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        middleware: MiddlewareManager | None,
    ) -> Any:
        """Run a compiled operation; return its result, or an awaitable of it if it waits.

        Returns None if it is left to graphql-core with these variables.
        """
        kind = self._executor_class
        made: list[Executor[Any]] = []  # a call of `list[…]` would take a microsecond
        values = program.variables.coerce(variables)
        if values is None:
            made.append(self._build_executor(plan, variables, context, kind, middleware))
            values = made[0].variable_values.coerced
        else:
            self._check(plan, variables, values, context)

        def build(_run: Run) -> Executor[Any]:
            return made[0] if made else self._build(plan, variables, context, kind, middleware)

        try:
            run, data = program.start(values, context, None, build, wrapping(middleware))
        except NotCompiled as cause:
            self._programs.fell_back(plan, cause.reason)
            return None
        self._programs.used(plan, program)
        return result_of(run, data)

    def _check(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        coerced: dict[str, Any],
        context: Context,
    ) -> None:
        if self.planner.is_known_to_pass(plan, coerced) and denials.chosen(context) != "reject":
            return
        values = VariableValues({}, coerced)
        try:
            self.planner.check(plan, values)
            rejection.check(self._definition, plan, values, context)
        except Refused as refused:
            self._hook.report(refused.errors, plan.query, variables, context)
            raise

    def _build_executor(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        kind: type[Executor[Any]],
        middleware: MiddlewareManager | None = None,
    ) -> Executor[Any]:
        try:
            built = self._build(plan, variables, context, kind, middleware)
            rejection.check(self._definition, plan, built.variable_values, context)
            return built
        except Refused as refused:
            self._hook.report(refused.errors, plan.query, variables, context)
            raise

    def _build(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        kind: type[Executor[Any]],
        middleware: MiddlewareManager | None = None,
    ) -> Executor[Any]:
        built = executors.build(
            *(kind, self._definition, plan, variables, context, middleware),
            self._hides_suggestions,
        )
        self.planner.check(plan, built.variable_values)
        return built
