"""Finds `@defer` and `@stream` in an operation, and removes them for clients that take one answer.

A server may ignore both directives (https://github.com/graphql/graphql-spec/pull/1110), so the operation without
them has the same answer in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)

from watchword.errors import BadUserInput

DIRECTIVES = frozenset(("defer", "stream"))


class _Finding(Visitor):
    """Finds the directives, and the names of fragments, in one definition."""

    def __init__(self) -> None:
        super().__init__()
        self.is_found = False
        self.spreads: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.is_found = self.is_found or node.name.value in DIRECTIVES

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spreads.add(node.name.value)


class _Removing(Visitor):
    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        return REMOVE if node.name.value in DIRECTIVES else None


class _Counting(Visitor):
    """Finds the values of `initialCount` in the places of @stream."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[ValueNode] = []

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value == "stream":
            given = node.arguments or ()
            self.found += [each.value for each in given if each.name.value == "initialCount"]


def initial_counts(document: DocumentNode) -> tuple[ValueNode, ...]:
    """Return the values of `initialCount` in a document's places of @stream."""
    counting = _Counting()
    visit(document, counting)
    return tuple(counting.found)


def check_counts(counts: Iterable[ValueNode], variables: Mapping[str, Any]) -> None:
    """Raise `BadUserInput` if a stream is to begin with fewer than no items.

    graphql-core finds that out when it has called the resolver, and its error is none that is meant for clients.
    """
    for node in counts:
        value = variables.get(node.name.value) if isinstance(node, VariableNode) else None
        if isinstance(node, IntValueNode):
            value = int(node.value)
        if isinstance(value, int) and value < 0:
            raise BadUserInput("@stream: initialCount must be 0 or more.")


def comes_in_parts(document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Tell whether an operation of a validated document, or a fragment that it uses, has one of the directives."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found = _Finding()
    waiting: list[Node] = [operation]
    while waiting:
        visit(waiting.pop(), found)
        names, found.spreads = found.spreads, set()
        waiting += [fragments.pop(name) for name in names if name in fragments]
    return found.is_found


def in_one_piece(
    document: DocumentNode, operation: OperationDefinitionNode
) -> tuple[DocumentNode, OperationDefinitionNode]:
    """Return the document and its operation without the directives."""
    whole: DocumentNode = visit(document, _Removing())
    return whole, whole.definitions[document.definitions.index(operation)]  # type: ignore[return-value]
