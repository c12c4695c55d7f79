"""Turns the refusal of any Strawberry permission into FORBIDDEN or UNAUTHENTICATED.

The author of a permission chooses the class of the error, so a refusal is recognised by its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import GraphQLError

from watchword.errors import Forbidden, Unauthenticated, WatchwordError
from watchword.libraries.strawberry_parts import is_refusal
from watchword.principal import Principal


def refusal(error: BaseException, principal: Principal) -> WatchwordError | None:
    """Return the error of a permission's `on_unauthorized` as FORBIDDEN, or as UNAUTHENTICATED for an
    anonymous principal. None when the error comes from elsewhere.

    The message and the extensions are kept, a `code` in them too.
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


def with_refusal(error: GraphQLError, principal: Principal) -> GraphQLError:
    """Return a field's error. If a permission has refused, the cause of the returned error is one of ours."""
    cause = error.original_error
    refused = None if cause is None else refusal(cause, principal)
    if refused is None or refused is cause:
        return error
    return GraphQLError(refused.message, error.nodes, path=error.path, original_error=refused)
