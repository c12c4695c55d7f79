"""The private and undocumented parts of graphql-core that the runtime uses."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from traceback import walk_tb
from typing import Any

from graphql import GraphQLArgument, GraphQLError
from graphql.execution import Executor, ExperimentalIncrementalExecutionResults, values
from graphql.utilities.coerce_input_value import coerce_default_value

from watchword.formats.exact_json import writable

# The methods in which graphql-core raises an error that a resolver returned, or that its awaitable raised.
_PASSING_ON = {
    Executor.complete_value.__code__,
    Executor.complete_awaitable_value.__code__,
    Executor.complete_awaitable_list_item_value.__code__,
    Executor.with_abort_signal.__code__,
}


def checking_executor(base: type[Executor[Any]]) -> type[Executor[Any]]:
    """Make an executor that answers a field with an error when JSON cannot hold its value, and lets what `Domain.context`
    opens be closed only after the resolvers that nothing waits for any more.

    If a value were found only when the whole answer is written, one such value would make all of it fail.
    """
    complete = base.complete_leaf_value

    class Checking(base):  # type: ignore[valid-type, misc]
        @staticmethod
        def complete_leaf_value(return_type: Any, result: Any) -> Any:
            value = complete(return_type, result)
            kind = type(value)
            # The fast path: nearly all leaves need no further call.
            if kind is str:
                if value.isascii():
                    return value
            elif kind is bool or (kind is float and isfinite(value)):
                return value
            return writable(value)

        def settle_in_background(self, awaitables: list[Any]) -> None:
            scope = self.context_value.extras_scope
            super().settle_in_background(
                awaitables if scope is None else [scope.settling(awaitables)]
            )

    return Checking


def hiding_executor(
    base: type[Executor[Any]], check: Callable[[Any, Any, Any, Any], None]
) -> type[Executor[Any]]:
    """Make an executor that calls `check` with its schema, the type of each leaf, its completed value, and the context."""
    complete = base.complete_leaf_value

    class Hiding(base):  # type: ignore[valid-type, misc]
        # graphql-core's is static, and called on the executor.
        def complete_leaf_value(self, return_type: Any, result: Any) -> Any:
            value = complete(return_type, result)
            check(self.schema, return_type, value, self.context_value)
            return value

    return Hiding


def repeating_executor(base: type[Executor[Any]]) -> type[Executor[Any]]:
    """Make an executor for many events, which collects the fields of the document only for the first.

    graphql-core caches the fields that it collects below a list of fields, under the identity of that
    list. It makes a new list of the root fields for each event, so the cache would never hit, and would
    grow with each event.
    """

    class Repeating(base):  # type: ignore[valid-type, misc]
        def execute_collected_root_fields(
            self, root_type: Any, root_value: Any, fields: Any, serially: bool, deferred: Any
        ) -> Any:
            # The executors of all events share this cache.
            (_, first) = self._relevant_sub_fields.setdefault((None, 0), (None, fields))
            return super().execute_collected_root_fields(
                root_type, root_value, first, serially, deferred
            )

    return Repeating


def event_executor(executor: Executor[Any], event: object, context: object) -> Executor[Any]:
    """Return the executor that answers one event of a subscription, in a context of its own."""
    made = executor.build_per_event_executor(event)
    made.context_value = context
    return made


async def drop_deferred(
    executor: Executor[Any], deferred: ExperimentalIncrementalExecutionResults
) -> None:
    """Cancel what an answer has deferred and not delivered, and close the sources of its streamed lists.

    Closing the generator is not enough: if it has not begun, nothing in it runs.
    """
    await deferred.subsequent_results.aclose()
    await executor.cancel_incremental_work()


def default_value(argument: GraphQLArgument) -> Any:
    """Return the value that an argument has when it is not given; `Undefined` without a default."""
    return coerce_default_value(argument)


def is_meant_for_clients(error: GraphQLError) -> bool:
    """Tell whether this error comes from a resolver, or is about an argument that a client sent.

    graphql-core raises the same class when a resolver's value does not fit its type, and its message then
    holds the value. The place where the error was raised tells them apart.
    """
    last = None
    for frame, _ in walk_tb(error.__traceback__):
        last = frame
    if last is None:
        return False
    module = last.f_globals.get("__name__", "")
    is_about_arguments = module == values.__name__
    is_from_outside = not module.startswith("graphql.")
    return is_from_outside or is_about_arguments or last.f_code in _PASSING_ON
