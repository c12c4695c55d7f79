"""One run of a subscription with extensions: hooks around its whole life, around its opening, and at each event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from graphql import ExecutionResult as GraphQLResult
from graphql.execution import MiddlewareManager

from watchword.context import Context
from watchword.execution.extensions.changes import Changes
from watchword.execution.extensions.operation import Execute, HookedOperation, Parts, T
from watchword.execution.masking import mask
from watchword.execution.plan import Plan, Refused
from watchword.execution.response import Answer, respond
from watchword.execution.source import DatabaseUnavailable, Source, check_event
from watchword.libraries.strawberry_extensions import PreExecutionError, around
from watchword.principal import IdentityAsked, cannot_be_shared


class HookedSubscription(HookedOperation):
    """A subscription, with the hooks around it. Its `on_operation` ends when the run ends."""

    def __init__(
        self, parts: Parts, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> None:
        super().__init__(parts, plan, variables, context)
        self.hears_events = parts.extensions.hear_events
        self._entered = AsyncExitStack()

    @property
    def plan(self) -> Plan:
        """The plan that runs, which an extension may have chosen."""
        return self._plan

    @property
    def middleware(self) -> MiddlewareManager | None:
        """What runs the `resolve` of each extension around each field; None if there is none."""
        return self._middleware()

    async def open(self, create: Execute[T]) -> T:
        """Open the subscription. Raises `Refused` if it cannot be opened, and what `create` raises."""
        try:
            await self._entered.enter_async_context(around(self._hooks.runner.operation()))
            return await self._open(create)
        except (Refused, DatabaseUnavailable, IdentityAsked):
            await self.close()
            raise
        except Exception as error:
            await self.close()
            raise self._refusal(PreExecutionError(None, [self._raised(error)])) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End `on_operation`. An error in it is only logged: the client has all answers."""
        try:
            await self._entered.aclose()
        except Exception as error:
            if not (self._context.is_shared and cannot_be_shared(error)):
                mask(error)

    async def answer_event(self, result: GraphQLResult, context: Context) -> Answer:
        """Return the answer to one event, after the hooks have seen it."""
        self._begin_event(result, context)
        handled = await self._handled(result)
        async with around(self._hooks.runner.on_stream_result(handled)):
            return self._shown(handled)

    def answer_event_unheard(self, result: GraphQLResult, context: Context) -> Answer:
        """Return the answer to one event, if no hook hears of events."""
        self._begin_event(result, context)
        if result.errors:
            self._report(result.errors)
            self._changes.note(result.errors)
        self._seen.result = result
        return self._shown(result)

    async def _open(self, create: Execute[T]) -> T:
        if not (errors := await self._prepare()):
            try:
                async with around(self._hooks.runner.executing()):
                    self._hold()
                    context, middleware = self._context, self._middleware()
                    return await create(self._plan, self._seen.variables, context, middleware)
            except DatabaseUnavailable:
                raise
            except Refused as refused:
                errors = refused.errors
                self._changes.note(errors)
            except Exception as error:
                errors = [self._raised(error)]
        result = await self._handled(PreExecutionError(None, errors))
        async with around(self._hooks.runner.on_stream_result(result)):
            refusal = self._refusal(result)
        raise refusal

    def _hold(self) -> None:
        """Count a document that an extension has chosen, until the run ends. The transport counted the one that was sent.

        Raises `RateLimited` when the documents of open subscriptions hold too much memory.
        """
        if self._plan is not self._asked:
            context, plan = self._context, self._plan
            address = None if context.is_shared else context.address
            slot = context.services.subscribed.take(address, plan.number, plan.weight)
            self._entered.callback(slot.give_back)

    def _begin_event(self, result: GraphQLResult, context: Context) -> None:
        check_event(result, context)
        self._context = self._seen.context = context
        self._changes = Changes()
        self._has_begun = True

    def _shown(self, result: Any) -> Answer:
        extensions = getattr(result, "extensions", None)
        return respond(result.data, self._told(result), self._context, extensions)


class HookedSource(Source):
    """An open subscription with extensions."""

    def __init__(
        self,
        operation: HookedSubscription,
        execute: Callable[[Any, Context], Any],
        events: AsyncIterator[Any],
        report: Callable[..., None],
    ) -> None:
        super().__init__(execute, events, report)
        self._operation = operation

    def answer(self, event: Any, context: Context) -> Answer | Awaitable[Answer]:
        """Do as `Source.answer`, with the hooks around the answer. Raises what a hook raises."""
        if not self._operation.hears_events:
            return super().answer(event, context)
        return self._awaited(self._heard(event, context), context)

    async def _heard(self, event: Any, context: Context) -> Answer:
        result = await self._executed(event, context)
        return await self._operation.answer_event(result, context)

    def _checked(self, result: Any, context: Context) -> Answer:
        if not isinstance(result, GraphQLResult):
            return result  # type: ignore[no-any-return]
        return self._operation.answer_event_unheard(result, context)

    async def close(self) -> None:
        """Close the resolver, and then end `on_operation`."""
        try:
            await super().close()
        finally:
            await self._operation.close()
