"""Events: frozen values that travel from a commit to every subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A position in a stream, and the mark of the event at that position.

    Marks are random. If a database goes back to an earlier state and its positions are used again, the new
    events have other marks. So a place from before is recognised as one that does not exist any more.
    """

    position: int
    mark: str


BEGINNING = Place(0, "")
"""The place before a stream's first event."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one thing.

    `stream` is the sequence of events it belongs to, `key` identifies the thing (an incident's id), and
    `kind` says what happened. `data` holds ids and small values, never anything that a permission guards:
    each subscriber loads what it may see with its own principal. `position` numbers the events of a stream
    from 1, without holes, in the order of their commits; it is 0 until the event is appended to the log.
    `mark` is random and belongs to this event; `before` is the mark of the event at the previous position.
    `place` is the event's position with its mark.
    `trace` names the span that published the event (a W3C traceparent), if that was recorded.
    """

    stream: str
    key: str
    kind: str
    data: Mapping[str, str | int | None] = field(default_factory=dict)
    position: int = 0
    mark: str = field(default="", compare=False)
    before: str = field(default="", compare=False)
    trace: str | None = field(default=None, compare=False)
    place: Place = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Made once: each of an event's subscribers reads it several times.
        object.__setattr__(self, "place", Place(self.position, self.mark))


PRESENT = "PRESENT"
"""The kind of the first event of `context.follow(…, present=True)`, which stands for the present state.
It is never in the log."""
