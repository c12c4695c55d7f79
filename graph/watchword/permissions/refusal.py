"""The refusal of any Strawberry permission, as an error of ours. Which error a permission raises is
its author's choice, so a refusal is known by the place where it was raised."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import GraphQLError

from watchword.errors import Forbidden, Unauthenticated, WatchwordError
from watchword.libraries.strawberry_parts import is_refusal
from watchword.principal import Principal


def refusal(error: BaseException, principal: Principal) -> WatchwordError | None:
    """Return what a permission's `on_unauthorized` raised as FORBIDDEN, or UNAUTHENTICATED for the
    anonymous; None when the error comes from elsewhere.

    Its message and its extensions are kept, its own `code` too.
    """
    if not is_refusal(error):
        return None
    if isinstance(error, WatchwordError):
        return error
    kind = Unauthenticated if principal.is_anonymous else Forbidden
    given = getattr(error, "extensions", None)
    refused = kind(str(getattr(error, "message", None) or error) or "This is not allowed.")
    refused.extensions.update(given if isinstance(given, Mapping) else {})
    return refused


def named(error: GraphQLError, principal: Principal) -> GraphQLError:
    """Return a field's error with the refusal of a permission, if it is one, as its cause."""
    cause = error.original_error
    refused = None if cause is None else refusal(cause, principal)
    if refused is None or refused is cause:
        return error
    return GraphQLError(refused.message, error.nodes, path=error.path, original_error=refused)
