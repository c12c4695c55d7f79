"""How Strawberry resolves the fields of its schema: the private parts that compiled operations rely on.

Each function answers for the resolvers that Strawberry's own converter makes, and says so when a field's is
another one, which is then called as it is.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, is_scalar_type
from graphql.execution import Executor
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.relay.types import GlobalID
from strawberry.schema import schema_converter
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.schema.types import base_scalars
from strawberry.types import arguments as strawberry_arguments
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE, get_strawberry_type_cast
from strawberry.types.field import StrawberryField as StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

cast_of = get_strawberry_type_cast
"""Return the type that `strawberry.cast` gave to an object, or None."""
CAST_ATTRIBUTE = TYPE_CAST_ATTRIBUTE
"""The attribute in which `strawberry.cast` notes that type."""

_MADE_BY_CONVERTER = "GraphQLCoreConverter.from_resolver.<locals>."


class Way(Enum):
    """The way in which Strawberry's converter resolves a field."""

    ATTRIBUTE = "reads an attribute of the source"
    CALL = "calls the resolver, inside the field's extensions"
    CALL_LATER = "calls the resolver in a coroutine, inside the field's extensions"
    EVENT = "is the event of a subscription"
    OTHER = "is not made by Strawberry's converter"


_WAYS = {
    f"{_MADE_BY_CONVERTER}_get_basic_result": Way.ATTRIBUTE,
    f"{_MADE_BY_CONVERTER}_resolver": Way.CALL,
    f"{_MADE_BY_CONVERTER}_async_resolver": Way.CALL_LATER,
    "GraphQLCoreConverter.from_field.<locals>.<lambda>": Way.EVENT,
}


def is_usual_executor(kind: type[Executor[Any]]) -> bool:
    """Tell whether a schema is executed by the class that Strawberry uses when none is given."""
    return kind is StrawberryGraphQLCoreExecutionContext


def way_of(definition: GraphQLField) -> Way:
    """Return the way in which a field is resolved."""
    return _way(definition.resolve)


def _way(function: Callable[..., Any] | None) -> Way:
    if function is None or getattr(function, "__module__", "") != schema_converter.__name__:
        return Way.OTHER
    return _WAYS.get(function.__qualname__, Way.OTHER)


def opening_way_of(definition: GraphQLField) -> Way:
    """Return the way in which a subscription is opened."""
    return _way(definition.subscribe)


def field_of(definition: GraphQLField) -> StrawberryField | None:
    """Return the Strawberry field behind a field; None if its class resolves in a way of its own."""
    made_from = _definition(definition)
    if not isinstance(made_from, StrawberryField):
        return None
    is_usual = type(made_from).get_result is StrawberryField.get_result
    return made_from if is_usual else None


def function_of(field: StrawberryField) -> Callable[..., Any] | None:
    """Return the function that resolves a field; None if something other than a plain call resolves it."""
    function = _called(field)
    return None if inspect.isasyncgenfunction(function) else function


def generator_of(field: StrawberryField) -> Callable[..., Any] | None:
    """Return the async generator function that gives the events of a subscription; None if it has something else."""
    function = _called(field)
    return function if inspect.isasyncgenfunction(function) else None


def _called(field: StrawberryField) -> Callable[..., Any] | None:
    resolver = field.base_resolver
    if type(resolver) is not StrawberryResolver or not callable(resolver.wrapped_func):
        return None
    return resolver.wrapped_func


class Parameters:
    """What a resolver's function is called with besides arguments: names of keyword parameters, or None."""

    def __init__(self, field: StrawberryField) -> None:
        resolver = field.base_resolver
        assert resolver is not None, "the field has a resolver"
        self.takes_self = resolver.self_parameter is not None
        parents = (resolver.parent_parameter, resolver.root_parameter)
        self.parents = {each.name for each in parents if each is not None}
        self.info = resolver.info_parameter.name if resolver.info_parameter else None


def permissions_only(field: StrawberryField) -> list[PermissionExtension] | None:
    """Return a field's permission extensions, the outermost first; None if it has other extensions too."""
    extensions = list(reversed(field.extensions))
    if all(type(each) is PermissionExtension for each in extensions):
        return extensions  # type: ignore[return-value]
    return None


def on_unauthorized(extension: PermissionExtension, permission: BasePermission) -> Any:
    """Refuse a field as Strawberry does: raise the permission's error, or return an empty value."""
    return extension._on_unauthorized(permission)


def has_handlers(schema: strawberry.Schema) -> bool:
    """Tell whether exceptions may become values of unions."""
    return bool(schema.schema_converter.exception_handlers)


class Arguments:
    """Converts graphql-core's values of a field's arguments to those that the resolver is called with."""

    def __init__(self, schema: strawberry.Schema, field: StrawberryField) -> None:
        self._config = schema.config
        self._registry = schema.schema_converter.scalar_registry
        self._field = field

    def names(self) -> dict[str, StrawberryArgument]:
        """Return the arguments by their names in GraphQL."""
        name = self._config.name_converter.from_argument
        return {name(each): each for each in self._field.arguments}

    def is_unchanged(self, argument: StrawberryArgument) -> bool:
        """Tell whether the resolver gets graphql-core's value as it is."""
        kind, skipped = argument.type, (GlobalID,)
        return not argument.is_maybe and (
            strawberry_arguments._is_leaf_type(kind, self._registry, skipped)
            or strawberry_arguments._is_optional_leaf_type(kind, self._registry, skipped)
        )

    def convert(self, values: dict[str, Any], info: Any) -> dict[str, Any]:
        """Return the keyword arguments of the resolver."""
        return convert_arguments(values, self._field.arguments, self._registry, self._config, info)


class LateInfo(strawberry.Info[Any, Any]):
    """Strawberry's `Info`. `make_raw` makes its raw part when more than the context is read."""

    @cached_property
    def _raw_info(self) -> Any:  # type: ignore[override]
        return self.make_raw()

    def make_raw(self) -> Any:
        """Return graphql-core's info of the field."""
        raise NotImplementedError


def info_of(kind: type[strawberry.Info], raw: Any, field: StrawberryField) -> Any:
    """Return the info of a field, of the class that the schema asks for."""
    return kind(_raw_info=raw, _field=field)


def enum_names(kind: Any) -> tuple[type[Enum], dict[str, str]] | None:
    """Return the class of an enum and the names in GraphQL of its members; None if it is not a usual one."""
    if type(kind) is not CustomGraphQLEnumType or not issubclass(kind.wrapped_cls, Enum):
        return None
    names: dict[str, str] = {}
    for name, member in kind.wrapped_cls.__members__.items():
        try:
            names[name] = kind.coerce_output_value(member)
        except Exception:
            continue
    return kind.wrapped_cls, names


# What the date types' own classes are written with.
_ISO_FORMATS = {"Date": datetime.date, "DateTime": datetime.datetime, "Time": datetime.time}


def written_as_text(kind: Any) -> tuple[type, str] | None:
    """Return the usual class of a scalar's values, and the method that writes them as an ASCII text; None for most."""
    if is_scalar_type(kind) and kind.coerce_output_value is base_scalars.isoformat:
        usual = _ISO_FORMATS.get(kind.name)
        return None if usual is None else (usual, "isoformat")
    return None


def tests_class(kind: GraphQLObjectType) -> bool:
    """Tell whether a type accepts a value by its class alone, unless `strawberry.cast` was used on it."""
    definition = _definition(kind)
    return kind.is_type_of is None or (definition is not None and definition.is_type_of is None)


def resolves_by_class(kind: Any, found: GraphQLObjectType, of: type) -> bool:
    """Tell whether all objects of a class have this type in an interface or union.

    Objects that `strawberry.cast` was used on are excepted.
    """
    abstract, definition = _definition(kind), _definition(found)
    if definition is None or not tests_class(found) or definition.concrete_of is not None:
        return False
    if getattr(of, "__strawberry_definition__", None) is not definition:
        return False
    if isinstance(abstract, StrawberryObjectDefinition):
        return abstract.resolve_type is None and issubclass(of, abstract.origin)
    resolve: Any = kind.resolve_type
    return getattr(resolve, "__qualname__", "").endswith("<locals>._resolve_union_type")


def _definition(kind: Any) -> Any:
    return kind.extensions.get("strawberry-definition")
