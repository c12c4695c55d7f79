"""The parts of Strawberry that no documentation promises are still there, and all of its hooks are known."""

from __future__ import annotations

import inspect
from io import BytesIO
from typing import Any, NewType

import pytest
import strawberry
from graphql import GraphQLError, is_scalar_type, parse, specified_rules
from starlette.datastructures import UploadFile
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import validate_document

from tests.support import toy_schema, upload_schema
from watchword.execution.validation import RULES
from watchword.libraries.strawberry_parts import (
    BYPASSED,
    ERROR_HOOKS,
    definition,
    definition_of,
    executor_class,
    is_attribute,
    is_awaitable,
    is_refusal,
    overridden,
    owners,
    page_size,
    permission_extensions,
    process_errors,
    takes_files,
    with_context,
)

# What is made of each method of a schema: used while it is built or looked up in, called, or bypassed.
BUILDING = {
    *("_collect_graphql_directives", "_collect_schema_directives", "_extend_introspection"),
    *("_prepare_schema_directives", "_resolve_node_ids", "_warn_for_federation_directives"),
    *("as_str", "get_directive_by_name", "get_field_for_type", "get_fields", "get_type_by_name"),
    "introspect",
}
CALLED = {
    *("create_extensions_runner", "get_extensions", "_create_execution_context"),
    *("remove_field_suggestion", *ERROR_HOOKS),
}


def test_every_hook_of_the_installed_strawberry_is_known_here() -> None:
    hooks = {
        name
        for name in dir(strawberry.Schema)
        if not name.startswith("__") and callable(getattr(strawberry.Schema, name))
    }
    assert hooks == BUILDING | CALLED | set(BYPASSED)
    assert set(inspect.signature(strawberry.Schema).parameters) == {
        *("query", "mutation", "subscription", "types", "schema_directives", "scalar_overrides"),
        *("config", "exception_handlers", "execution_context_class"),
        *("directives", "extensions"),  # refused
    }


def test_every_rule_of_the_installed_strawberry_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def listen(_schema: Any, _document: Any, rules: Any) -> list[GraphQLError]:
        asked.extend(rules)
        return []

    monkeypatch.setattr("strawberry.schema.schema.validate", listen)
    validate_document(toy_schema.schema._schema, parse("{ hello }"), tuple(specified_rules))
    assert set(asked) < set(RULES)


class Never(BasePermission):
    message = "never"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return False


@strawberry.type
class Ship(strawberry.relay.Node):
    id: strawberry.relay.NodeID[int]


seen: list[Any] = []


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Never])
    def closed(self) -> str:
        return "x"

    @strawberry.field
    def looks(self, info: strawberry.Info) -> str:
        seen.append(info)
        return "x"

    @strawberry.relay.connection(strawberry.relay.ListConnection[Ship])
    def ships(self) -> list[Ship]:
        return []

    @strawberry.relay.connection(strawberry.relay.ListConnection[Ship], max_results=7)
    def few(self) -> list[Ship]:
        return []


class Hearing(strawberry.Schema):
    heard: Any = None

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        self.heard = (errors, execution_context.query, execution_context.context)


SCHEMA = Hearing(Query, config=StrawberryConfig(relay_max_results=300))


def field(name: str) -> Any:
    root = definition(SCHEMA).query_type
    assert root is not None
    return root.fields[name]


@pytest.mark.parametrize("sort", [False, True])
def test_strawberry_still_has_the_schemas_of_both_libraries(sort: bool) -> None:
    schema = strawberry.Schema(Query, config=StrawberryConfig(sort_schema=sort))
    assert definition(schema)._strawberry_schema is schema  # type: ignore[attr-defined]


def test_strawberry_still_has_the_executor_class() -> None:
    assert issubclass(executor_class(SCHEMA), object)
    assert callable(executor_class(SCHEMA).build)


def test_strawberry_still_has_the_definition_of_a_field() -> None:
    [extension] = permission_extensions(field("closed"))
    assert [type(each) for each in extension.permissions] == [Never]
    assert permission_extensions(field("looks")) == []


def test_strawberry_still_tells_attributes_from_resolvers_and_where_fields_were_written() -> None:
    @strawberry.interface
    class Named:
        name: str

    @strawberry.type
    class Boat(Named):
        @strawberry.field
        def sails(self) -> int:
            return 1

    made = definition(strawberry.Schema(Query, types=[Boat])).type_map["Boat"]
    name, sails = made.fields["name"], made.fields["sails"]
    assert (is_attribute(name), is_attribute(sails)) == (True, False)
    assert owners(made, name) == (Boat, Named)
    assert owners(made, sails) == (Boat, Boat)
    assert definition_of(sails).python_name == "sails"


def test_strawberry_still_has_the_size_of_a_connections_page() -> None:
    sizes = [page_size(definition(SCHEMA), field(name)) for name in ("ships", "few", "looks")]
    assert sizes == [300, 7, None]


def test_strawberry_still_has_the_scalar_of_files() -> None:
    schema = definition(upload_schema.schema)
    assert takes_files(schema)
    kind = schema.get_type("Upload")
    assert is_scalar_type(kind)
    file = UploadFile(BytesIO())
    assert kind.parse_value(file) is kind.coerce_input_value(file) is file
    for given in ("text", None, {}, [file]):
        with pytest.raises(GraphQLError, match="file of a multipart request"):
            kind.parse_value(given)


Own = NewType("Own", str)


def test_a_scalar_of_the_same_name_is_left_as_it_is() -> None:
    own = strawberry.scalar(name="Upload", serialize=str, parse_value=str)

    @strawberry.type
    class Query:
        @strawberry.field
        def echo(self, value: Own) -> str:
            return value

    made = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={Own: own}))
    assert takes_files(definition(made))
    assert made.execute_sync('{ echo(value: "x") }').data == {"echo": "x"}
    assert not takes_files(definition(toy_schema.schema))


def test_strawberry_still_has_the_parts_of_info() -> None:
    seen.clear()
    SCHEMA.execute_sync("{ looks }", context_value="first")
    [info] = seen
    assert (info.context, with_context(info, "second").context) == ("first", "second")
    assert with_context(info, "second").field_name == "looks"


def test_strawberry_still_has_the_method_that_refuses() -> None:
    assert inspect.isfunction(PermissionExtension._on_unauthorized)
    result = SCHEMA.execute_sync("{ closed }")
    [error] = result.errors or []
    assert error.original_error is not None
    assert is_refusal(error.original_error)
    assert not is_refusal(ValueError("from elsewhere"))


def test_strawberry_still_calls_the_hook_for_errors() -> None:
    errors = [GraphQLError("x")]
    process_errors(SCHEMA, errors, "{ closed }", None, "context")
    assert SCHEMA.heard == (errors, "{ closed }", "context")
    assert overridden(SCHEMA, ERROR_HOOKS) == ["process_errors"]


async def test_strawberry_still_tells_awaitables() -> None:
    async def wait() -> None:
        pass

    waiting = wait()
    assert is_awaitable(waiting)
    await waiting
    assert not is_awaitable("x")
