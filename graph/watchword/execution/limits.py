"""Limits on what a document may ask for, checked before anything is run.

The limits are on the depth of fields, and on the numbers of aliases, of fields of one name, and of objects.
The selection below a page counts once for each item that the page may have. Introspection has a depth limit
of its own, so that tools can read the schema whatever the limit for other fields is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

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
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from graphql.execution import VariableValues

from watchword.errors import TooComplex
from watchword.execution.incremental import DIRECTIVES
from watchword.execution.pages import PLAIN_LIST, Pages

# Sums stop here: with fragments in fragments they grow exponentially.
UNCOUNTED = 1_000_000_000
# graphql-js's getIntrospectionQuery, which GraphiQL and code generators send, is 15 deep; validation
# refuses lists of fields within lists of fields.
INTROSPECTION_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may ask for."""

    tokens: int
    depth: int
    aliases: int
    objects: int
    # Validation compares the fields of one name in pairs, which is its most expensive part.
    comparisons: int = 40_000
    # A live subscription keeps its document in memory, comments included.
    characters: int = 50_000


@dataclass(frozen=True, slots=True)
class Size:
    """The cost of a selection, for one object of the type that it is made on."""

    depth: int = 0
    aliases: int = 0
    objects: int = 0
    introspection: int = 0

    def plus(self, other: Size) -> Size:
        """Return the size of both selections side by side."""
        return Size(
            max(self.depth, other.depth),
            min(self.aliases + other.aliases, UNCOUNTED),
            min(self.objects + other.objects, UNCOUNTED),
            max(self.introspection, other.introspection),
        )


# What @defer and @stream cost beside their selection: each place is announced to the client.
ANNOUNCED = Size(objects=1)


class _Measure:
    """Measures selections, and each fragment once. Validation has already refused circular fragments."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, pages: Pages) -> None:
        self._schema = schema
        self._pages = pages
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, int | None], Size] = {}

    def selections(
        self, nodes: SelectionSetNode | None, on: GraphQLNamedType | None, page: int | None
    ) -> Size:
        """Measure a selection on the type `on`; `page` is the length of the page around it, if there is one."""
        size = Size()
        for node in nodes.selections if nodes else ():
            size = size.plus(self._selection(node, on, page))
            if node.directives and any(each.name.value in DIRECTIVES for each in node.directives):
                size = size.plus(ANNOUNCED)
        return size

    def _selection(
        self, node: SelectionNode, on: GraphQLNamedType | None, page: int | None
    ) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, on, page)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            narrowed = self._schema.get_type(condition.name.value) if condition else on
            return self.selections(node.selection_set, narrowed, page)
        assert isinstance(node, FragmentSpreadNode), "there are three kinds of selection"
        return self._fragment(node.name.value, page)

    def _fragment(self, name: str, page: int | None) -> Size:
        if (name, page) not in self._known:
            node = self._fragments[name]
            on = self._schema.get_type(node.type_condition.name.value)
            self._known[name, page] = self.selections(node.selection_set, on, page)
        return self._known[name, page]

    def _field(self, node: FieldNode, on: GraphQLNamedType | None, page: int | None) -> Size:
        field = self._schema.get_field(on, node.name.value) if is_composite_type(on) else None
        kind = field.type if field else None
        own = self._pages.length(field, node) if field else None
        # A list field is its own page. Of a connection, the lists below it (edges, nodes) are the page.
        within = None if is_list_type(get_nullable_type(kind)) else own
        inner = self.selections(node.selection_set, get_named_type(kind), within)
        times = _times(kind, page if own is None else own)
        objects = times * (1 + inner.objects) if node.selection_set else 0
        about_schema = _is_of_introspection(kind) or _is_of_introspection(on)
        return Size(
            0 if about_schema else inner.depth + 1,
            min(inner.aliases + (node.alias is not None), UNCOUNTED),
            min(objects, UNCOUNTED),
            inner.introspection + about_schema,
        )


def _is_of_introspection(kind: GraphQLOutputType | GraphQLNamedType | None) -> bool:
    named: GraphQLNamedType | None = get_named_type(kind)
    return named is not None and named.name.startswith("__")


def _times(kind: GraphQLOutputType | None, page: int | None) -> int:
    if _is_of_introspection(kind) or not is_list_type(get_nullable_type(kind)):
        return 1
    return PLAIN_LIST if page is None else page


def check_size(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    limits: Limits,
    variables: VariableValues | None = None,
) -> frozenset[str]:
    """Raise `TooComplex` when the operation asks for more than the limits allow.

    Without variables, return the names of the variables that set page lengths. If there are any, call it
    again with the variables, coerced and with their defaults.
    """
    pages = Pages(schema, variables)
    size = _Measure(schema, document, pages).selections(
        operation.selection_set, schema.get_root_type(operation.operation), None
    )
    _check_limit("fields deep", size.depth, limits.depth)
    _check_limit("fields of introspection deep", size.introspection, INTROSPECTION_DEPTH)
    _check_limit("aliases", size.aliases, limits.aliases)
    if not pages.set_by:
        _check_limit("objects to fetch, its pages multiplied", size.objects, limits.objects)
    return frozenset(pages.set_by)


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
