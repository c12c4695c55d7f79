"""What a document selects: its fragments, the fields in a selection, the types that it is made on, and its conditions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
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
    is_object_type,
    visit,
)

Fragment = FragmentDefinitionNode | InlineFragmentNode
Objects = frozenset[GraphQLObjectType]
T = TypeVar("T")


class Fragments:
    """The fragments of one valid document."""

    def __init__(self, document: DocumentNode) -> None:
        self._named = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def named(self, name: str) -> FragmentDefinitionNode:
        """Return the fragment of a name."""
        return self._named[name]

    def at(self, node: SelectionNode) -> Fragment:
        """Return the fragment that is spread or written at a place, which is no field."""
        if isinstance(node, FragmentSpreadNode):
            return self._named[node.name.value]
        assert isinstance(node, InlineFragmentNode), "it is no field"
        return node

    def fields(
        self,
        selections: Iterable[SelectionSetNode],
        on: T,
        enter: Callable[[Fragment, T], T | None],
    ) -> Iterator[tuple[T, FieldNode]]:
        """Yield the fields that selections read of one object, with what `enter` makes of `on` in the fragments around each.

        `enter` returns None for a fragment whose fields are not wanted. A named fragment is entered once.
        """
        entered: set[str] = set()
        waiting = deque((each, on) for each in selections)
        while waiting:
            nodes, kind = waiting.popleft()
            for node in nodes.selections:
                if isinstance(node, FieldNode):
                    yield kind, node
                    continue
                if isinstance(node, FragmentSpreadNode):
                    if node.name.value in entered:
                        continue
                    entered.add(node.name.value)
                fragment = self.at(node)
                if (inner := enter(fragment, kind)) is not None:
                    waiting.append((fragment.selection_set, inner))


def narrowed(
    schema: GraphQLSchema, fragment: Fragment, on: GraphQLNamedType
) -> GraphQLNamedType | None:
    """Return the type that a fragment's fields are read of; None if an object of `on` is never of it."""
    condition = fragment.type_condition
    if condition is None:
        return on
    kind: Any = schema.get_type(condition.name.value)
    if is_object_type(on):
        fits = kind is on or (is_abstract_type(kind) and schema.is_sub_type(kind, on))
        return on if fits else None
    return kind  # type: ignore[no-any-return]


class Selections:
    """Narrows the object types of selections through the fragments of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = Fragments(document)

    def objects(self, kind: GraphQLNamedType | None) -> Objects:
        """Return the types that an object of a type may have."""
        if is_abstract_type(kind):
            return frozenset(self._schema.get_possible_types(kind))
        return frozenset({kind}) if isinstance(kind, GraphQLObjectType) else frozenset()

    def within(self, node: SelectionNode, objects: Objects) -> tuple[SelectionSetNode, Objects]:
        """Return what a fragment selects where it is spread or written, and on which of these types."""
        fragment = self._fragments.at(node)
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
