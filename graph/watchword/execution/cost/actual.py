"""What an answer has cost: the same weights as the estimate's, for what the answer really holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    SelectionSetNode,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from graphql.execution import VariableValues

from watchword.execution.cost.formula import Number
from watchword.execution.cost.sizes import value_of
from watchword.execution.cost.weights import Weights, weight_of
from watchword.execution.selections import Fragments, narrowed

Selections = tuple[SelectionSetNode, ...]
Fields = dict[str, tuple[GraphQLNamedType, list[FieldNode]]]
"""By its name in the answer: the type that a field is read of, and the places that select it."""


class Actual:
    """Measures the answers of one operation with one set of variables."""

    def __init__(
        self,
        schema: GraphQLSchema,
        weights: Weights,
        fragments: Fragments,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._weights = weights
        self._fragments = fragments
        self._variables = variables
        # Each object of a list has the same fields.
        self._known: dict[tuple[tuple[int, ...], str], Fields] = {}
        self._of_fields: dict[tuple[str, int], Number] = {}

    def cost(self, selections: Selections, on: GraphQLNamedType, data: Any) -> Number:
        """Return what the fields of an object in the answer cost, with all that is below them.

        Of an abstract type whose object does not tell its `__typename`, the costliest type counts.
        """
        total: Number = 0
        for name, (parent, nodes) in self._collect(selections, on).items():
            field = self._schema.get_field(parent, nodes[0].name.value)  # type: ignore[arg-type]
            if field is None or name not in data:
                continue
            total += self._of_field(parent, nodes[0])
            below = tuple(each.selection_set for each in nodes if each.selection_set)
            named = get_named_type(field.type)
            total += sum(self._of_value(below, named, each) for each in _flat(data[name]))
        return total

    def _of_value(self, below: Selections, named: GraphQLNamedType, value: Any) -> Number:
        if not isinstance(value, dict) or not is_composite_type(named):
            return self._weights.of_type(named)
        kind = self._concrete(below, named, value)
        return self._weights.of_type(kind) + self.cost(below, kind, value)

    def _of_field(self, parent: GraphQLNamedType, node: FieldNode) -> Number:
        """Return what a field costs by itself; of an abstract type, the most that it may."""
        key = parent.name, id(node)
        if key not in self._of_fields:
            name = node.name.value
            kinds = self._weights.telling(parent, name) if is_abstract_type(parent) else ()
            found: list[Any] = [self._schema.get_field(each, name) for each in (parent, *kinds)]
            costs = [(weight_of(each) or 0) + sum(self._arguments(each, node)) for each in found]
            self._of_fields[key] = max(0, *costs)
        return self._of_fields[key]

    def _arguments(self, field: GraphQLField, node: FieldNode) -> Iterator[Number]:
        given = {each.name.value: each.value for each in node.arguments or ()}
        for name, argument in field.args.items():
            if weight_of(argument) is None and not self._weights.can_weigh(argument.type):
                continue
            value = value_of(argument, given.get(name), self._variables)
            if value is not Undefined and value is not None:
                yield self._weights.of_value(argument, argument.type, value)

    def _concrete(self, below: Selections, named: GraphQLNamedType, value: Any) -> GraphQLNamedType:
        """Return the type of an object, if its answer tells it."""
        if is_abstract_type(named):
            for name, (_, nodes) in self._collect(below, named).items():
                if nodes[0].name.value == "__typename" and isinstance(value.get(name), str):
                    return self._schema.get_type(value[name]) or named
        return named

    def _collect(self, selections: Selections, on: GraphQLNamedType) -> Fields:
        key = tuple(map(id, selections)), on.name
        # Of an abstract type, the fragments that apply differ between objects.
        if is_abstract_type(on):
            return self._gathered(selections, on)
        if key not in self._known:
            self._known[key] = self._gathered(selections, on)
        return self._known[key]

    def _gathered(self, selections: Selections, on: GraphQLNamedType) -> Fields:
        found: Fields = {}
        enter = partial(narrowed, self._schema)
        for kind, node in self._fragments.fields(selections, on, enter):
            found.setdefault((node.alias or node.name).value, (kind, []))[1].append(node)
        return found


def _flat(value: Any) -> Iterable[Any]:
    """Yield the values of a field, of lists in lists too, without those that are null."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif each is not None:
            yield each
