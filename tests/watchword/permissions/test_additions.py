"""What a domain names is given to root fields, to types with all their fields, and to single fields."""

from __future__ import annotations

import pytest
import strawberry

from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.additions import Coverage
from watchword.permissions.coverage import cover, sentence
from watchword.permissions.field import HasRole, Public, SignedIn
from watchword.permissions.guards import permissions_of


@strawberry.type
class Part:
    name: str


@strawberry.type
class Thing:
    name: str
    parts: list[Part]
    price: int = strawberry.field(permission_classes=[HasRole("buyer")])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing | None:
        return None


@pytest.fixture
def schema() -> strawberry.Schema:
    return strawberry.Schema(Query)


def asked(schema: strawberry.Schema) -> dict[str, list[type]]:
    kinds = [definition(schema).type_map[name] for name in ("Thing", "Part")]
    return {
        f"{kind}.{name}": [type(each) for each in permissions_of(field)]
        for kind in kinds
        for name, field in kind.fields.items()  # type: ignore[attr-defined]
    }


def test_a_type_that_a_domain_names_is_asked_by_all_its_fields_and_a_field_by_itself(
    schema: strawberry.Schema,
) -> None:
    named = {"Thing": [SignedIn], "Thing.name": [HasRole("reader")], "Part.name": [Public]}
    cover(schema, Domain(permissions=named))
    assert asked(schema) == {
        "Thing.name": [SignedIn, HasRole("reader")],
        "Thing.parts": [SignedIn],
        "Thing.price": [HasRole("buyer"), SignedIn],
        "Part.name": [],
    }


def test_the_default_permissions_are_for_fields_that_nothing_else_covers(
    schema: strawberry.Schema, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "watchword.permissions")
    named = {"Part": [HasRole("maker")]}
    cover(schema, Domain(permissions=named, default_permissions=[SignedIn]))
    assert asked(schema) == {
        "Thing.name": [SignedIn],
        "Thing.parts": [SignedIn],
        "Thing.price": [HasRole("buyer")],
        "Part.name": [HasRole("maker")],
    }
    assert caplog.messages == ["default_permissions=[SignedIn] covers Thing"]


def test_with_the_coverage_of_roots_nested_fields_need_nothing_and_get_nothing(
    schema: strawberry.Schema,
) -> None:
    cover(schema, Domain(default_permissions=[SignedIn]), "roots")
    assert {name for name, classes in asked(schema).items() if classes} == {"Thing.price"}


def test_a_field_that_declares_a_permission_cannot_be_named(schema: strawberry.Schema) -> None:
    with pytest.raises(Unsafe, match=r"^Thing\.price declares a permission\. Take it out of"):
        cover(schema, Domain(permissions={"Thing.price": [SignedIn]}), "roots")


@pytest.mark.parametrize("name", ["Query", "Thing.prize", "String", "__Type", "Thing.price.x"])
def test_a_name_that_means_nothing_is_refused(name: str, schema: strawberry.Schema) -> None:
    with pytest.raises(Unsafe, match=rf"^Domain\.permissions names '{name}'\. It may name root"):
        cover(schema, Domain(permissions={name: [SignedIn]}), "roots")


@pytest.mark.parametrize(
    ("coverage", "said"),
    [
        ("strict", "every field says who may read it"),
        ("roots", "every root field says who may read it"),
    ],
)
def test_what_was_checked_is_said_in_words(coverage: Coverage, said: str) -> None:
    assert sentence(coverage) == said
