"""What is read of a schema of Strawberry's federation: its `_entities`, and the types that it finds by their keys."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import print_ast
from strawberry import federation
from strawberry.federation.schema_directives import Key

from tests.support import toy_schema
from watchword.libraries.strawberry_federation import (
    entities_field,
    entity_types,
    is_sdl,
    resolve_reference,
    strawberry_info,
)
from watchword.libraries.strawberry_parts import definition


@federation.interface(keys=["id"])
class Medium:
    id: strawberry.ID


@federation.interface(keys=["id"])
class Unused:
    id: strawberry.ID


@federation.type(keys=["id", "title author { name }"])
class Book(Medium):
    title: str = ""

    @classmethod
    def resolve_reference(cls, info: strawberry.Info, id: str, title: str = "none") -> Book:
        return cls(id=strawberry.ID(f"{id}, {info.field_name}"), title=title)


@federation.type(keys=["id"])
class Film(Medium):
    @classmethod
    async def resolve_reference(cls, **key: Any) -> Film:
        return cls(id=key["id"])


@federation.type(keys=[Key(fields="id", resolvable=False)])
class Stub:
    id: strawberry.ID


@strawberry.type
class Leaflet(Medium):
    """Has no key of its own."""


@strawberry.type
class Query:
    @strawberry.field
    def stub(self) -> Stub | None:
        return None


SCHEMA = federation.Schema(Query, types=[Book, Film, Leaflet, Unused])


def test_strawberry_still_makes_the_field_for_references() -> None:
    query = definition(SCHEMA).query_type
    assert query is not None
    assert entities_field(SCHEMA) is query.fields["_entities"]


def test_a_schema_without_keys_or_with_a_field_of_its_own_has_none() -> None:
    @strawberry.type
    class Own:
        @strawberry.field(name="_entities")
        def find(self, representations: list[str]) -> list[Book | None]:
            return []

    assert entities_field(toy_schema.schema) is None
    assert entities_field(federation.Schema(toy_schema.Query)) is None
    assert entities_field(federation.Schema(Own)) is None


def test_the_types_are_those_with_a_key_that_is_resolved_here() -> None:
    types = entity_types(SCHEMA)
    assert {name: each.members for name, each in types.items()} == {
        "Book": ("Book",),
        "Film": ("Film",),
        "Medium": ("Book", "Film"),
    }
    keys = [" ".join(print_ast(key).split()) for key in types["Book"].keys]
    assert keys == ["{ id }", "{ title author { name } }"]


def test_the_parameters_of_resolve_reference_are_known() -> None:
    types = entity_types(SCHEMA)
    book, film = types["Book"], types["Film"]
    assert (book.needs, book.takes) == ({"id"}, {"id", "title"})
    assert (film.needs, film.takes) == (frozenset(), None)


async def test_strawberry_still_finds_objects_and_leaves_the_fields_as_they_are() -> None:
    field, fields = entities_field(SCHEMA), {"id": "1"}
    assert field is not None
    found: list[Any] = []

    def resolve(_source: Any, raw: Any, representations: Any) -> list[Any]:
        info = strawberry_info(SCHEMA, field, raw)
        found.append(resolve_reference(SCHEMA, info, "Book", fields))
        found.append(resolve_reference(SCHEMA, info, "Film", fields))
        found.append(resolve_reference(SCHEMA, info, "Book", {"number": 1}))
        return []

    before, field.resolve = field.resolve, resolve
    await SCHEMA.execute("{ _entities(representations: []) { __typename } }")
    field.resolve = before
    book, film, error = found
    assert (book.id, (await film).id, fields) == ("1, _entities", "1", {"id": "1"})
    assert isinstance(error, TypeError)


def test_strawberry_still_answers_its_sdl_by_two_fields_of_its_own() -> None:
    made = definition(SCHEMA)
    fields = [
        field for kind in ("Query", "_Service") for field in made.type_map[kind].fields.items()
    ]
    assert [name for name, field in fields if is_sdl(field)] == ["_service", "sdl"]
