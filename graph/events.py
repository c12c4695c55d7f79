"""What happened: a frozen value that travels from a commit to every subscriber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `stream` is the ordered log it belongs to, `key` which thing in it (an incident's id), `kind`
    what happened to it. `data` holds ids and small values, never what a permission guards: each
    subscriber loads what it may see, with its own principal.
    """

    stream: str
    key: str
    kind: str
    data: Mapping[str, str | int | None] = field(default_factory=dict)
