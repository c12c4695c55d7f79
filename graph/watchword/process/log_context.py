"""What the log says about the work that a line belongs to: its connection and its operation.

Context variables, so that a line of a resolver, of a library or of another thread has them too.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count

_PROCESS = secrets.token_hex(4)
_numbers = count(1)
# GraphQL does not limit names.
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class LoggedOperation:
    """An operation in the log: an id that no other one has, and its name in the document."""

    id: str
    name: str | None


connection: ContextVar[str | None] = ContextVar("connection", default=None)
"""The id of the live connection."""
operation: ContextVar[LoggedOperation | None] = ContextVar("operation", default=None)
"""The operation that is executed, or the subscription that an event is answered for."""


def new_id() -> str:
    """Return an id that tells this connection or operation from all others of all processes."""
    return f"{_PROCESS}-{next(_numbers)}"


def named(name: str | None) -> LoggedOperation:
    """Return a new operation with this name."""
    return LoggedOperation(new_id(), name and name[:LONGEST_NAME])


def fields() -> dict[str, str]:
    """Return what is known of the work in the present context, by the names that the log uses."""
    found: dict[str, str | None] = {"connection_id": connection.get()}
    if (running := operation.get()) is not None:
        found |= {"operation_id": running.id, "operation_name": running.name}
    return {name: value for name, value in found.items() if value}
