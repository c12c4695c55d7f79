"""What a client raises. All are gql's `TransportError`, so that one clause catches these and gql's own."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from gql.transport.exceptions import TransportError, TransportQueryError


class ClientError(TransportError):
    """The server refuses, and trying the same again would not help."""


class Unavailable(ClientError):
    """The server cannot be reached, or cannot answer now. Trying again later may help.

    `retry_after` is in seconds; None if the server has not said it.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ClientError):
    """The password, code, client or grant is not accepted. `error` is the name of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class SecondFactorNeeded(Refused):
    """The password was right: sign in with it again, and with `otp` or `recovery_code`."""


class SessionEnded(ClientError):
    """Nobody is signed in: the session was ended, here or elsewhere. Sign in again."""


class FetchAgain(TransportQueryError):
    """The server has no events from after the cursor any more (CURSOR_EXPIRED).

    Fetch the present state, and subscribe again without a cursor.
    """


def code_of(errors: Sequence[Any] | None) -> str | None:
    """Return the code of the first GraphQL error; None if it has none."""
    first = errors[0] if errors else None
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code if isinstance(code, str) else None


def retry_after_of(errors: Sequence[Any] | None) -> float:
    """Return the seconds after which the first GraphQL error lets its operation be tried again; 0 if it does not say."""
    first = errors[0] if errors else None
    extensions = first.get("extensions") if isinstance(first, dict) else None
    return seconds_of(extensions.get("retryAfter") if isinstance(extensions, dict) else None)


def seconds_of(value: object) -> float:
    """Return a number of seconds in an answer; 0 for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < inf else 0.0


def query_error(
    errors: Sequence[Any], data: Any = None, extensions: Any = None
) -> TransportQueryError:
    """Return the error for an answer with GraphQL errors."""
    kind = FetchAgain if code_of(errors) == "CURSOR_EXPIRED" else TransportQueryError
    first = errors[0]
    message = first.get("message") if isinstance(first, dict) else first
    return kind(str(message), errors=list(errors), data=data, extensions=extensions)
