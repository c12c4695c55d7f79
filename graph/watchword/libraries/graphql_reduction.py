"""Copies a schema of graphql-core without some of its fields and inputs, and the types that are only reached by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from watchword.libraries.graphql_core import default_value

Composite = GraphQLObjectType | GraphQLInterfaceType
Fields = dict[str, GraphQLField]


def reduced(schema: GraphQLSchema, hidden: frozenset[str]) -> GraphQLSchema:
    """Return a copy of a schema without what is named by schema coordinates: fields of object types, such as
    `Incident.body`, arguments, input types and their fields, and enum values.

    If an argument or an input field that must be sent is left out, the field or input type that needs it is left out too.
    A type is left out if none of its fields is left, or if only what is left out led to it; a field is left out if its
    type is. A field of an interface stays as long as one of its types has it. Then all of its types that are left have
    it, because they would not implement the interface otherwise. The same holds for the arguments of its fields. What a
    default value may name stays, and so does `Query`.
    """
    kept = _Kept(schema, hidden)
    return _Copy(schema, kept, _reached(schema, kept)).schema


class _Kept:
    """The types of a schema of which something is left, and the fields that are left of them."""

    def __init__(self, schema: GraphQLSchema, hidden: frozenset[str] = frozenset()) -> None:
        self.schema = schema
        self.query = schema.query_type
        self._hidden = hidden = _without_defaults(schema, hidden)
        self._read_inputs()
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
        if isinstance(kind, GraphQLInputObjectType):
            return bool(self.inputs[kind.name])
        if isinstance(kind, GraphQLEnumType):
            return bool(self.values[kind.name])
        return kind is not None

    def arguments(self, kind: str, name: str, field: GraphQLField) -> dict[str, GraphQLArgument]:
        """Return the arguments of a field that are left."""
        return {
            each: argument
            for each, argument in field.args.items()
            if self.has(get_named_type(argument.type))
            and (f"{kind}.{name}({each}:)" not in self._hidden or self._promises(kind, name, each))
        }

    def members(self, kind: GraphQLUnionType) -> list[GraphQLObjectType]:
        """Return the types of a union of which something is left."""
        return [each for each in kind.types if self.has(each)]

    def interfaces(self, kind: Composite) -> list[GraphQLInterfaceType]:
        """Return the interfaces of a type of which something is left."""
        return [each for each in kind.interfaces if self.has(each)]

    def _read_inputs(self) -> None:
        kinds = self.schema.type_map.values()
        self.inputs = {
            kind.name: self._input_fields(kind)
            for kind in kinds
            if isinstance(kind, GraphQLInputObjectType)
        }
        self.values: dict[str, dict[str, GraphQLEnumValue]] = {
            kind.name: {
                name: value
                for name, value in kind.values.items()
                if f"{kind.name}.{name}" not in self._hidden
            }
            for kind in kinds
            if isinstance(kind, GraphQLEnumType)
        }

    def _input_fields(self, kind: GraphQLInputObjectType) -> dict[str, GraphQLInputField]:
        """Return the fields of an input type that are left; none if one that must be sent is hidden."""
        hidden = {name for name in kind.fields if f"{kind.name}.{name}" in self._hidden}
        if kind.name in self._hidden or any(
            is_required_input_field(kind.fields[name]) for name in hidden
        ):
            return {}
        return {name: field for name, field in kind.fields.items() if name not in hidden}

    def _promises(self, kind: str, name: str, argument: str) -> bool:
        definition = cast(Composite, self.schema.type_map[kind])
        return any(
            name in each.fields and argument in each.fields[name].args
            for each in definition.interfaces
        )

    def _drop(self) -> bool:
        """Drop what is gone with something else. Return whether there was anything."""
        return self._drop_inputs() or self._drop_fields()

    def _drop_inputs(self) -> bool:
        """Drop input fields whose types are gone, and input types of which such a field must be sent."""
        lost = [
            (fields, name)
            for fields in self.inputs.values()
            for name, field in fields.items()
            if not self.has(get_named_type(field.type))
        ]
        for fields, name in lost:
            if name in fields and is_required_input_field(fields.pop(name)):
                fields.clear()
        return bool(lost)

    def _drop_fields(self) -> bool:
        """Drop fields whose types are gone, those that cannot be asked, and those of interfaces that no type has."""
        lost = [
            (fields, name)
            for kind, fields in self.fields.items()
            for name, field in fields.items()
            if not self.has(get_named_type(field.type))
            or self._is_gone(kind, name)
            or not self._can_be_asked(kind, name, field)
        ]
        for fields, name in lost:
            del fields[name]
        return bool(lost)

    def _can_be_asked(self, kind: str, name: str, field: GraphQLField) -> bool:
        left = self.arguments(kind, name, field)
        return all(
            each in left or not is_required_argument(argument)
            for each, argument in field.args.items()
        )

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
        if isinstance(kind, GraphQLInputObjectType):
            return [get_named_type(each.type) for each in self._kept.inputs[kind.name].values()]
        if isinstance(kind, GraphQLUnionType):
            return self._kept.members(kind)
        if not isinstance(kind, Composite):
            return []
        found: list[Any] = [*self._kept.interfaces(kind)]
        if isinstance(kind, GraphQLInterfaceType):
            implementations = self._kept.schema.get_implementations(kind)
            found += [*implementations.objects, *implementations.interfaces]
        for name, field in self._kept.fields[kind.name].items():
            found.append(get_named_type(field.type))
            taken = self._kept.arguments(kind.name, name, field)
            found += [get_named_type(each.type) for each in taken.values()]
        return found


class _Copy:
    """The reduced copy. Scalars, and enums of which all values are left, are those of the schema."""

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
        if isinstance(kind, GraphQLInputObjectType):
            return self._input(kind)
        if isinstance(kind, GraphQLEnumType):
            return self._enum(kind)
        if not isinstance(kind, Composite):
            return kind
        found, interfaces = self._kept.fields[kind.name], self._kept.interfaces(kind)
        parts: Any = {
            **kind.to_kwargs(),
            "fields": lambda: {name: self._field(kind, name, each) for name, each in found.items()},
            "interfaces": lambda: [self._type(each) for each in interfaces],
        }
        return type(kind)(**parts)

    def _field(self, kind: Composite, name: str, field: GraphQLField) -> GraphQLField:
        taken = self._kept.arguments(kind.name, name, field)
        arguments = {
            each: GraphQLArgument(**{**argument.to_kwargs(), "type_": self._type(argument.type)})
            for each, argument in taken.items()
        }
        copied = {"type_": self._type(field.type), "args": arguments}
        return GraphQLField(**{**field.to_kwargs(), **copied})

    def _input(self, kind: GraphQLInputObjectType) -> GraphQLInputObjectType:
        left = self._kept.inputs[kind.name]

        def fields() -> dict[str, GraphQLInputField]:
            return {
                name: GraphQLInputField(**{**each.to_kwargs(), "type_": self._type(each.type)})
                for name, each in left.items()
            }

        made: GraphQLInputObjectType = _same(kind, "fields")
        made._fields = fields
        return made

    def _enum(self, kind: GraphQLEnumType) -> GraphQLEnumType:
        left = self._kept.values.get(kind.name, kind.values)
        if len(left) == len(kind.values):
            return kind
        made: GraphQLEnumType = _same(kind, "values", "_value_lookup")
        made._values = left
        return made

    def _type(self, kind: Any) -> Any:
        """Return the copy of a type, inside of lists and non-null types too."""
        if is_non_null_type(kind):
            return GraphQLNonNull(self._type(kind.of_type))
        if is_list_type(kind):
            return GraphQLList(self._type(kind.of_type))
        if kind.name.startswith("__"):
            return kind
        if kind.name not in self._types:
            self._types[kind.name] = self._copied(kind)
        return self._types[kind.name]


def _same(kind: Any, *cached: str) -> Any:
    """Return a copy of a type, of its own class, which forgets what is cached. Strawberry's enums know their Python enum."""
    made = object.__new__(type(kind))
    vars(made).update({name: value for name, value in vars(kind).items() if name not in cached})
    return made


def _without_defaults(schema: GraphQLSchema, hidden: frozenset[str]) -> frozenset[str]:
    """Return the coordinates without those of input types and enums that some default value may name."""
    if not any(_is_of_input(schema, each) for each in hidden):
        return hidden
    waiting = [
        get_named_type(each.type)
        for each in _inputs(schema)
        if default_value(each) not in (None, Undefined)
    ]
    named: set[str] = set()
    while waiting:
        kind = waiting.pop()
        if kind.name not in named:
            named.add(kind.name)
            if isinstance(kind, GraphQLInputObjectType):
                waiting += [get_named_type(each.type) for each in kind.fields.values()]
    return frozenset(each for each in hidden if each.partition(".")[0] not in named)


def _is_of_input(schema: GraphQLSchema, coordinate: str) -> bool:
    kind = schema.type_map.get(coordinate.partition(".")[0])
    return isinstance(kind, GraphQLInputObjectType | GraphQLEnumType)


def _inputs(schema: GraphQLSchema) -> Iterable[Any]:
    """Yield the arguments and the input fields of a schema."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from kind.fields.values()
        elif isinstance(kind, Composite):
            for field in kind.fields.values():
                yield from field.args.values()
    for directive in schema.directives:
        yield from directive.args.values()
