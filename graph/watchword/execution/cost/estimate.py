"""Estimates what an operation costs before it runs, from the weights of the schema and the sizes that it asks for.

Source: GraphQL Cost Directives (https://ibm.github.io/graphql-specs/cost-spec.html). Here, one number is the cost: each
object costs the weight of its type, and each field its own weight and those of its arguments, once for each object
that it is read of.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
)
from graphql.execution import VariableValues

from watchword.execution.cost.actual import Actual
from watchword.execution.cost.alternatives import Alternatives
from watchword.execution.cost.formula import Amount, Formula, Number
from watchword.execution.cost.sizes import Sizes, names_in, value_of
from watchword.execution.cost.weights import Weights, list_size_of, weight_of
from watchword.execution.incremental import DIRECTIVES
from watchword.execution.selections import Fragments, narrowed

# Evaluating a cost takes as long as a small part of a query, and clients use few page lengths. An estimate remembers
# the costs of at most this many combinations.
MOST_KNOWN = 32
# Characters of a text that may be part of a combination. An argument that has a weight may be as long as a request.
LONGEST_KNOWN = 100
NO_VARIABLES = VariableValues({}, {})
# What @defer and @stream cost beside their selection: each place is announced to the client.
ANNOUNCED = 1


class Page(NamedTuple):
    """The size of the lists directly below a field; with `fields`, of these only."""

    size: Amount
    fields: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of an operation: a number, or a formula of the variables with these `names`."""

    names: tuple[str, ...]
    _formula: Formula
    _amount: Amount

    known: dict[tuple[Any, ...], Number] = field(default_factory=dict)
    """The costs that were evaluated, by the values of the variables that decide."""
    sent: dict[tuple[Any, ...], Number] = field(default_factory=dict)
    """The same, by the values as clients sent them."""

    def cost(self, variables: VariableValues) -> Number:
        """Return the cost with these variables, coerced and with their defaults. Raises `BadUserInput`."""
        if (found := self.known_cost(variables.coerced)) is None:
            found = self._formula.evaluate(self._amount, variables)
            _remember(self.known, self._deciding(variables.coerced), found)
        return found

    def fits(self, coerced: Mapping[str, Any], most: int) -> bool:
        """Tell whether it is remembered that the cost with these variables is at most so much.

        A cost that no variable decides was checked when the plan was made.
        """
        if not self.names:
            return True
        cost = self.known_cost(coerced)
        return cost is not None and cost <= most

    def known_cost(self, coerced: Mapping[str, Any]) -> Number | None:
        """Return the cost with these variables, coerced and with their defaults, if it is remembered."""
        return _found(self.known, self._deciding(coerced))

    def cost_as_sent(
        self, given: dict[str, Any] | None, coerce: Callable[[], VariableValues]
    ) -> Number:
        """Return the cost with variables as a client sent them. They are coerced only if their cost is not remembered.

        Raises what `coerce` raises, and `BadUserInput`.
        """
        if (found := self.known_as_sent(given)) is None:
            found = self.cost(coerce() if self.names else NO_VARIABLES)
            _remember(self.sent, self._deciding(given or {}), found)
        return found

    def known_as_sent(self, given: Mapping[str, Any] | None) -> Number | None:
        """Return the cost with variables as a client sent them, if it is remembered."""
        # Equal values of different types have one cost here, such as true and 1: only one of them fits a variable.
        return _found(self.sent, self._deciding(given or {}))

    def _deciding(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the variables that decide."""
        names = self.names
        if len(names) == 1:  # each operation is asked, and a list takes three times as long to make
            return (given.get(names[0], Undefined),)
        return tuple([given.get(name, Undefined) for name in names]) if names else ()


def _found(known: dict[tuple[Any, ...], Number], values: tuple[Any, ...]) -> Number | None:
    try:
        return known.get(values)
    except TypeError:  # a list or an input object cannot be remembered
        return None


def _remember(known: dict[tuple[Any, ...], Number], values: tuple[Any, ...], cost: Number) -> None:
    if not all(map(_is_kept, values)):
        return
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[values] = cost


def _is_kept(value: object) -> bool:
    """Tell whether a value can be remembered and takes little memory: numbers, dates and the like do. A scalar may also
    give bytes."""
    is_short = isinstance(value, str) and len(value) <= LONGEST_KNOWN
    return isinstance(value, Hashable) and (is_short or not isinstance(value, Sized))


class Estimator:
    """Estimates the operations of one schema. Raises `Unsafe` if a directive of the schema is wrong."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._weights = Weights(schema)
        self._sizes = Sizes(schema)

    def estimate(self, document: DocumentNode, operation: OperationDefinitionNode) -> Estimate:
        """Estimate an operation of a valid document."""
        made = _Estimation(self._schema, self._weights, self._sizes, document)
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "the document was validated"
        amount = made.selections(operation.selection_set, root, None)
        names = tuple(sorted(made.names))
        return Estimate(names, made.formula, amount)

    def actual(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        data: Any,
    ) -> Number:
        """Return what the data of an answer has cost: what it holds, by the same weights."""
        if not isinstance(data, dict):
            return 0
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "the document was validated"
        measured = Actual(self._schema, self._weights, Fragments(document), variables)
        return measured.cost((operation.selection_set,), root, data)


class _Estimation:
    """One operation's estimation. Each selection set is measured once for each type and page."""

    def __init__(
        self, schema: GraphQLSchema, weights: Weights, sizes: Sizes, document: DocumentNode
    ) -> None:
        self.formula = Formula()
        self.names: set[str] = set()
        self._schema = schema
        self._weights = weights
        self._sizes = sizes
        self._fragments = Fragments(document)
        self._alternatives = Alternatives(schema, self._fragments, weights)
        self._known: dict[tuple[int, str, Page | None, bool], Amount] = {}
        # Types of one interface mostly have the same fields: what costs the same is measured once for all of them.
        self._known_fields: dict[tuple[int, int, Page | None], Amount] = {}

    def selections(
        self, nodes: SelectionSetNode, on: GraphQLNamedType, page: Page | None
    ) -> Amount:
        """Measure a selection for one object of the type `on`, or of the costliest type that it may be."""
        if not is_abstract_type(on):
            return self._among(nodes, on, page)
        key = (id(nodes), on.name, page, True)
        if key not in self._known:
            kinds = self._alternatives.of(nodes, on)
            found = self.formula.largest([self._among(nodes, kind, page) for kind in kinds])
            self._known[key] = found
        return self._known[key]

    def _among(self, nodes: SelectionSetNode, on: GraphQLNamedType, page: Page | None) -> Amount:
        """Measure a selection for one object of exactly this type."""
        key = (id(nodes), on.name, page, False)
        if key not in self._known:
            # Few frames for each level: fragments may lie in each other two hundred times.
            parts: list[Amount] = []
            for node in nodes.selections:
                cost = self._selection(node, on, page)
                parts.append(self._directed(node, cost) if node.directives else cost)
            self._known[key] = self.formula.total(parts)
        return self._known[key]

    def _directed(self, node: SelectionNode, cost: Amount) -> Amount:
        """Return the cost of a selection with its directives: @skip and @include may leave it out."""
        for directive in node.directives or ():
            if directive.name.value in DIRECTIVES:
                cost = self.formula.total([cost, ANNOUNCED])
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include") and cost != 0:
                cost = self.formula.times(self._included(directive), cost)
        return cost

    def _included(self, directive: DirectiveNode) -> Amount:
        is_skip = directive.name.value == "skip"
        [argument] = directive.arguments or ()
        value: Any = argument.value
        if not isinstance(value, VariableNode):
            return int(value.value != is_skip)
        name = value.name.value
        self.names.add(name)
        # Without a value the executor refuses the operation, so nothing is left out by it.
        return self.formula.later(
            lambda _, variables: int(variables.coerced.get(name, not is_skip) != is_skip)
        )

    def _selection(self, node: SelectionNode, on: GraphQLNamedType, page: Page | None) -> Amount:
        if isinstance(node, FieldNode):
            kinds = self._alternatives.marking(on, node.name.value)
            if not kinds:
                return self._field(node, on, page)
            costs = [self._field(node, kind, page) for kind in (on, *kinds)]
            return self.formula.largest(costs)
        fragment = self._fragments.at(node)
        kind = narrowed(self._schema, fragment, on)
        if fragment.type_condition is not None and is_abstract_type(on):
            kind = self._alternatives.in_rest(kind, on)
        return 0 if kind is None else self._among(fragment.selection_set, kind, page)

    def _field(self, node: FieldNode, on: GraphQLNamedType, page: Page | None) -> Amount:
        field = self._schema.get_field(on, node.name.value) if is_composite_type(on) else None
        if field is None:
            return 0
        key = (id(node), self._weights.alike(field), page)
        if key not in self._known_fields:
            self._known_fields[key] = self._measured(node, field, page)
        return self._known_fields[key]

    def _measured(self, node: FieldNode, field: GraphQLField, page: Page | None) -> Amount:
        kind, named = field.type, get_named_type(field.type)
        size = self._own_size(field, node)
        is_list = is_list_type(get_nullable_type(kind))
        within = None if is_list else size
        each: Amount = self._weights.of_type(named)
        if node.selection_set:
            each = self.formula.total([each, self.selections(node.selection_set, named, within)])
        objects = self.formula.times(self._times(node, named, is_list, size, page), each)
        own = self.formula.total([weight_of(field) or 0, *self._arguments(field, node)])
        return self.formula.total([objects, self.formula.not_below_zero(own)])

    def _times(
        self,
        node: FieldNode,
        named: GraphQLNamedType,
        is_list: bool,
        own: Page | None,
        page: Page | None,
    ) -> Amount:
        if not is_list:
            return 1
        if named.name.startswith("__"):
            # Only the list of all types is long. The lists in a type are short, and count as one.
            return len(self._schema.type_map) if node.name.value == "types" else 1
        if own is not None:
            return own.size
        is_paged = page is not None and (page.fields is None or node.name.value in page.fields)
        return page.size if page is not None and is_paged else self._sizes.plain

    def _own_size(self, field: GraphQLField, node: FieldNode) -> Page | None:
        reading = self._sizes.read(field, node)
        if reading is None:
            return None
        declared = list_size_of(field)
        fields = tuple(declared.sized_fields) if declared and declared.sized_fields else None
        self.names |= reading.names
        if reading.names:
            return Page(self.formula.later(lambda _, given: reading.read(given)), fields)
        return Page(reading.read(VariableValues({}, {})), fields)

    def _arguments(self, field: GraphQLField, node: FieldNode) -> Iterable[Amount]:
        given = {each.name.value: each.value for each in node.arguments or ()}
        for name, argument in field.args.items():
            if weight_of(argument) is None and not self._weights.can_weigh(argument.type):
                continue
            written = given.get(name)
            names = names_in([written] if written is not None else [])
            self.names |= names

            def read(
                _: object,
                variables: VariableValues,
                argument: Any = argument,
                written: Any = written,
            ) -> Number:
                value = value_of(argument, written, variables)
                if value is Undefined or value is None:
                    return 0
                return self._weights.of_value(argument, argument.type, value)

            yield self.formula.later(read) if names else read(None, VariableValues({}, {}))
