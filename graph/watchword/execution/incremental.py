"""Finds `@defer` and `@stream` in an operation, and removes them for clients that take one answer.

A server may ignore both directives (https://github.com/graphql/graphql-spec/pull/1110), so the operation without
them has the same answer in one piece.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    Visitor,
    visit,
)

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
