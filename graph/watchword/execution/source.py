"""An open subscription: its events, and the answer that is made of each."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError

from watchword.context import Context
from watchword.errors import TimedOut
from watchword.execution.masking import mask
from watchword.execution.response import Answer, respond
from watchword.extras_scope import using
from watchword.principal import IdentityAsked, cannot_be_shared
from watchword.process.deadline import WorkCancelled, within
from watchword.process.eager import Eager
from watchword.storage.database import is_unavailable
from watchword.throttling.ceiling import most

log = logging.getLogger("watchword.execution")


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
        if (scope := context.extras_scope) is not None and scope.is_to_open:
            return self._awaited(self._executed(event, context), context)
        running = self._execute(event, context)
        if type(running) is ExecutionResult or not isawaitable(running):
            return self._checked(running, context)
        return self._awaited(running, context)

    async def _executed(self, event: Any, context: Context) -> Any:
        running = self._execute(event, context)
        return await running if isawaitable(running) else running

    async def _awaited(self, running: Awaitable[Any], context: Context) -> Answer:
        services = context.services
        seconds = most(services.settings, "event_seconds")
        try:
            # Let the execution finish in its time even if this task is cancelled: a half-run one leaves
            # coroutines unawaited.
            work = using(context.extras_scope, running)
            result = await within(services.clock, seconds, work, whole=True)
        except TimedOut as late:
            log.warning("an event took longer than %g s", seconds)
            return {"data": None, "errors": [late.as_dict()]}
        except WorkCancelled as cancelled:
            self.report_failure(cancelled, context)
            return {"data": None, "errors": [mask(cancelled).as_dict()]}
        return self._checked(result, context)

    def _checked(self, result: ExecutionResult, context: Context) -> Answer:
        check_event(result, context)
        if result.errors:
            self._report(result.errors, context=context)
        return respond(result.data, result.errors, context)

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


def check_event(result: ExecutionResult, context: Context) -> None:
    """Raise `DatabaseUnavailable` or `IdentityAsked` if one of them is why an event has no answer."""
    for error in result.errors or ():
        if is_unavailable(error.original_error):
            raise DatabaseUnavailable from error.original_error
        if context.is_shared and cannot_be_shared(error.original_error):
            raise IdentityAsked from error.original_error
