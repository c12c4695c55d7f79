"""Measures what a document asks for: depth, aliases, root fields and directives."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

from watchword.config.limits import CHARACTERS_PER_TOKEN
from watchword.execution.cost.formula import UNCOUNTED
from watchword.execution.selections import Fragments


@dataclass(frozen=True, slots=True)
class Size:
    """How deep a selection is, and how many aliases it has; of an operation, its root fields too."""

    depth: int = 0
    aliases: int = 0
    introspection: int = 0
    root_fields: int = 0

    def plus(self, other: Size) -> Size:
        """Return the size of both selections side by side."""
        return Size(
            max(self.depth, other.depth),
            min(self.aliases + other.aliases, UNCOUNTED),
            max(self.introspection, other.introspection),
        )


def size_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Size:
    """Measure an operation of a valid document."""
    fragments = Fragments(document)
    nodes, root = operation.selection_set, schema.get_root_type(operation.operation)
    size = _Measure(schema, fragments).selections(nodes, root)
    at_root = fragments.fields([nodes], True, lambda _, is_inside: is_inside)
    return replace(size, root_fields=len({(node.alias or node.name).value for _, node in at_root}))


def directives_of(document: DocumentNode) -> int:
    """Count the directives of a document that need not be valid."""
    waiting: list[SelectionSetNode] = []
    directives = 0
    for node in document.definitions:
        directives += len(getattr(node, "directives", None) or ())
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode):
            waiting.append(node.selection_set)
            variables = node.variable_definitions or ()
            directives += sum(len(each.directives or ()) for each in variables)
    while waiting:
        for selection in waiting.pop().selections:
            directives += len(selection.directives or ())
            inner = getattr(selection, "selection_set", None)
            if inner is not None:
                waiting.append(inner)
    return directives


class _Measure:
    """Measures selections, and each fragment once. Validation has already refused circular fragments."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments) -> None:
        self._schema = schema
        self._fragments = fragments
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
            node = self._fragments.named(name)
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


def weight_of(document: DocumentNode) -> int:
    """Return how much memory a document takes, in tokens: as much as its tokens and comments, and its characters."""
    text = document.loc.source.body if document.loc else ""
    return document.token_count + len(text) // CHARACTERS_PER_TOKEN
