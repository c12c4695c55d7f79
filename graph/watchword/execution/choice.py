"""Chooses the operation of a document that is to be run (GraphQL, section 6.1, GetOperation)."""

from __future__ import annotations

from graphql import DocumentNode, OperationDefinitionNode

from watchword.errors import BadUserInput


def choose(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation of this name; the only one if there is no name. Raises `BadUserInput` if there is none."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if name is None and len(operations) == 1:
        return operations[0]
    for operation in operations:
        if name is not None and operation.name is not None and operation.name.value == name:
            return operation
    raise BadUserInput(_which(operations, name), ["operationName"])


def _which(operations: list[OperationDefinitionNode], name: str | None) -> str:
    if not operations:
        return "The document has no operation, only fragments."
    if name is None:
        return "The document has several operations: say which one in operationName."
    return f"The document has no operation named {name[:100]!r}."
