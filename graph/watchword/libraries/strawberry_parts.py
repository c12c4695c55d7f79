"""The private and undocumented parts of Strawberry that the runtime uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from traceback import walk_tb
from typing import Any, TypeGuard, TypeVar, cast

import strawberry
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLScalarType,
    GraphQLSchema,
)
from graphql.execution import Executor
from starlette.datastructures import UploadFile
from strawberry.exceptions import WrongNumberOfResultsReturned as WrongNumberOfResultsReturned
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import FieldExtension
from strawberry.file_uploads import UploadDefinition
from strawberry.permission import PermissionExtension
from strawberry.relay.fields import ConnectionExtension
from strawberry.relay.types import GlobalID, Node
from strawberry.relay.utils import SliceMetadata
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

D = TypeVar("D")

VALIDATION_RULES = (MaybeNullValidationRule, OneOfInputValidationRule)
"""The rules that Strawberry adds to those of the specification. Its own `validate_document` cannot hide
suggestions, so it is not called."""

# Methods of `strawberry.Schema` that only its own execution calls.
BYPASSED = (
    *("execute", "execute_sync", "subscribe", "stream"),
    *("_execute_operation", "_get_custom_context_kwargs", "_get_execute_function"),
    *("_get_middleware_manager", "_handle_execution_result", "_prepare_operation_async"),
    *("_prepare_operation_sync", "_stream", "_stream_non_subscription"),
)
# Methods that are called with the errors of an answer.
ERROR_HOOKS = ("process_errors", "_process_errors")

# The code of the method in which every permission's `on_unauthorized` is called.
_REFUSING = PermissionExtension._on_unauthorized.__code__

# The code that reads the arguments `first`, `last`, `before` and `after`, and the code that reads a global id.
_READING_PAGES = SliceMetadata.from_arguments.__func__.__code__  # type: ignore[attr-defined]
_READING_IDS = GlobalID.resolve_type.__code__
_RESOLVING_NODES = Node.resolve_nodes.__func__.__code__  # type: ignore[attr-defined]
_RESOLVING_IDS = {GlobalID.resolve_node.__code__, GlobalID.resolve_node_sync.__code__}

is_awaitable = cast(Callable[[Any], TypeGuard[Awaitable[Any]]], optimized_is_awaitable)
"""Strawberry's own test for awaitables; it is fast for the most frequent types."""


def definition(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the graphql-core schema behind a Strawberry schema."""
    return schema._schema


def executor_class(schema: strawberry.Schema) -> type[Executor[Any]]:
    """Return the executor class that the schema was made with."""
    return cast(type[Executor[Any]], schema.execution_context_class)


def overridden(schema: strawberry.Schema, names: tuple[str, ...]) -> list[str]:
    """Return which of these methods the schema's class overrides; Strawberry's own subclasses do not count."""
    return [name for name in names if _is_overridden(schema, name)]


def process_errors(
    schema: strawberry.Schema,
    errors: list[GraphQLError],
    query: str | None,
    variables: dict[str, Any] | None,
    context: Any,
) -> None:
    """Call the schema's hook `process_errors` as Strawberry's own execution does. It may change the errors."""
    execution = schema._create_execution_context(
        query, DEFAULT_ALLOWED_OPERATION_TYPES, variables, context
    )
    schema._process_errors(errors, execution)


def permission_extensions(field: GraphQLField) -> list[PermissionExtension]:
    """Return the extensions of a field that check permissions."""
    return [each for each in _extensions(field) if isinstance(each, PermissionExtension)]


def definition_of(field: GraphQLField) -> Any:
    """Return the `strawberry.field` that a field was made from, a `dataclasses.Field`; None if there is none."""
    return field.extensions.get("strawberry-definition")


def directives_of(element: Any, kind: type[D]) -> list[D]:
    """Return the schema directives of a kind that a type, a field, an argument or an input field was declared with."""
    declared = element.extensions.get("strawberry-definition")
    return [each for each in getattr(declared, "directives", ()) if isinstance(each, kind)]


def is_attribute(field: GraphQLField) -> bool:
    """Tell whether a field shows an attribute of its object: no resolver and no extension but permissions."""
    made_from = definition_of(field)
    if made_from is None or made_from.base_resolver is not None:
        return False
    return all(isinstance(each, PermissionExtension) for each in _extensions(field))


def class_of(kind: GraphQLNamedType) -> type | None:
    """Return the class that an object type was made from; None if there is none."""
    return getattr(kind.extensions.get("strawberry-definition"), "origin", None)


def owner_of(field: GraphQLField) -> type | None:
    """Return the class that has a field in its body; None if there is none."""
    return getattr(definition_of(field), "origin", None)


def owners(kind: GraphQLNamedType, field: GraphQLField) -> tuple[type, ...]:
    """Return the class of an object type, and the class that has the field in its body, which may be a base of it."""
    return tuple(each for each in (class_of(kind), owner_of(field)) if each is not None)


def page_size(schema: GraphQLSchema, field: GraphQLField) -> int | None:
    """Return how many items a connection of `strawberry.relay` returns when the client does not say.

    None for every other field.
    """
    for extension in _extensions(field):
        if isinstance(extension, ConnectionExtension):
            if extension.max_results is not None:
                return extension.max_results
            mounted: strawberry.Schema = schema._strawberry_schema  # type: ignore[attr-defined]
            return mounted.config.relay_max_results
    return None


def takes_files(schema: GraphQLSchema) -> bool:
    """Tell whether a schema has a scalar `Upload`. If it is Strawberry's, it takes only files from then on.

    Strawberry's own takes any JSON too, with which a resolver that expects a file fails.
    """
    kind = schema.get_type("Upload")
    if not isinstance(kind, GraphQLScalarType):
        return False
    if kind.extensions.get("strawberry-definition") is UploadDefinition:
        kind.parse_value = kind.coerce_input_value = _file  # type: ignore[method-assign]
    return True


def _file(value: Any) -> UploadFile:
    if not isinstance(value, UploadFile):
        raise GraphQLError("An Upload is a file of a multipart request, and not in its JSON.")
    return value


def raw_info(info: Any) -> Any:
    """Return graphql-core's info behind a resolver's `strawberry.Info`."""
    return info._raw_info


def with_context(info: Any, context: object) -> Any:
    """Return a copy of a resolver's `strawberry.Info` that has another context."""
    return type(info)(_raw_info=info._raw_info._replace(context=context), _field=info._field)


def coordinate(info: Any) -> str:
    """Return the field of a resolver's `strawberry.Info` as `Type.field`; of any other info, its `place`."""
    raw = getattr(info, "_raw_info", None)
    return str(info.place) if raw is None else f"{raw.parent_type.name}.{raw.field_name}"


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error was raised by a permission's `on_unauthorized`.

    The permission's author chooses the class of the error, so the traceback decides.
    """
    return any(frame.f_code is _REFUSING for frame, _ in walk_tb(error.__traceback__))


def relay_fault(error: BaseException) -> str | None:
    """Return what `strawberry.relay` has to say about a page or a global id that a client asked for.

    None for every other error. It raises ValueError and TypeError, which resolvers also raise by mistake, so the
    traceback decides. The message about an id of another type shows the node, and is replaced. A type that does not say
    how its objects are found raises NotImplementedError, as the interface of all nodes does: only of that a client can ask.
    """
    if isinstance(error, NotImplementedError):
        frames = [frame for frame, _ in walk_tb(error.__traceback__)][-1:]
        names_interface = any(
            frame.f_code is _RESOLVING_NODES and frame.f_locals.get("cls") is Node
            for frame in frames
        )
        return "The id is one of an interface, and of no object." if names_interface else None
    if not isinstance(error, ValueError | TypeError):
        return None
    trail = [frame.f_code for frame, _ in walk_tb(error.__traceback__)][-2:]
    if _READING_PAGES in trail or (trail and trail[-1] is _READING_IDS):
        return str(error)
    if trail and trail[-1] in _RESOLVING_IDS and str(error).startswith("Cannot resolve."):
        return "The id is one of another type than this field takes."
    return None


def _extensions(field: GraphQLField) -> list[FieldExtension]:
    made_from = field.extensions.get("strawberry-definition")
    return list(getattr(made_from, "extensions", ()))


def _is_overridden(schema: strawberry.Schema, name: str) -> bool:
    owner = next(kind for kind in type(schema).__mro__ if name in vars(kind))
    return owner.__module__.partition(".")[0] != "strawberry"
