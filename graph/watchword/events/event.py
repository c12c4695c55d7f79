"""What happened: a frozen value that travels from a commit to every subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A position in a stream, and the mark of the event that is there.

    Marks are random. When a database goes back to an earlier state and its positions are used again,
    the events there have other marks, and a place from before is known to be lost.
    """

    position: int
    mark: str


BEGINNING = Place(0, "")
"""The place before a stream's first event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `stream` is the ordered log it belongs to, `key` which thing in it (an incident's id), `kind`
    what happened to it. `data` holds ids and small values, never what a permission guards: each
    subscriber loads what it may see, with its own principal. `position` is the event's place in its
    stream, from 1 and without holes, in the order of commits; 0 until the log has given it one.
    `mark` is random and the event's own; `before` is the mark of the event at the position before.
    """

    stream: str
    key: str
    kind: str
    data: Mapping[str, str | int | None] = field(default_factory=dict)
    position: int = 0
    mark: str = field(default="", compare=False)
    before: str = field(default="", compare=False)

    @property
    def place(self) -> Place:
        """Where it is in its stream."""
        return Place(self.position, self.mark)


PRESENT = "PRESENT"
"""The kind of the event with which a subscription that asks for the present state begins. It
happened to nobody and is in no log: `context.follow(…, present=True)` makes it."""
