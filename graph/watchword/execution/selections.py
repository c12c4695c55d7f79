"""What a document selects: its fragments, the object types that a selection is made on, and its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    is_abstract_type,
    visit,
)

Objects = frozenset[GraphQLObjectType]


class Selections:
    """Resolves the fragments of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def objects(self, kind: GraphQLNamedType | None) -> Objects:
        """Return the types that an object of a type may have."""
        if is_abstract_type(kind):
            return frozenset(self._schema.get_possible_types(kind))
        return frozenset({kind}) if isinstance(kind, GraphQLObjectType) else frozenset()

    def within(self, node: SelectionNode, objects: Objects) -> tuple[SelectionSetNode, Objects]:
        """Return what a fragment selects where it is spread or written, and on which of these types."""
        fragment = (
            self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        )
        assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode), "it is no field"
        condition = fragment.type_condition
        if condition is None:
            return fragment.selection_set, objects
        kind = self._schema.get_type(condition.name.value)
        return fragment.selection_set, objects & self.objects(kind)


def is_included(node: SelectionNode, values: Mapping[str, Any]) -> bool:
    """Tell whether @skip and @include leave a selection in, by the variables.

    One whose variable has no value is left in: the execution raises the error.
    """
    return not node.directives or not any(_leaves_out(each, values) for each in node.directives)


def conditions(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """Return the operation's variables that @skip and @include read."""
    found = _Conditions()
    visit(document, found)
    declared = {each.variable.name.value for each in operation.variable_definitions or ()}
    return tuple(name for name in found.names if name in declared)


def _leaves_out(directive: DirectiveNode, values: Mapping[str, Any]) -> bool:
    name = directive.name.value
    if name not in ("skip", "include"):
        return False
    for argument in directive.arguments or ():
        given = argument.value
        if isinstance(given, BooleanValueNode):
            return given.value is (name == "skip")
        if isinstance(given, VariableNode):
            return values.get(given.name.value) is (name == "skip")
    return False


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value not in ("skip", "include"):
            return
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names[argument.value.name.value] = None
