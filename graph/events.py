"""What happened: a frozen value that travels from a commit to every subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `stream` is the ordered log it belongs to, `key` which thing in it (an incident's id), `kind`
    what happened to it. `data` holds ids and small values, never what a permission guards: each
    subscriber loads what it may see, with its own principal. `position` is the event's place in its
    stream, from 1 and without holes, in the order of commits; 0 until the log has given it one.
    """

    stream: str
    key: str
    kind: str
    data: Mapping[str, str | int | None] = field(default_factory=dict)
    position: int = 0


PRESENT = "PRESENT"
"""The kind of the event with which a subscription that asks for the present state begins. It
happened to nobody and is in no log: `context.follow(…, present=True)` makes it."""
