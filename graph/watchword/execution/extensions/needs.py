"""What the author of an extension says of it: whether each request needs the extension, or each execution."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

from strawberry.extensions import SchemaExtension

Kind = TypeVar("Kind", bound=type[SchemaExtension])

_ATTRIBUTE = "watchword_runs_for"


class RunsFor(Enum):
    """How often an extension must run."""

    REQUEST = "each request and each subscriber, so nothing is shared"
    EXECUTION = "each execution, however many share it"


def each_request(extension: Kind) -> Kind:
    """Say that an extension must run for each request: its schema's answers and subscriptions are not shared.

    Use it for an extension that counts, limits or records requests. It holds for subclasses too.
    """
    setattr(extension, _ATTRIBUTE, RunsFor.REQUEST)
    return extension


def each_execution(extension: Kind) -> Kind:
    """Say that an extension need not run where an answer is shared: it does nothing that depends on the request.

    Without this, answers of queries are not shared on a schema with an extension that Watchword does not know. It does
    not hold for subclasses, which may do more.
    """
    setattr(extension, _ATTRIBUTE, RunsFor.EXECUTION)
    return extension


def declared(extension: type[SchemaExtension]) -> RunsFor | None:
    """Return what the author said of an extension."""
    own: Any = vars(extension).get(_ATTRIBUTE)
    said: Any = getattr(extension, _ATTRIBUTE, None)
    return own or (said if said is RunsFor.REQUEST else None)
