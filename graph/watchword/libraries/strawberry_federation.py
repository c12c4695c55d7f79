"""What Strawberry's federation makes of a schema: the root field `_entities`, and the types that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    is_interface_type,
    parse,
)
from strawberry import federation
from strawberry.federation.schema_directives import Key, Requires

from watchword.libraries.strawberry_fields import info_of
from watchword.libraries.strawberry_parts import definition, definition_of

Asked = dict[str, Any]
"""The names of fields that are asked for, each with what is asked for below it, in the same form."""

_MAKING_SDL = f"{federation.Schema._get_federation_query_type.__qualname__}.<locals>."


@dataclass(frozen=True, slots=True)
class EntityType:
    """A type, or an interface, with objects that a router may ask for by a key.

    `keys` are the selections of its keys. `asked` has what routers send: the fields of the keys and those that
    `@requires` of some field names. `needs` are the names of the fields without which its `resolve_reference` cannot
    be called, and `takes` those that it may be called with; None stands for all that are asked.
    `members` are the names of the types that such an object may have.
    """

    name: str
    definition: GraphQLObjectType | GraphQLInterfaceType
    keys: tuple[SelectionSetNode, ...]
    asked: Asked
    needs: frozenset[str]
    takes: frozenset[str] | None
    members: tuple[str, ...]


def entities_field(schema: strawberry.Schema) -> GraphQLField | None:
    """Return the root field by which routers ask for entities; None if Strawberry has made none."""
    query = definition(schema).query_type
    if not isinstance(schema, federation.Schema) or query is None:
        return None
    for field in query.fields.values():
        resolver = getattr(definition_of(field), "base_resolver", None)
        if resolver is not None and resolver.wrapped_func == schema.entities_resolver:
            return cast(GraphQLField, field)
    return None


def entity_types(schema: strawberry.Schema) -> dict[str, EntityType]:
    """Return the types with a key by which this subgraph finds their objects, by their names.

    None of them if Strawberry has made no field that returns them.
    """
    if entities_field(schema) is None:
        return {}
    made = definition(schema)
    keyed = {name: keys for name, kind in made.type_map.items() if (keys := _keys(kind))}
    types = [_entity_type(made, name, keys, frozenset(keyed)) for name, keys in keyed.items()]
    return {each.name: each for each in types if each.members}


def is_sdl(field: GraphQLField) -> bool:
    """Tell whether a field is one of the two by which Strawberry's federation answers the schema's SDL."""
    resolver = getattr(definition_of(field), "base_resolver", None)
    name = getattr(getattr(resolver, "wrapped_func", None), "__qualname__", "")
    return name.startswith(_MAKING_SDL)


def sdl_field(schema: strawberry.Schema) -> str | None:
    """Return the name of the root field that Strawberry's federation has made for the SDL, such as `Query._service`."""
    query = definition(schema).query_type
    for name, field in (query.fields if query else {}).items():
        if is_sdl(field):
            return f"{query}.{name}"
    return None


def resolve_reference(
    schema: federation.Schema, info: Any, name: str, fields: Mapping[str, Any]
) -> Any:
    """Find the object of one reference as Strawberry does. Returns it, an awaitable, or the error."""
    # Strawberry takes the type's name out of the dictionary that it is given.
    representation: Any = {"__typename": name, **fields}
    [found] = schema.entities_resolver(info, [representation])
    return found


def type_in_entities(schema: federation.Schema, info: Any, found: Any) -> str:
    """Return the name of the type that an object has in what `_entities` returns. Raises as its completion would."""
    union: Any = definition(schema).type_map["_Entity"]
    return str(union.resolve_type(found, info._raw_info, union))


def strawberry_info(schema: strawberry.Schema, field: GraphQLField, raw: Any) -> Any:
    """Return Strawberry's info of a field, made of graphql-core's."""
    return info_of(schema.config.info_class, raw, definition_of(field))


def _keys(kind: GraphQLNamedType) -> tuple[SelectionSetNode, ...]:
    made_from = kind.extensions.get("strawberry-definition")
    return tuple(
        _selection(str(each.fields))
        for each in getattr(made_from, "directives", None) or ()
        if isinstance(each, Key) and each.resolvable is not False
    )


def _required(kind: GraphQLObjectType | GraphQLInterfaceType) -> tuple[SelectionSetNode, ...]:
    """Return the selections of `@requires` on the fields of a type."""
    fields = (definition_of(field) for field in kind.fields.values())
    return tuple(
        _selection(str(each.fields))
        for field in fields
        for each in getattr(field, "directives", None) or ()
        if isinstance(each, Requires)
    )


def _asked(selections: Iterable[SelectionSetNode]) -> Asked:
    asked: Asked = {}
    for selection in selections:
        _add(asked, selection)
    return asked


def _add(asked: Asked, selection: SelectionSetNode) -> None:
    for node in selection.selections:
        if isinstance(node, FieldNode):
            below = asked.setdefault(node.name.value, {})
            if node.selection_set is not None:
                _add(below, node.selection_set)
        elif isinstance(node, InlineFragmentNode):
            _add(asked, node.selection_set)


def _selection(fields: str) -> SelectionSetNode:
    [operation] = parse(f"{{ {fields} }}", no_location=True).definitions
    return operation.selection_set  # type: ignore[attr-defined,no-any-return]


def _entity_type(
    made: GraphQLSchema,
    name: str,
    keys: tuple[SelectionSetNode, ...],
    entities: frozenset[str],
) -> EntityType:
    kind: Any = made.type_map[name]
    members: tuple[str, ...] = (name,)
    if is_interface_type(kind):
        possible = [each.name for each in made.get_possible_types(kind)]
        members = tuple(each for each in possible if each in entities)
    needs, takes = _parameters(kind.extensions["strawberry-definition"].origin)
    asked = _asked((*keys, *_required(kind)))
    return EntityType(name, kind, keys, asked, needs, takes, members)


def _parameters(origin: type) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the names that `resolve_reference` of a class needs and takes; none and any if it has none."""
    function = getattr(origin, "resolve_reference", None)
    if function is None:
        return frozenset(), None
    parameters = inspect.signature(function).parameters.values()
    named = [
        each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    named = [each for each in named if each.name != "info"]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    needs = frozenset(each.name for each in named if each.default is each.empty)
    return needs, None if takes_any else frozenset(each.name for each in named)
