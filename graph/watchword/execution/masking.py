"""Masks errors: the client gets known errors unchanged, and of an unexpected error only its id in the log.

A `GraphQLError` that a resolver raises is meant for the client. graphql-core raises the same class when a
value does not fit its type in the schema. Its message then contains the value, so it counts as unexpected.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

import orjson
from graphql import GraphQLError

from watchword.errors import BadUserInput, Internal, Unavailable, WatchwordError
from watchword.formats.exact_json import encode, writable_or_text
from watchword.libraries.graphql_core import is_meant_for_clients
from watchword.libraries.strawberry_parts import relay_fault
from watchword.storage.database import is_unavailable, kind

log = logging.getLogger("watchword.execution")


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Return a GraphQL error in the form that the client gets (GraphQL spec, section 7.1.2)."""
    shown: dict[str, Any] = {"message": error.message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    cause = error.original_error
    if isinstance(cause, WatchwordError):
        if cause.extensions:
            shown["extensions"] = cause.extensions
    elif error.path is None or cause is None:
        # An error without a path is about the request, and not about a field.
        shown["extensions"] = _extensions(error)
    else:
        told = mask(cause)
        shown["extensions"] = told.extensions
        shown["message"] = told.message
    return shown


def mask(cause: BaseException) -> WatchwordError:
    """Return an exception as an error that the client may see.

    An unexpected exception is logged under a new id, and the error contains only the id. If the exception
    means that the database cannot be reached, the error is UNAVAILABLE.
    """
    if isinstance(cause, WatchwordError):
        return cause
    if isinstance(cause, GraphQLError) and is_meant_for_clients(cause):
        meant = BadUserInput(cause.message)
        meant.extensions = _extensions(cause)
        return meant
    if told := relay_fault(cause):
        return BadUserInput(told)
    if is_unavailable(cause):
        log.warning("an operation could not use the database: %s", kind(cause))
        return Unavailable("The database cannot be asked just now.")
    id = secrets.token_hex(8)
    log.error("unexpected error %s", id, exc_info=cause)
    return Internal(id)


def code_of(error: BaseException) -> str:
    """Return the code that the client gets for an error. Logs nothing."""
    cause = error.original_error if isinstance(error, GraphQLError) else error
    if isinstance(cause, WatchwordError):
        return str(cause.extensions["code"])
    if isinstance(error, GraphQLError) and (error.path is None or cause is None):
        return str(_extensions(error)["code"])
    if isinstance(cause, GraphQLError) and is_meant_for_clients(cause):
        return str(_extensions(cause)["code"])
    if cause is not None and relay_fault(cause):
        return BadUserInput.code
    return Unavailable.code if is_unavailable(cause) else Internal.code


def to_json(answer: dict[str, Any]) -> bytes:
    """Return an answer as JSON. The executor has checked each leaf of its data; its errors may hold anything."""
    try:
        return orjson.dumps(answer)
    except TypeError as error:
        if "errors" in answer:
            answer = {**answer, "errors": writable_or_text(answer["errors"])}
        try:
            return orjson.dumps(answer)
        except TypeError:
            # The leaves were checked, so the data can only be nested too deeply: orjson writes 254 levels.
            return encode({**answer, "data": None, "errors": [mask(error).as_dict()]})


def _extensions(error: GraphQLError) -> dict[str, Any]:
    return {"code": BadUserInput.code, **(error.extensions or {})}
