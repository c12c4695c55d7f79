"""Directives are added to the SDL of one schema, imported by a subgraph and defined by others."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import build_schema
from strawberry import federation
from strawberry.federation.schema_directives import Link
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema_directive import Location

from watchword.libraries.strawberry_directives import add_directives
from watchword.libraries.strawberry_parts import definition


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "x"


def guarded(schema: Any, policies: Any = (("p", 'a "quoted" one'), ("q",))) -> str:
    """Return the SDL of a schema whose field `hello` has got directives, twice."""
    for _ in range(2):
        add_directives(schema, definition(schema).query_type.fields["hello"], True, [["a"]], policies)  # fmt: skip
    return str(schema.as_str())


def test_a_schema_defines_the_directives_that_it_uses() -> None:
    sdl = guarded(strawberry.Schema(Query), policies=())
    build_schema(sdl)
    assert '  hello: String! @authenticated @requiresScopes(scopes: [["a"]])\n' in sdl
    assert "directive @authenticated on FIELD_DEFINITION\n" in sdl
    assert "@policy" not in sdl
    assert "@" not in strawberry.Schema(Query).as_str(), "another schema has none"


def test_texts_are_quoted() -> None:
    sdl = guarded(strawberry.Schema(Query))
    build_schema(sdl)
    assert '@policy(policies: [["p", "a \\"quoted\\" one"], ["q"]])' in sdl


FEDERATION = "https://specs.apollo.dev/federation/v2.11"
NAMES = ["@authenticated", "@policy", "@requiresScopes"]


@federation.type(keys=["id"])
class Thing:
    id: strawberry.ID


def imports(schema: federation.Schema) -> list[Any]:
    return [each.import_ for each in schema.schema_directives if isinstance(each, Link)]


def test_a_subgraph_defines_them_and_imports_none() -> None:
    own = Link(url="https://example.com/own/v1", import_=["@own"])
    for types, others in (([Thing], [["@key"]]), ([], [])):
        schema = federation.Schema(Query, types=types, schema_directives=[own])
        sdl = guarded(schema)
        assert imports(schema) == [["@own"], *others]
        assert sdl.count("directive @") == 3
        assert '  hello: String! @authenticated @requiresScopes(scopes: [["a"]]) @policy(' in sdl


def test_a_subgraph_whose_author_imports_them_has_them_of_apollo_by_one_link() -> None:
    for types, others in (([Thing], ["@key"]), ([], [])):
        asked = Link(url=FEDERATION, import_=[*NAMES])
        schema = federation.Schema(Query, types=types, schema_directives=[asked])
        sdl = guarded(schema)
        assert imports(schema) == [sorted([*others, *NAMES])]
        assert "directive @" not in sdl
        assert '  hello: String! @authenticated @requiresScopes(scopes: [["a"]]) @policy(' in sdl


def test_those_that_the_author_does_not_import_are_defined() -> None:
    asked = Link(url=FEDERATION, import_=["@requiresScopes"])
    sdl = guarded(federation.Schema(Query, schema_directives=[asked]))
    assert "directive @authenticated on" in sdl
    assert "directive @policy(" in sdl
    assert "directive @requiresScopes" not in sdl


def test_what_the_author_wrote_stays() -> None:
    @strawberry.type(name="Query")
    class Own:
        @federation.field(requires_scopes=[["own"]])
        def hello(self) -> str:
            return "x"

    sdl = guarded(federation.Schema(Own))
    assert '  hello: String! @requiresScopes(scopes: [["own"]]) @authenticated @policy(' in sdl


def test_a_name_that_the_schema_uses_for_another_directive_is_left_to_it() -> None:
    class Authenticated(BasePermission):
        def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
            return True

    @strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="policy")
    class Own:
        of: str

    asking = PermissionExtension([Authenticated()], use_directives=True)

    @strawberry.type(name="Query")
    class Mine:
        @strawberry.field(extensions=[asking])
        def hello(self) -> str:
            return "x"

        @strawberry.field(directives=[Own(of="us")])
        def other(self) -> str:
            return "x"

    sdl = guarded(strawberry.Schema(Mine))
    build_schema(sdl)
    assert '  hello: String! @authenticated @requiresScopes(scopes: [["a"]])\n' in sdl
    assert '  other: String! @policy(of: "us")\n' in sdl
