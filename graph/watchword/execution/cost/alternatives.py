"""The types that an object of an abstract type may have, as far as a selection makes a difference between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    SelectionSetNode,
    is_abstract_type,
)

# With more alternatives, the selections of all are added up, which is never too little for the fragments.
MOST = 64


class Alternatives:
    """Finds the alternatives of selections in one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        marked: Mapping[str, frozenset[str]],
    ) -> None:
        """`marked` are, for each object type, its fields that say something of costs."""
        self._schema = schema
        self._fragments = fragments
        self._marked = marked
        self._sums: set[str] = set()

    def of(self, nodes: SelectionSetNode, on: Any) -> list[GraphQLNamedType]:
        """Return the types to measure a selection for. The abstract type itself stands for all others."""
        conditions, fields = self._read(nodes)
        possible = {each.name: each for each in self._schema.get_possible_types(on)}
        differing = {name for name in conditions if name in possible}
        abstract: list[Any] = [
            kind
            for name in conditions
            if name != on.name and is_abstract_type(kind := self._schema.get_type(name))
        ]
        differing |= self._by_abstract(abstract, possible)
        differing |= {name for name in possible if self._marked.get(name, frozenset()) & fields}
        if len(differing) <= MOST:
            return [on, *(possible[name] for name in sorted(differing))]
        self._sums.add(on.name)
        return [on]

    def in_rest(self, kind: Any, on: Any) -> GraphQLNamedType | None:
        """Return the type of a fragment's fields where `on` stands for all types that were not measured themselves."""
        if kind is on or (is_abstract_type(kind) and self._schema.is_sub_type(kind, on)):
            own: GraphQLNamedType = on
            return own
        if on.name not in self._sums:
            return None
        self._sums.add(kind.name)
        rest: GraphQLNamedType = kind
        return rest

    def _by_abstract(self, abstract: list[Any], possible: Mapping[str, Any]) -> set[str]:
        """Return one of the possible types for each combination of the abstract types that it may belong to."""
        found: dict[tuple[bool, ...], str] = {}
        if abstract:
            for name, kind in possible.items():
                found.setdefault(
                    tuple(self._schema.is_sub_type(each, kind) for each in abstract), name
                )
        return set(found.values())

    def _read(self, nodes: SelectionSetNode) -> tuple[set[str], set[str]]:
        """Return the type conditions in a selection, and the fields that it reads of the objects themselves."""
        conditions, fields, seen = set[str](), set[str](), set[str]()
        waiting = [nodes]
        while waiting:
            for node in waiting.pop().selections:
                if isinstance(node, FieldNode):
                    fields.add(node.name.value)
                    continue
                within: Any = node
                if isinstance(node, FragmentSpreadNode):
                    if node.name.value in seen:
                        continue
                    seen.add(node.name.value)
                    within = self._fragments[node.name.value]
                if within.type_condition is not None:
                    conditions.add(within.type_condition.name.value)
                waiting.append(within.selection_set)
        return conditions, fields
