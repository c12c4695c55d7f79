"""What of an error leaves the server: known errors whole, unexpected ones as an id in the log."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from graphql import GraphQLError

from graph.errors import BadUserInput, Internal, WatchwordError

log = logging.getLogger("watchword.execution")


def present(error: GraphQLError) -> dict[str, Any]:
    """Return a GraphQL error as it goes to the client (GraphQL spec, section 7.1.2)."""
    shown: dict[str, Any] = {"message": error.message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    cause = error.original_error
    if isinstance(cause, WatchwordError):
        shown["extensions"] = cause.extensions
    elif _is_about_the_request(error, cause):
        shown["extensions"] = {"code": BadUserInput.code, **(error.extensions or {})}
    else:
        shown.update(conceal(cause or error).as_dict())
    return shown


def conceal(cause: BaseException) -> WatchwordError:
    """Log an unexpected exception under a new id, and return the error that names only the id."""
    if isinstance(cause, WatchwordError):
        return cause
    id = secrets.token_hex(8)
    log.error("unexpected error %s", id, exc_info=cause)
    return Internal(id)


def _is_about_the_request(error: GraphQLError, cause: Exception | None) -> bool:
    # Only what happens at a field has a path. There, a bad argument points at a place in the
    # document; what a resolver raises, or a value that cannot be serialised, may hold anything.
    if error.path is None or cause is None:
        return True
    return isinstance(cause, GraphQLError) and bool(cause.nodes or cause.extensions)
