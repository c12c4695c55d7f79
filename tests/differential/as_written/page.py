"""A schema as somebody writes it for Strawberry, and the operations that both servers must answer alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import strawberry

from tests.support.strawberry_view import Operation

UNEXPECTED = "Something went wrong on our side."
"""How Watchword answers an exception that nobody meant for clients; the id in the log follows."""


@dataclass(frozen=True)
class Page:
    """A schema, and operations over it. The name is the topic of Strawberry's documentation that it follows.

    `reworded` has the messages that Watchword says otherwise: Strawberry's, and the beginning of Watchword's.
    """

    name: str
    schema: strawberry.Schema
    operations: tuple[Operation, ...]
    reworded: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name
