"""The types that an object of an abstract type may have, as far as a selection makes a difference between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    SelectionSetNode,
    is_abstract_type,
)

from watchword.execution.cost.weights import list_size_of, weight_of

# With more alternatives, the selections of all are added up, which is never too little.
MOST = 64
# So many fields of a document are measured for alternatives, each for each of them. Then selections are added up.
MOST_MEASURED = 10_000


class _Read(NamedTuple):
    """The type conditions in a selection, the fields that it reads of the objects themselves, and their number."""

    conditions: frozenset[str]
    fields: frozenset[str]
    number: int


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
        self._left = MOST_MEASURED
        self._of_fragments: dict[str, _Read] = {}
        self._marking: dict[tuple[str, str], Sequence[GraphQLNamedType]] = {}
        self._told_apart: dict[tuple[str, frozenset[str]], set[str]] = {}

    def of(self, nodes: SelectionSetNode, on: Any) -> list[GraphQLNamedType]:
        """Return the types to measure a selection for. The abstract type itself stands for all others."""
        conditions, fields, number = self._read(nodes)
        possible = {each.name: each for each in self._schema.get_possible_types(on)}
        differing = self._differing(on, conditions, possible)
        differing |= {name for name in possible if self._marked.get(name, frozenset()) & fields}
        measured = number * len(differing)
        if len(differing) <= MOST and measured <= self._left:
            self._left -= measured
            return [on, *(possible[name] for name in sorted(differing))]
        self._sums.add(on.name)
        return [on]

    def marking(self, on: Any, field: str) -> Sequence[GraphQLNamedType]:
        """Return types of which a field may cost something else than of `on`, if that stands for all: one for each cost."""
        if on.name not in self._sums:
            return ()
        key = on.name, field
        if key not in self._marking:
            found = {
                _cost_of(kind.fields[field]): kind
                for kind in self._schema.get_possible_types(on)
                if field in self._marked.get(kind.name, ())
            }
            self._marking[key] = tuple(found.values())
        return self._marking[key]

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

    def _differing(
        self, on: Any, conditions: frozenset[str], possible: Mapping[str, Any]
    ) -> set[str]:
        """Return the possible types that conditions tell apart: those that they name, and one for each combination of
        the abstract types that it may belong to."""
        key = on.name, conditions
        if key not in self._told_apart:
            named = [self._schema.get_type(name) for name in conditions - {on.name}]
            abstract: list[Any] = [kind for kind in named if is_abstract_type(kind)]
            found: dict[tuple[bool, ...], str] = {}
            for name, kind in possible.items() if abstract else ():
                belongs = tuple(self._schema.is_sub_type(each, kind) for each in abstract)
                found.setdefault(belongs, name)
            self._told_apart[key] = {*found.values(), *(conditions & possible.keys())}
        return {*self._told_apart[key]}

    def _read(self, nodes: SelectionSetNode) -> _Read:
        conditions, fields, spread = set[str](), set[str](), set[str]()
        waiting, number = [nodes], 0
        while waiting:
            for node in waiting.pop().selections:
                if isinstance(node, FieldNode):
                    fields.add(node.name.value)
                    number += 1
                    continue
                within: Any = node
                if isinstance(node, FragmentSpreadNode):
                    within = self._fragments[node.name.value]
                    spread.add(node.name.value)
                else:
                    waiting.append(within.selection_set)
                if within.type_condition is not None:
                    conditions.add(within.type_condition.name.value)
        for name in spread:
            # One frame for each level: fragments may lie in each other two hundred times.
            if name not in self._of_fragments:
                self._of_fragments[name] = self._read(self._fragments[name].selection_set)
            part = self._of_fragments[name]
            conditions |= part.conditions
            fields |= part.fields
            number += part.number
        return _Read(frozenset(conditions), frozenset(fields), number)


def _cost_of(field: GraphQLField) -> tuple[Any, ...]:
    """Return what tells the costs of two fields with the same selection apart."""
    arguments = tuple((name, weight_of(each)) for name, each in field.args.items())
    return str(field.type), weight_of(field), repr(list_size_of(field)), arguments
