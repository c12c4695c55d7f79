"""A field at one place of an operation: its definition, its nodes in the document, and its path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType

from watchword.libraries.graphql_execution import Path

Step = tuple[str, str] | None
"""One step of a path: a field's key and the type that it is selected on, or None for the index of a list."""


class Site:
    """A field that an operation selects on one type, at one place of the answer.

    `steps` is the field's path in which the indexes of lists are left open. `details` are graphql-core's own
    records of the merged selections.
    """

    __slots__ = ("definition", "details", "key", "nodes", "number", "parent", "steps")

    def __init__(
        self,
        number: int,
        key: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: list[Any],
        steps: tuple[Step, ...],
    ) -> None:
        self.number = number
        self.key = key
        self.parent = parent
        self.definition = definition
        self.details = details
        self.steps = steps

        self.nodes: list[FieldNode] = [each.node for each in details]

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.nodes[0].name.value


def path(steps: Iterable[Step], indexes: Iterable[int]) -> Path:
    """Return the path whose open steps are these indexes, in order."""
    made: Any = None
    rest = iter(indexes)
    for step in steps:
        made = Path(made, next(rest), None) if step is None else Path(made, *step)
    return made  # type: ignore[no-any-return]
