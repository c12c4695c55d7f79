"""The types that an object of an abstract type may have, as far as a selection makes a difference between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    is_abstract_type,
)

from watchword.execution.cost.weights import Weights
from watchword.execution.selections import Fragment, Fragments

# With more alternatives, the selections of all are added up, which is never too little.
MOST = 64
# At most this many measurements are made for a document, one for each field and alternative. After that, selections
# are added up.
MOST_MEASURED = 10_000
# Measuring a field that has a weight or a size takes as long as MARKED others, because types mostly share what was
# measured for the others. COMPARED fields are compared in the time of one measurement.
MARKED, COMPARED = 5, 20
NONE: frozenset[str] = frozenset()


class _Read(NamedTuple):
    """The type conditions in a selection, the fields that it reads of the objects themselves, and their number."""

    conditions: frozenset[str]
    fields: frozenset[str]
    number: int


class _ToldApart(NamedTuple):
    """The possible types of an abstract one, those of them that conditions tell apart, and to which abstract types each belongs."""

    possible: Sequence[Any]
    kinds: frozenset[Any]
    belongs: Mapping[Any, tuple[bool, ...]]


class Alternatives:
    """Finds the alternatives of selections in one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Fragments,
        weights: Weights,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._weights = weights
        self._sums: set[str] = set()
        self._left = MOST_MEASURED
        self._of_fragments: dict[str, _Read] = {}
        self._by_conditions: dict[tuple[str, frozenset[str]], _ToldApart] = {}

    def of(self, nodes: SelectionSetNode, on: Any) -> list[GraphQLNamedType]:
        """Return the types to measure a selection for. The abstract type itself stands for all others."""
        conditions, fields, number = self._read(nodes)
        told_apart = self._told_apart(on, conditions)
        marked = [
            kind
            for kind in told_apart.possible
            if self._weights.marked.get(kind.name, NONE) & fields
        ]
        self._left -= len(marked) * len(fields) // COMPARED
        differing = {*told_apart.kinds, *self._unlike(marked, fields, told_apart)}
        measured = number * (len(differing) + MARKED * len(differing & {*marked}))
        if len(differing) <= MOST and measured <= self._left:
            self._left -= measured
            return [on, *sorted(differing, key=lambda kind: kind.name)]
        self._sums.add(on.name)
        return [on]

    def marking(self, on: Any, field: str) -> Sequence[GraphQLNamedType]:
        """Return types whose field may cost more than that of `on`, if `on` stands for all. No two of them cost the same."""
        if on.name not in self._sums:
            return ()
        return self._weights.dearest(on, field)

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

    def _unlike(
        self, marked: Sequence[Any], fields: frozenset[str], told_apart: _ToldApart
    ) -> Iterable[Any]:
        """Return one type for each set of costs that these fields have."""
        if self._left < 0:
            return marked
        found: dict[tuple[Any, ...], Any] = {}
        for kind in marked:
            alike = [self._weights.alike(kind.fields[each]) for each in fields & kind.fields.keys()]
            found.setdefault((told_apart.belongs.get(kind), *alike), kind)
        return found.values()

    def _told_apart(self, on: Any, conditions: frozenset[str]) -> _ToldApart:
        """Return the possible types that conditions tell apart: those that they name, and one for each combination of
        the abstract types that it may belong to."""
        key = on.name, conditions
        if key not in self._by_conditions:
            possible: Any = self._schema.get_possible_types(on)
            named = [self._schema.get_type(name) for name in conditions - {on.name}]
            abstract: list[Any] = [kind for kind in named if is_abstract_type(kind)]
            belongs = {
                kind: tuple(self._schema.is_sub_type(each, kind) for each in abstract)
                for kind in (possible if abstract else ())
            }
            one_of_each = {belongs[kind]: kind for kind in reversed(belongs)}.values()
            kinds = {*one_of_each, *(kind for kind in possible if kind.name in conditions)}
            self._by_conditions[key] = _ToldApart(possible, frozenset(kinds), belongs)
        return self._by_conditions[key]

    def _read(self, nodes: SelectionSetNode) -> _Read:
        conditions, spread = set[str](), list[str]()

        def enter(fragment: Fragment, is_inside: bool) -> bool | None:
            if fragment.type_condition is not None:
                conditions.add(fragment.type_condition.name.value)
            if isinstance(fragment, InlineFragmentNode):
                return is_inside
            spread.append(fragment.name.value)
            return None

        found = [node.name.value for _, node in self._fragments.fields([nodes], True, enter)]
        fields, number = {*found}, len(found)
        for name in spread:
            # One frame for each level: fragments may lie in each other two hundred times.
            if name not in self._of_fragments:
                self._of_fragments[name] = self._read(self._fragments.named(name).selection_set)
            part = self._of_fragments[name]
            conditions |= part.conditions
            fields |= part.fields
            number += part.number
        return _Read(frozenset(conditions), frozenset(fields), number)
