"""What becomes of denials by grants: by setting, or as a request asks, one error tells all places of a requirement.

What roles, scopes and claims deny is denied at each place of the answer where the operation selects it. So one error
with the patterns of the paths says as much as one for each row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from graphql import ExecutionResult, GraphQLError
from graphql.execution import InitialIncrementalExecutionResult

from watchword.context import Context
from watchword.errors import WatchwordError

R = TypeVar("R", ExecutionResult, InitialIncrementalExecutionResult)
Pattern = tuple[str, ...]
"""A path of the answer, in which `@` stands for each index of a list."""


# Routers of a federation read the path of each error below it, and its items are of several types.
_ENTITIES = "_entities"


def chosen(context: Context) -> Any:
    """Return what a request asks for in `extensions.refusals`, or what is set. A shared run has no request.

    It is `partial`, `each` or `reject`.
    """
    return context.refusals or context.services.settings.refusals


def gathered_in(result: R, context: Context) -> R:
    """Return a result of an execution with its errors as the setting or the request has them. The result is changed."""
    if result.errors:
        result.errors = told(result.errors, context)
    return result


def told(errors: list[GraphQLError], context: Context) -> list[GraphQLError]:
    """Return the errors of an answer, or of a part of one, as the setting or the request has them."""
    return gathered(errors) if chosen(context) == "partial" else errors


def gathered(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """Return errors with one for each requirement that grants lack, at the place of its first.

    It has the path of the first place, and in `extensions.paths` the patterns of all if that says more.
    """
    found: dict[Any, list[GraphQLError]] = {}
    for error in errors:
        found.setdefault(_key(error), []).append(error)
    return [_one(each) for each in found.values()]


def _key(error: GraphQLError) -> Any:
    cause = error.original_error
    if _is_gathered(error) and isinstance(cause, WatchwordError):
        return cause.message, repr(cause.extensions)
    return id(error)


def may_gather(root: str | int) -> bool:
    """Tell whether one error may stand for all places below a root field, by its key in the answer."""
    return root != _ENTITIES


def _is_gathered(error: GraphQLError) -> bool:
    cause, path = error.original_error, error.path
    by_grants = isinstance(cause, WatchwordError) and cause.by_grants
    return by_grants and bool(path) and may_gather(path[0])  # type: ignore[index]


def _one(errors: list[GraphQLError]) -> GraphQLError:
    first = errors[0]
    cause = first.original_error
    if not (_is_gathered(first) and isinstance(cause, WatchwordError) and first.path):
        return first
    patterns = dict.fromkeys(_pattern(each.path or ()) for each in errors)
    if [*patterns] == [tuple(first.path)]:
        return first
    cause.extensions["paths"] = [[*each] for each in patterns]
    nodes = dict.fromkeys(node for each in errors for node in each.nodes or ())
    return GraphQLError(first.message, [*nodes], path=first.path, original_error=cause)


def _pattern(path: Iterable[str | int]) -> Pattern:
    return tuple("@" if isinstance(step, int) else step for step in path)
