"""How much a document may ask for: depth of fields and number of aliases, fragments included."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from graph.errors import TooComplex


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may ask for."""

    tokens: int
    depth: int
    aliases: int


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection asks for: the deepest nesting of fields, and the aliases in it."""

    depth: int = 0
    aliases: int = 0


class _Measure:
    """Measures selections; each fragment once. Validation has refused fragments in circles."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def selections(self, selection_set: SelectionSetNode | None) -> Size:
        if selection_set is None:
            return Size()
        sizes = [self.selection(node) for node in selection_set.selections]
        return Size(
            max((size.depth for size in sizes), default=0), sum(size.aliases for size in sizes)
        )

    def selection(self, node: SelectionNode) -> Size:
        if isinstance(node, FieldNode):
            inner = self.selections(node.selection_set)
            return Size(inner.depth + 1, inner.aliases + (node.alias is not None))
        if isinstance(node, InlineFragmentNode):
            return self.selections(node.selection_set)
        if isinstance(node, FragmentSpreadNode):
            return self.fragment(node.name.value)
        return Size()

    def fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = self.selections(self._fragments[name].selection_set)
        return self._known[name]


def check(document: DocumentNode, operation: OperationDefinitionNode, limits: Limits) -> None:
    """Raise `TooComplex` when the operation asks for more than the limits allow."""
    size = _Measure(document).selections(operation.selection_set)
    for name, cost, limit in (
        ("fields deep", size.depth, limits.depth),
        ("aliases", size.aliases, limits.aliases),
    ):
        if cost > limit:
            raise TooComplex(
                f"The operation has {cost} {name}; {limit} are allowed. Split it.", cost, limit
            )
