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

    `above` is the path of its object, in which the indexes of lists are left open; `steps` is the field's, with `step` as
    the last one. `name` is its name in the schema. `details` are graphql-core's own
    records of the merged selections. `is_constant` says that it is `__typename`, which nothing has to resolve.
    """

    __slots__ = (
        *("above", "definition", "details", "is_constant", "key"),
        *("name", "nodes", "number", "parent", "step", "steps"),
    )

    def __init__(
        self,
        number: int,
        key: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: list[Any],
        above: tuple[Step, ...],
        is_constant: bool = False,
    ) -> None:
        self.number = number
        self.key = key
        self.parent = parent
        self.definition = definition
        self.details = details
        self.above = above
        self.step = (key, parent.name)
        self.steps: tuple[Step, ...] = (*above, self.step)
        self.is_constant = is_constant
        self.nodes: list[FieldNode] = [each.node for each in details]
        self.name = self.nodes[0].name.value


def path(steps: Iterable[Step], indexes: Iterable[int]) -> Path:
    """Return the path with these indexes as its open steps, in order."""
    made: Any = None
    rest = iter(indexes)
    for step in steps:
        made = Path(made, next(rest), None) if step is None else Path(made, *step)
    return made  # type: ignore[no-any-return]
