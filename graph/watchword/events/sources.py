"""Declares what a field, a type or a loader reads, so that its answers can be shared until that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_ATTRIBUTE = "__watchword_reads__"


@dataclass(frozen=True, slots=True)
class Sources:
    """The streams that something reads, and for how many seconds its answer is good; None for no such limit."""

    streams: frozenset[str] = frozenset()
    seconds: float | None = None

    def plus(self, other: Sources) -> Sources:
        """Return the sources of both together."""
        limits = [each for each in (self.seconds, other.seconds) if each is not None]
        return Sources(self.streams | other.streams, min(limits, default=None))


def reads(*streams: str, seconds: float | None = None) -> Callable[[T], T]:
    """Declare that a field, a type or a loader reads rows of these streams, and nothing else that can change.

    A query that has only declared fields is executed once for all callers with the same variables and grants,
    and its answer is kept until an event happens in one of the streams. Put the decorator above
    `@strawberry.field`, `@strawberry.type` or the loader. A type's attributes inherit its declaration; a field
    with a resolver needs its own, which covers its permissions too. Without streams, it says that the result
    follows from the parent object alone.

    With `seconds`, the resolver may also read `info.context.now`, and the answer is kept for at most that long.
    A resolver must not read other things that change: the clock of the machine, random numbers, another service.
    """
    sources = Sources(frozenset(streams), seconds)

    def declare(target: T) -> T:
        if isinstance(target, Field):
            target.metadata = {**target.metadata, _ATTRIBUTE: sources}  # type: ignore[assignment]
        else:
            setattr(target, _ATTRIBUTE, sources)
        return target

    return declare


def declared_by(target: Any) -> Sources | None:
    """Return what a field, a loader or a class itself declares; None if it declares nothing."""
    found = target.metadata if isinstance(target, Field) else getattr(target, "__dict__", {})
    sources: Sources | None = found.get(_ATTRIBUTE)
    return sources


def together(each: Iterable[Sources]) -> Sources:
    """Return the sources of all of them."""
    whole = Sources()
    for sources in each:
        whole = whole.plus(sources)
    return whole
