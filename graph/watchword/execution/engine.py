"""Runs plans: a query or a mutation gives one answer, a subscription gives a source of events."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any, Literal, cast

import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from graphql.execution import Executor, VariableValues, create_source_event_stream

from watchword.context import Context
from watchword.errors import TimedOut
from watchword.execution import numbers, options
from watchword.execution.compiled.compilation import NotCompiled
from watchword.execution.compiled.program import Program, finish
from watchword.execution.compiled.programs import Programs
from watchword.execution.compiled.run import Run
from watchword.execution.limits import Limits
from watchword.execution.masking import format_error, mask
from watchword.execution.plan import Plan, Planner, Refused
from watchword.libraries import strawberry_parts
from watchword.libraries.graphql_core import (
    checking_executor,
    event_executor,
    repeating_executor,
)
from watchword.permissions import guards
from watchword.permissions.refusal import with_refusal
from watchword.principal import IdentityAsked, SharedPrincipal, cannot_be_shared
from watchword.process.deadline import WorkCancelled, within
from watchword.process.eager import Eager
from watchword.storage.database import is_unavailable

log = logging.getLogger("watchword.execution")

Answer = dict[str, Any]
"""A GraphQL response: `data`, `errors`, `extensions`."""

Execution = Literal["compiled", "graphql-core"]
"""How operations are run: compiled to Python, or by graphql-core's interpreter. The answers are the same."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached. The same operation can be tried again later."""


class Source:
    """An open subscription: yields its events, and makes an answer of each."""

    def __init__(
        self,
        execute: Callable[[Any, Context], Any],
        events: AsyncIterator[Any],
        report: Callable[..., None],
    ) -> None:
        """`execute` executes the selection for an event in a context, and may return an awaitable.

        `report` is called with the errors of an answer and its context.
        """
        self._execute = execute
        self._report = report
        self._eager: Eager[Any] | None = None
        self.events = events

    def pull(self) -> Eager[Any]:
        """Ask for the next event; the resolver begins to work at once.

        The previous event must have been awaited. Awaiting raises `StopAsyncIteration` when there are no more.
        """
        self._eager = Eager(self.events.__anext__())
        return self._eager

    def answer(self, event: Any, context: Context) -> Answer | Awaitable[Answer]:
        """Execute the selection for one event, in a context of its own; may return an awaitable.

        An event that takes longer than `event_seconds` is answered with an error; the subscription
        continues. Raises `DatabaseUnavailable` when only the database prevented the answer, and
        `IdentityAsked` when a resolver asked for the caller's identity in an execution that several
        principals share.
        """
        running = self._execute(event, context)
        if type(running) is ExecutionResult or not isawaitable(running):
            return self._checked(running, context)
        return self._awaited(running, context)

    async def _awaited(self, running: Awaitable[Any], context: Context) -> Answer:
        services = context.services
        seconds = services.settings.event_seconds
        try:
            # Let the execution finish in its time even if this task is cancelled: a half-run one leaves
            # coroutines unawaited.
            result = await within(services.clock, seconds, running, whole=True)
        except TimedOut as late:
            log.warning("an event took longer than %g s", seconds)
            return {"data": None, "errors": [late.as_dict()]}
        except WorkCancelled as cancelled:
            self.report_failure(cancelled, context)
            return {"data": None, "errors": [mask(cancelled).as_dict()]}
        return self._checked(result, context)

    def _checked(self, result: ExecutionResult, context: Context) -> Answer:
        if result.errors:
            for error in result.errors:
                if is_unavailable(error.original_error):
                    raise DatabaseUnavailable from error.original_error
                if context.is_shared and cannot_be_shared(error.original_error):
                    raise IdentityAsked from error.original_error
            self._report(result.errors, context=context)
        return _answer(result, context)

    def report_failure(self, error: Exception, context: Context) -> None:
        """Report an error of the subscription's resolver or permissions, which belongs to no field."""
        located = error if isinstance(error, GraphQLError) else None
        self._report([located or GraphQLError(str(error), original_error=error)], context=context)

    async def close(self) -> None:
        """Cancel and close the resolver, so that it releases what it holds."""
        if self._eager is not None:
            await self._eager.cancel()
        close: Callable[[], Any] | None = getattr(self.events, "aclose", None)
        if close is not None:
            await close()


class Engine:
    """The mounted schema, ready to run."""

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits,
        memory: int,
        execution: Execution = "compiled",
    ) -> None:
        options.check(schema)
        guards.record_questions(schema)
        self.schema = schema
        self._definition = strawberry_parts.definition(schema)
        self._executor_class = checking_executor(strawberry_parts.executor_class(schema))
        self._event_executor_class = repeating_executor(self._executor_class)
        self._hides_suggestions = schema.config.disable_field_suggestions
        self._planner = self._make_planner(
            self._definition, limits, memory, self._hides_suggestions
        )
        self._hook = options.ErrorHook(schema)
        self.execution = execution
        self._programs = Programs(
            schema, self._definition, self._executor_class, self._hides_suggestions
        )

    def _make_planner(
        self, schema: GraphQLSchema, limits: Limits, memory: int, hides_suggestions: bool
    ) -> Planner:
        return Planner(schema, limits, memory, hides_suggestions)

    def plan(self, query: str, operation_name: str | None) -> Plan:
        """Return the plan of an operation. Raises `Refused` when it cannot be run."""
        try:
            return self._planner.plan(query, operation_name)
        except Refused as refused:
            self._hook.report(refused.errors, query)
            raise

    async def execute(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """Run a query or a mutation.

        Raises `Refused` when the variables do not fit, `TimedOut` after `operation_seconds`, and `IdentityAsked`
        when the execution is shared and anything in it asked for the caller's identity.
        """
        result = await _limited(self._execute(plan, variables, context), plan, context)
        _check_shared(result, context)
        if result.errors:
            self._hook.report(result.errors, plan.query, variables, context)
        return _answer(result, context)

    async def _execute(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        found = self._find_program(plan)
        result = None
        if found is not None:
            result = await self._run(found, plan, variables, context)
        if result is None:
            executor = self._build_executor(plan, variables, context, self._executor_class)
            answer = executor.execute_operation()
            result = cast(ExecutionResult, await answer if isawaitable(answer) else answer)
        return result

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        """Open a subscription.

        Raises `Refused` when it cannot be opened, `DatabaseUnavailable` when only the database prevents that,
        and `TimedOut` when it is not open after `operation_seconds`.
        """
        executor = self._build_executor(plan, variables, context, self._event_executor_class)
        opened = create_source_event_stream(executor)
        events = await _limited(opened, plan, context) if isawaitable(opened) else opened
        if isinstance(events, ExecutionResult):
            errors = events.errors or []
            for error in errors:
                if is_unavailable(error.original_error):
                    raise DatabaseUnavailable from error.original_error
            self._hook.report(errors, plan.query, variables, context)
            raise Refused([with_refusal(error, context.principal) for error in errors])
        report = partial(self._hook.report, query=plan.query, variables=variables)
        execute = partial(self._execute_event, plan, executor)
        return Source(execute, events.__aiter__(), report)

    def _execute_event(
        self, plan: Plan, opened: Executor[Any], event: Any, context: Context
    ) -> Any:
        """Execute the selection of a subscription for one event; may return an awaitable."""
        found = self._find_program(plan)
        if found is not None:
            try:
                values = opened.variable_values.coerced
                run, data = found.start(values, context, event, partial(_event_executor, opened))
            except NotCompiled as cause:
                self._programs.fell_back(plan, cause.reason)
            else:
                self._programs.used(plan, found)
                return _resulting(run, data)
        return event_executor(opened, event, context).execute_operation(serially=False)

    @property
    def fallbacks(self) -> Counter[str]:
        """How often graphql-core ran an operation that was to be compiled, by the reason."""
        return self._programs.fallbacks

    def _find_program(self, plan: Plan) -> Program | None:
        return self._programs.find(plan) if self.execution == "compiled" else None

    async def _run(
        self,
        program: Program,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
    ) -> ExecutionResult | None:
        """Run a compiled operation. Returns None if it is left to graphql-core with these variables."""
        kind, made = self._executor_class, list[Executor[Any]]()
        values = program.variables.coerce(variables)
        if values is None:
            made.append(self._build_executor(plan, variables, context, kind))
            values = made[0].variable_values.coerced
        else:
            self._check(plan, variables, VariableValues({}, values), context)

        def build(_run: Run) -> Executor[Any]:
            return made[0] if made else self._build(plan, variables, context, kind)

        try:
            run, data = program.start(values, context, None, build)
        except NotCompiled as cause:
            self._programs.fell_back(plan, cause.reason)
            return None
        self._programs.used(plan, program)
        if data is None or type(data) is dict:
            return ExecutionResult(data, run.errors)
        return await finish(run, data)

    def _check(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        values: VariableValues,
        context: Context,
    ) -> None:
        try:
            self._planner.check(plan, values)
        except Refused as refused:
            self._hook.report(refused.errors, plan.query, variables, context)
            raise

    def _build_executor(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        kind: type[Executor[Any]],
    ) -> Executor[Any]:
        try:
            return self._build(plan, variables, context, kind)
        except Refused as refused:
            self._hook.report(refused.errors, plan.query, variables, context)
            raise

    def _build(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        kind: type[Executor[Any]],
    ) -> Executor[Any]:
        if variables:
            variables, errors = numbers.fit(self._definition, plan.operation, variables)
            if errors:
                raise Refused(errors)
        built = kind.build(
            self._definition,
            plan.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=plan.operation_name,
            is_awaitable=strawberry_parts.is_awaitable,
            hide_suggestions=self._hides_suggestions,
        )
        if isinstance(built, list):
            raise Refused(built)
        self._planner.check(plan, built.variable_values)
        return built


def _event_executor(opened: Executor[Any], run: Run) -> Executor[Any]:
    return event_executor(opened, run.root, run.context)


def _resulting(run: Run, data: Any) -> Any:
    """Return the result of a run; `data` may be a coroutine that gives the data."""
    if data is None or type(data) is dict:
        return ExecutionResult(data, run.errors)
    return finish(run, data)


async def _limited(running: Awaitable[Any], plan: Plan, context: Context) -> Any:
    services = context.services
    try:
        return await within(services.clock, services.settings.operation_seconds, running)
    except TimedOut:
        log.warning("an operation took too long: %s", plan.operation_name or "(without a name)")
        raise


def _check_shared(result: ExecutionResult, context: Context) -> None:
    """Raise `IdentityAsked` if a shared execution asked for an identity, even if a resolver caught the error."""
    if not context.is_shared:
        return
    for error in result.errors or ():
        if cannot_be_shared(error.original_error):
            raise IdentityAsked from error.original_error
    if cast(SharedPrincipal, context.principal).was_asked:
        raise IdentityAsked("a resolver asked for the caller's identity")


def _answer(result: ExecutionResult, context: Context) -> Answer:
    answer: Answer = {"data": result.data}
    if result.errors:
        answer["errors"] = [
            format_error(with_refusal(error, context.principal)) for error in result.errors
        ]
    if cursors := context.cursors:
        answer["extensions"] = {"cursors": cursors}
    return answer
