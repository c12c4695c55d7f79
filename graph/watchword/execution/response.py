"""The answer that a client gets: a result of an execution, with its errors as clients may see them."""

from __future__ import annotations

from typing import Any, cast

from graphql import ExecutionResult, GraphQLError

from watchword.context import Context
from watchword.execution.masking import format_error
from watchword.formats.exact_json import writable_or_text
from watchword.permissions.refusal import with_refusal
from watchword.principal import IdentityAsked, SharedPrincipal, cannot_be_shared

Answer = dict[str, Any]
"""A GraphQL response: `data`, `errors`, `extensions`."""


def respond(
    data: Any,
    errors: list[GraphQLError] | None,
    context: Context,
    extensions: dict[str, Any] | None = None,
) -> Answer:
    """Return an answer. `extensions` are what extensions of the schema say in it."""
    answer: Answer = {"data": data}
    if errors:
        answer["errors"] = [
            format_error(with_refusal(error, context.principal)) for error in errors
        ]
    if cursors := context.cursors:
        answer["extensions"] = {"cursors": cursors}
    if extensions:
        answer["extensions"] = writable_or_text(extensions) | answer.get("extensions", {})
    return answer


def check_shared(result: ExecutionResult, context: Context) -> None:
    """Raise `IdentityAsked` if a shared execution asked for an identity, even if a resolver caught the error."""
    if not context.is_shared:
        return
    for error in result.errors or ():
        if cannot_be_shared(error.original_error):
            raise IdentityAsked from error.original_error
    if cast(SharedPrincipal, context.principal).was_asked:
        raise IdentityAsked("a resolver asked for the caller's identity")
