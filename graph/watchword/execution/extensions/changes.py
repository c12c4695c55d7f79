"""What extensions made of the errors of an answer: the client gets what they say, and the log what they hide."""

from __future__ import annotations

from typing import Any, NamedTuple

from graphql import GraphQLError

from watchword.errors import WatchwordError
from watchword.execution.masking import format_error, mask
from watchword.permissions.refusal import with_refusal
from watchword.principal import Principal


class _AsMade(WatchwordError):
    """An error that an extension made. It has the extensions that it was made with, and no others."""

    def __init__(self, message: str, extensions: dict[str, Any]) -> None:
        super().__init__(message)
        self.extensions = extensions


class _Before(NamedTuple):
    """An error of the execution, and what it said before extensions saw it."""

    error: GraphQLError
    message: str
    extensions: dict[str, Any]


class Changes:
    """Compares the errors of an answer with those before extensions saw them."""

    def __init__(self) -> None:
        self._before: dict[int, _Before] = {}

    def note(self, errors: list[GraphQLError]) -> None:
        """Note errors that extensions are about to see."""
        for error in errors:
            said = _Before(error, error.message, dict(error.extensions or {}))
            self._before.setdefault(id(error), said)

    def told(self, errors: list[GraphQLError], principal: Principal) -> list[GraphQLError]:
        """Return errors as `format_error` shows them: as extensions have made them, with unexpected ones masked.

        An unexpected error that an extension hides from the client is logged.
        """
        left = {id(error) for error in errors}
        for id_, before in self._before.items():
            if id_ not in left or before.message != before.error.message:
                _log(before.error)
        return [self._told(error, principal) for error in errors]

    def _told(self, error: GraphQLError, principal: Principal) -> GraphQLError:
        before = self._before.get(id(error))
        extensions = dict(error.extensions or {})
        if before is None:
            cause = error.original_error
            # The cause may be anything, and its own message would be shown. Mask it like every unexpected error.
            is_made = (
                cause is None or isinstance(cause, GraphQLError) or error.message != str(cause)
            )
            return _as_made(error, error.message, extensions) if is_made else error
        if error.message != before.message:
            return _as_made(error, error.message, extensions)
        added = {k: v for k, v in extensions.items() if before.extensions.get(k) != v}
        shown = with_refusal(error, principal)
        if not added:
            return shown
        formatted = format_error(shown)
        return _as_made(error, formatted["message"], formatted.get("extensions", {}) | added)


def located(error: Exception) -> GraphQLError:
    """Return what a hook raised as an error of the answer. An unexpected one is logged, and the answer has its id."""
    if isinstance(error, GraphQLError):
        return error
    told = mask(error)
    return GraphQLError(told.message, original_error=told)


def _as_made(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        error.nodes,
        error.source,
        error.positions,
        error.path,
        original_error=_AsMade(message, extensions),
    )


def _log(error: GraphQLError) -> None:
    if error.path is not None and error.original_error is not None:
        mask(error.original_error)
