"""A schema of graphql-core that runs as another one does, and tells of itself only what a reduced copy has."""

from __future__ import annotations

from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    get_named_type,
    is_composite_type,
    is_input_type,
)
from graphql.type.schema import InterfaceImplementations

# The operations whose static types are remembered.
MOST_REMEMBERED = 100

_Names = dict[int, str]


class MaskedSchema(GraphQLSchema):
    """Runs operations that were validated against `shown`, a reduced copy of `whole`, with the types of `whole`.

    Introspection tells of `shown`. `__typename` of an object whose type is not in `shown` is the name of the type on
    which the document selects it: an interface or a union.
    """

    def __init__(self, whole: GraphQLSchema, shown: GraphQLSchema) -> None:
        # It is the whole schema, and shares its types.
        vars(self).update(vars(whole))
        self.extensions = {**whole.extensions}
        self.shown = shown
        self._of_query = {
            "__schema": _meta(SchemaMetaFieldDef, lambda _source, _info: shown),
            "__type": _meta(TypeMetaFieldDef, lambda _source, _info, name: shown.get_type(name)),
        }
        self._type_name = _meta(TypeNameMetaFieldDef, self._name_on)
        self._remembered: dict[int, tuple[object, _Names]] = {}

    def get_field(self, parent_type: Any, field_name: str) -> GraphQLField | None:
        if field_name == "__typename" and not self.shows(parent_type.name):
            return self._type_name
        if field_name in self._of_query and parent_type is self.query_type:
            return self._of_query[field_name]
        return super().get_field(parent_type, field_name)

    def get_type(self, name: str) -> GraphQLNamedType | None:
        # Variables are read by what is shown of their types.
        kind = super().get_type(name)
        shown = self.shown.type_map.get(name)
        return kind if shown is None or not is_input_type(kind) else shown

    def get_implementations(self, interface_type: Any) -> InterfaceImplementations:
        # Introspection asks with the copies that it has found in `shown`.
        if self.type_map.get(interface_type.name) is not interface_type:
            return self.shown.get_implementations(cast(GraphQLInterfaceType, interface_type))
        return super().get_implementations(cast(GraphQLInterfaceType, interface_type))

    def shows(self, name: str) -> bool:
        """Tell whether a type of this name is shown."""
        return name in self.shown.type_map

    def _name_on(self, _source: Any, info: Any) -> str:
        """Return the name of the type on which a document selects `__typename`."""
        known = self._remembered.get(id(info.operation))
        if known is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[id(info.operation)] = info.operation, self._names(info)
        return known[1][id(info.field_nodes[0])]

    def _names(self, info: Any) -> _Names:
        """Return the names of the types, as they are shown, on which each `__typename` of a document is selected, by the node's identity."""
        names: _Names = {}
        root = self.shown.get_root_type(info.operation.operation)
        self._collect(info.operation.selection_set, root, names)
        for each in info.fragments.values():
            node = getattr(each, "definition", each)
            on = self.shown.get_type(node.type_condition.name.value)
            self._collect(node.selection_set, on, names)
        return names

    def _collect(self, nodes: SelectionSetNode, on: GraphQLNamedType | None, names: _Names) -> None:
        for node in nodes.selections:
            if isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                narrowed = self.shown.get_type(condition.name.value) if condition else on
                self._collect(node.selection_set, narrowed, names)
            elif isinstance(node, FieldNode):
                self._collect_field(node, on, names)

    def _collect_field(self, node: FieldNode, on: Any, names: _Names) -> None:
        if node.name.value == "__typename":
            names[id(node)] = on.name
        elif node.selection_set is not None:
            field = self.shown.get_field(on, node.name.value)
            kind = get_named_type(field.type) if field else None
            if is_composite_type(kind):
                self._collect(node.selection_set, kind, names)


def _meta(field: GraphQLField, resolve: Any) -> GraphQLField:
    return GraphQLField(**{**field.to_kwargs(), "resolve": resolve})
