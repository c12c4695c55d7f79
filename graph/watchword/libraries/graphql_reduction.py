"""Copies a schema of graphql-core without some of its fields, and without the types that are only reached by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)

Composite = GraphQLObjectType | GraphQLInterfaceType
Fields = dict[str, GraphQLField]


def reduced(schema: GraphQLSchema, hidden: frozenset[str]) -> GraphQLSchema:
    """Return a copy of a schema without the fields of object types that are named, such as `Incident.body`.

    A type is left out if no field of it is left, or if it was reached only by what is left out; a field, if its type
    is. A field of an interface stays as long as one of its types has it, and then all of its types that are left have
    it: they would not implement it otherwise. `Query` always stays.
    """
    kept = _Kept(schema, hidden)
    return _Copy(schema, kept, _reached(schema, kept)).schema


class _Kept:
    """The types of a schema of which something is left, and the fields that are left of them."""

    def __init__(self, schema: GraphQLSchema, hidden: frozenset[str] = frozenset()) -> None:
        self.schema = schema
        self.query = schema.query_type
        self.fields: dict[str, Fields] = {
            kind.name: {
                name: field
                for name, field in kind.fields.items()
                if f"{kind.name}.{name}" not in hidden
            }
            for kind in schema.type_map.values()
            if isinstance(kind, Composite) and not kind.name.startswith("__")
        }
        while self._drop():
            pass
        self._keep_promises()

    def has(self, kind: GraphQLNamedType | None) -> bool:
        """Tell whether something of a type is left."""
        if isinstance(kind, GraphQLUnionType):
            return any(map(self.has, kind.types))
        if isinstance(kind, Composite) and not kind.name.startswith("__"):
            return bool(self.fields[kind.name]) or kind is self.query
        return kind is not None

    def members(self, kind: GraphQLUnionType) -> list[GraphQLObjectType]:
        """Return the types of a union of which something is left."""
        return [each for each in kind.types if self.has(each)]

    def interfaces(self, kind: Composite) -> list[GraphQLInterfaceType]:
        """Return the interfaces of a type of which something is left."""
        return [each for each in kind.interfaces if self.has(each)]

    def _drop(self) -> bool:
        """Drop fields whose types are gone, and fields of interfaces that no type has. Return whether there were any."""
        lost = [
            (fields, name)
            for kind, fields in self.fields.items()
            for name, field in fields.items()
            if not self.has(get_named_type(field.type)) or self._is_gone(kind, name)
        ]
        for fields, name in lost:
            del fields[name]
        return bool(lost)

    def _is_gone(self, kind: str, name: str) -> bool:
        definition = self.schema.type_map[kind]
        if not isinstance(definition, GraphQLInterfaceType):
            return False
        objects = self.schema.get_implementations(definition).objects
        return bool(objects) and not any(name in self.fields[each.name] for each in objects)

    def _keep_promises(self) -> None:
        """Let each type that is left have all fields that are left of its interfaces."""
        for name, fields in self.fields.items():
            definition = cast(Composite, self.schema.type_map[name])
            if not self.has(definition):
                continue
            promised = {
                field: (promise, definition.fields[field])
                for interface in self.interfaces(definition)
                for field, promise in self.fields[interface.name].items()
                if field not in fields
            }
            for field, (promise, own) in promised.items():
                fields[field] = GraphQLField(**{**own.to_kwargs(), "type_": promise.type})
            self.fields[name] = {each: fields[each] for each in definition.fields if each in fields}


def _reached(schema: GraphQLSchema, kept: _Kept) -> set[str]:
    """Return the names of the types to keep: those that are still reached, and those that never were."""
    before, now = _Reached(_Kept(schema)), _Reached(kept)
    return {
        name
        for name, kind in schema.type_map.items()
        if kept.has(kind) and (name in now.names or name not in before.names)
    }


class _Reached:
    """The names of the types that the fields of the root types lead to."""

    def __init__(self, kept: _Kept) -> None:
        self.names: set[str] = set()
        self._kept = kept
        schema = kept.schema
        waiting = [schema.query_type, schema.mutation_type, schema.subscription_type]
        while waiting:
            kind = waiting.pop()
            if kind is not None and kind.name not in self.names and kept.has(kind):
                self.names.add(kind.name)
                waiting.extend(self._next(kind))

    def _next(self, kind: GraphQLNamedType) -> Iterable[Any]:
        if is_input_object_type(kind):
            return [get_named_type(each.type) for each in kind.fields.values()]
        if isinstance(kind, GraphQLUnionType):
            return self._kept.members(kind)
        if not isinstance(kind, Composite):
            return []
        found: list[Any] = [*self._kept.interfaces(kind)]
        if isinstance(kind, GraphQLInterfaceType):
            implementations = self._kept.schema.get_implementations(kind)
            found += [*implementations.objects, *implementations.interfaces]
        for field in self._kept.fields[kind.name].values():
            found.append(get_named_type(field.type))
            found += [get_named_type(each.type) for each in field.args.values()]
        return found


class _Copy:
    """The reduced copy. Object types, interfaces and unions are copied; all other types are those of the schema."""

    def __init__(self, schema: GraphQLSchema, kept: _Kept, names: set[str]) -> None:
        self._kept = kept
        self._types = {
            name: self._copied(kind)
            for name, kind in schema.type_map.items()
            if name in names and not name.startswith("__")
        }
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        query, mutation, subscription = (
            None if root is None else cast(Any, self._types.get(root.name)) for root in roots
        )
        parts: Any = schema.to_kwargs()
        parts.update(query=query, mutation=mutation, subscription=subscription)
        # A Query without fields is no valid schema, and still answers `__typename`.
        parts.update(types=tuple(self._types.values()), assume_valid=True)
        self.schema = GraphQLSchema(**parts)

    def _copied(self, kind: GraphQLNamedType) -> GraphQLNamedType:
        if isinstance(kind, GraphQLUnionType):
            members = self._kept.members(kind)
            union: Any = {
                **kind.to_kwargs(),
                "types": lambda: [self._type(each) for each in members],
            }
            return GraphQLUnionType(**union)
        if not isinstance(kind, Composite):
            return kind
        found, interfaces = self._kept.fields[kind.name], self._kept.interfaces(kind)
        parts: Any = {
            **kind.to_kwargs(),
            "fields": lambda: {name: self._field(each) for name, each in found.items()},
            "interfaces": lambda: [self._type(each) for each in interfaces],
        }
        return type(kind)(**parts)

    def _field(self, field: GraphQLField) -> GraphQLField:
        return GraphQLField(**{**field.to_kwargs(), "type_": self._type(field.type)})

    def _type(self, kind: Any) -> Any:
        """Return the copy of a type, inside of lists and non-null types too."""
        if is_non_null_type(kind):
            return GraphQLNonNull(self._type(kind.of_type))
        if is_list_type(kind):
            return GraphQLList(self._type(kind.of_type))
        if not is_composite_type(kind) or kind.name.startswith("__"):
            return kind
        if kind.name not in self._types:
            self._types[kind.name] = self._copied(kind)
        return self._types[kind.name]
