"""Limits on what a document may ask for, checked before anything is run.

The limits are on the depth of fields, on the numbers of aliases and of fields of one name, and on the cost, which
`cost/` estimates. Introspection has a depth limit of its own, so that tools can read the schema whatever the limit
for other fields is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

from watchword.errors import TooComplex
from watchword.execution.cost.formula import UNCOUNTED, Number

# graphql-js's getIntrospectionQuery, which GraphiQL and code generators send, is 15 deep; validation
# refuses lists of fields within lists of fields.
INTROSPECTION_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may ask for."""

    tokens: int
    depth: int
    aliases: int
    cost: int
    # Validation compares the fields of one name in pairs, which is its most expensive part.
    comparisons: int = 40_000
    # A live subscription keeps its document in memory, comments included.
    characters: int = 50_000


@dataclass(frozen=True, slots=True)
class Size:
    """How deep a selection is, and how many aliases it has."""

    depth: int = 0
    aliases: int = 0
    introspection: int = 0

    def plus(self, other: Size) -> Size:
        """Return the size of both selections side by side."""
        return Size(
            max(self.depth, other.depth),
            min(self.aliases + other.aliases, UNCOUNTED),
            max(self.introspection, other.introspection),
        )


class _Measure:
    """Measures selections, and each fragment once. Validation has already refused circular fragments."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def selections(self, nodes: SelectionSetNode | None, on: GraphQLNamedType | None) -> Size:
        """Measure a selection on the type `on`."""
        size = Size()
        for node in nodes.selections if nodes else ():
            size = size.plus(self._selection(node, on))
        return size

    def _selection(self, node: SelectionNode, on: GraphQLNamedType | None) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, on)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            narrowed = self._schema.get_type(condition.name.value) if condition else on
            return self.selections(node.selection_set, narrowed)
        assert isinstance(node, FragmentSpreadNode), "there are three kinds of selection"
        return self._fragment(node.name.value)

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            node = self._fragments[name]
            on = self._schema.get_type(node.type_condition.name.value)
            self._known[name] = self.selections(node.selection_set, on)
        return self._known[name]

    def _field(self, node: FieldNode, on: GraphQLNamedType | None) -> Size:
        field = self._schema.get_field(on, node.name.value) if is_composite_type(on) else None
        kind = field.type if field else None
        inner = self.selections(node.selection_set, get_named_type(kind))
        about_schema = _is_of_introspection(kind) or _is_of_introspection(on)
        return Size(
            0 if about_schema else inner.depth + 1,
            min(inner.aliases + (node.alias is not None), UNCOUNTED),
            inner.introspection + about_schema,
        )


def _is_of_introspection(kind: GraphQLOutputType | GraphQLNamedType | None) -> bool:
    named: GraphQLNamedType | None = get_named_type(kind)
    return named is not None and named.name.startswith("__")


def measure(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Size:
    """Return how deep an operation is, and how many aliases it has."""
    root = schema.get_root_type(operation.operation)
    return _Measure(schema, document).selections(operation.selection_set, root)


def check_size(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    limits: Limits,
) -> None:
    """Raise `TooComplex` when an operation is deeper, or has more aliases, than the limits allow."""
    size = measure(schema, document, operation)
    _check_limit("fields deep", size.depth, limits.depth)
    _check_limit("fields of introspection deep", size.introspection, INTROSPECTION_DEPTH)
    _check_limit("aliases", size.aliases, limits.aliases)


def check_cost(cost: Number, limits: Limits) -> None:
    """Raise `TooComplex` when an operation costs more than the limits allow."""
    if cost > limits.cost:
        rounded = ceil(cost)
        raise TooComplex(
            f"The operation costs {rounded}; {limits.cost} is allowed. Ask for fewer items at once, or split it.",
            rounded,
            limits.cost,
        )


def check_length(query: str, limits: Limits) -> None:
    """Raise `TooComplex` when a document has too many characters."""
    _check_limit("characters", len(query), limits.characters)


def check_names(document: DocumentNode, limits: Limits) -> None:
    """Raise `TooComplex` when too many fields have the same name, which validation would compare in pairs."""
    names: Counter[str] = Counter()
    waiting: list[SelectionSetNode] = [
        node.selection_set
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                names[(node.alias or node.name).value] += 1
            inner = getattr(node, "selection_set", None)
            if inner is not None:
                waiting.append(inner)
    pairs = sum(times * times for times in names.values())
    _check_limit("pairs of fields of one name", pairs, limits.comparisons)


def _check_limit(words: str, cost: int, limit: int) -> None:
    if cost > limit:
        raise TooComplex(
            f"The operation has {cost} {words}; {limit} are allowed. Split it.", cost, limit
        )
