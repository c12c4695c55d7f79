"""One execution with extensions: their hooks around its steps, in the order and with the errors of Strawberry's own.

What is kept of a document makes most steps short: it is parsed and validated once, and then only by what extensions
add. https://strawberry.rocks/docs/guides/custom-extensions
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

from graphql import ExecutionResult as GraphQLResult
from graphql import GraphQLError
from graphql.execution import MiddlewareManager

from watchword.context import Context
from watchword.errors import BadUserInput, Internal, OverBudget, QueryMissing, Unavailable
from watchword.execution.extensions.changes import Changes, located
from watchword.execution.extensions.mounted import Extensions
from watchword.execution.options import ErrorHook
from watchword.execution.plan import Draft, Plan, Planner, Refused
from watchword.execution.response import Answer, check_shared, respond
from watchword.formats.exact_json import writable_or_text
from watchword.libraries.strawberry_extensions import ExecutionResult, PreExecutionError, around
from watchword.principal import IdentityAsked, cannot_be_shared

T = TypeVar("T")
Execute = Callable[[Plan, dict[str, Any] | None, Context, MiddlewareManager | None], Awaitable[T]]
"""Runs a plan: with variables, in a context, with what runs around each field."""


class Parts(NamedTuple):
    """What all executions of a schema with extensions have in common."""

    extensions: Extensions
    planner: Planner
    hook: ErrorHook


class HookedOperation:
    """A query or a mutation, with the hooks around it."""

    def __init__(
        self, parts: Parts, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> None:
        self._parts = parts
        self._asked = self._plan = plan
        self._context = context
        self._hooks = parts.extensions.begin(plan, variables, context)
        self._seen = self._hooks.seen
        self._changes = Changes()
        # Whether a resolver may have run: from then on there is an answer, and not only a refusal.
        self._has_begun = False

    async def answer(self, execute: Execute[GraphQLResult]) -> Answer:
        """Run it as `Schema.execute` does: the hooks have ended before the results of extensions are read.

        Raises `Refused` if it cannot be run, and what `execute` raises.
        """
        try:
            async with around(self._hooks.runner.operation()):
                errors = await self._prepare()
                if errors:
                    result = await self._handled(PreExecutionError(None, errors))
                else:
                    ran = await self._execute(execute)
        except (QueryMissing, Refused):
            raise
        except Exception as error:
            result = await self._handled(PreExecutionError(None, [self._raised(error)]))
        else:
            if not errors:
                result = await self._handled(ran, is_known=True)
        return given(self._respond(result))

    async def streamed(self, execute: Execute[GraphQLResult]) -> Answer:
        """Run it as `Schema.stream` does, for transports of subscriptions: `on_stream_result` sees its answer.

        Raises as `answer` does. An error after the answer was made is only logged.
        """
        made: Answer | Exception | None = None
        try:
            async with around(self._hooks.runner.operation()):
                result = await self._result(execute)
                async with around(self._hooks.runner.on_stream_result(result)):
                    made = self._respond(result)
        except (QueryMissing, Refused):
            raise
        except Exception as error:
            raised = self._raised(error)
            if made is None:
                made = self._respond(PreExecutionError(None, [raised]))
        return given(made)

    async def _result(self, execute: Execute[GraphQLResult]) -> ExecutionResult:
        if errors := await self._prepare():
            return await self._handled(PreExecutionError(None, errors))
        try:
            ran = await self._execute(execute)
        except Exception as error:
            return await self._handled(PreExecutionError(None, [self._raised(error)]))
        return await self._handled(ran, is_known=True)

    async def _prepare(self) -> list[GraphQLError]:
        """Parse and validate, with the hooks around it. Return the errors, if it cannot be run."""
        seen, runner = self._seen, self._hooks.runner
        self._follow_query()
        if seen.query is None and seen.graphql_document is None:
            self._missing()
        if isinstance(self._plan, Draft) and self._plan.is_oversized:
            # An extension that parses would do so without our limits.
            return self._plan.errors
        async with around(runner.parsing()):
            if errors := self._parse():
                seen.pre_execution_errors = errors
                return errors
        self._follow()
        async with around(runner.validation()):
            if errors := self._validate():
                seen.pre_execution_errors = errors
                return errors
        self._follow()
        return self._unfit()

    def _missing(self) -> NoReturn:
        """Raise why there is no document, which no extension has found: `Refused` if an id names one, or `QueryMissing`.

        Extensions do not see it: a client that is not told that its id is unknown does not send the text.
        """
        if isinstance(self._plan, Draft) and self._plan.errors:
            raise Refused(self._plan.errors)
        raise QueryMissing

    def _parse(self) -> list[GraphQLError]:
        seen, planner = self._seen, self._parts.planner
        if seen.graphql_document is not None:
            return []
        self._follow_query()
        plan = self._plan
        if isinstance(plan, Draft) and not plan.is_parsed:
            if self._hooks.raises_syntax_errors:
                raise plan.errors[0]
            return plan.errors
        if errors := planner.parse_again(plan, seen.parse_options):
            return errors
        seen.graphql_document = plan.document
        return []

    def _follow_query(self) -> None:
        """Plan the query that an extension has put in the place of the client's."""
        if (query := self._seen.query) != self._plan.query:
            asked, view = self._plan.asked_name, self._plan.view
            self._plan = self._parts.planner.draft(query, asked, view)

    def _follow(self) -> None:
        """Plan the document that an extension has put in the place of the client's."""
        document = self._seen.graphql_document
        if document is not None and document is not self._plan.document:
            self._plan = self._parts.planner.adopt(document, self._plan)

    def _validate(self) -> list[GraphQLError]:
        seen, plan = self._seen, self._plan
        if seen.pre_execution_errors is None and seen.validation_rules:
            found = self._parts.planner.errors(plan, seen.validation_rules)
            seen.pre_execution_errors = found
        # Our own rules and limits hold whatever an extension takes away.
        return list(seen.pre_execution_errors or self._parts.planner.errors(plan, ()))

    def _unfit(self) -> list[GraphQLError]:
        """Return why the operation that an extension has put in the place of the client's cannot be run there."""
        plan, asked = self._plan, self._asked
        if isinstance(plan, Draft):
            return plan.errors
        if isinstance(asked, Draft):
            is_fit = not plan.is_subscription and not (plan.is_mutation and asked.is_safe_only)
        else:
            is_fit = plan.operation.operation is asked.operation.operation
        if is_fit:
            return []
        kind = plan.operation.operation.value
        said = BadUserInput(
            f"An extension made a {kind} of this request, which cannot be run here."
        )
        return [GraphQLError(said.message, original_error=said)]

    async def _execute(self, execute: Execute[GraphQLResult]) -> Any:
        """Execute with the hooks around it, unless a hook has given a result."""
        seen = self._seen
        async with around(self._hooks.runner.executing()):
            if not seen.result:
                seen.result = await self._run(execute)
            elif seen.result.errors:
                self._report(seen.result.errors)
            if errors := seen.result.errors:
                seen.pre_execution_errors = errors
            result = seen.result
        return result

    async def _run(self, execute: Execute[GraphQLResult]) -> Any:
        context = self._context
        if self._plan is not self._asked and not context.is_shared:
            self._charge()
        try:
            result = await execute(self._plan, self._seen.variables, context, self._middleware())
        except Refused as refused:
            # It was reported where it was found.
            self._changes.note(refused.errors)
            return PreExecutionError(None, refused.errors)
        self._has_begun = True
        check_shared(result, context)
        if result.errors:
            self._report(result.errors)
            self._changes.note(result.errors)
        return result

    def _charge(self) -> None:
        """Charge a document that an extension has found. The transport could not know its cost."""
        budgets = self._context.services.budgets
        if budgets.is_set:
            cost = self._parts.planner.cost(self._plan, self._seen.variables)
            budgets.charge(self._context.principal, self._context.address, cost)

    def _middleware(self) -> MiddlewareManager | None:
        return self._hooks.middleware(self._parts.extensions.is_directed(self._plan))

    async def _handled(self, result: Any, *, is_known: bool = False) -> ExecutionResult:
        """Return a result with the results of extensions. `is_known` says that its errors were reported before."""
        seen = self._seen
        if errors := result.errors:
            seen.pre_execution_errors = errors
            if not is_known:
                self._report(errors)
                self._changes.note(errors)
        if isinstance(result, GraphQLResult):
            result = ExecutionResult(data=result.data, errors=errors)
        result.extensions = await self._hooks.runner.get_extensions_results(seen)
        seen.result = result
        return result  # type: ignore[no-any-return]

    def _report(self, errors: list[GraphQLError]) -> None:
        seen = self._seen
        self._parts.hook.report(errors, seen.query, seen.variables, self._context)

    def _respond(self, result: ExecutionResult) -> Answer | Exception:
        """Return the answer that a client gets; the error that is raised in its place if nothing was run."""
        if isinstance(result, PreExecutionError) and not self._has_begun:
            return self._refusal(result)
        return respond(result.data, self._told(result), self._context, result.extensions)

    def _refusal(self, result: ExecutionResult) -> Exception:
        errors = self._told(result)
        for error in errors:
            # A hook has failed, which is no fault of the request.
            if isinstance(error.original_error, Internal | Unavailable | OverBudget):
                return error.original_error
        return Refused(errors, writable_or_text(result.extensions or {}))

    def _told(self, result: ExecutionResult) -> list[GraphQLError]:
        return self._changes.told(result.errors or [], self._context.principal)

    def _raised(self, error: Exception) -> GraphQLError:
        """Return what a hook raised, as an error of the answer. Raises `IdentityAsked` if it may not be shared."""
        if self._context.is_shared and cannot_be_shared(error):
            raise IdentityAsked("an extension asked for the caller's identity") from error
        return located(error)


def given(made: Answer | Exception) -> Answer:
    """Return an answer. Raises what was made in its place."""
    if isinstance(made, Exception):
        raise made
    return made
