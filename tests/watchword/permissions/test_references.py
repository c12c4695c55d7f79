"""A reference is read against the type that it names: its names, its values, and that it has a key."""

from __future__ import annotations

from enum import Enum
from typing import Any, NewType

import pytest
import strawberry
from strawberry import federation

from watchword.errors import BadUserInput
from watchword.libraries.strawberry_federation import entity_types
from watchword.permissions.references import LONGEST_NAME, read

Grams = NewType("Grams", int)


@strawberry.enum
class Kind(Enum):
    BIG = "big"


@strawberry.type
class Part:
    number: int
    notes: list[str] | None = None
    price: int | None = None


@federation.type(keys=["id", "parts { number }"])
class Thing:
    id: strawberry.ID
    parts: list[Part]
    kind: Kind | None = federation.field(external=True, default=None)
    weight: Grams | None = federation.field(external=True, default=None)
    ratio: float | None = federation.field(external=True, default=None)
    is_old: bool | None = federation.field(external=True, default=None)
    owner: str | None = None

    @federation.field(requires=["kind weight", "ratio isOld parts { notes }"])
    def price(self) -> int:
        return 1


@strawberry.type
class Query:
    thing: Thing | None = None


GRAMS = strawberry.scalar(name="Grams", serialize=int, parse_value=int)
CONFIG = strawberry.schema.config.StrawberryConfig(scalar_map={Grams: GRAMS})
TYPES = entity_types(federation.Schema(Query, config=CONFIG))


def reference(**fields: Any) -> dict[str, Any]:
    return {"__typename": "Thing", **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "1"},
        {"id": "1", "kind": "BIG"},
        {"id": "1", "kind": None, "parts": []},
        {"id": "1", "ratio": 1, "isOld": False},
        {"id": "1", "weight": {"of": "a scalar of one's own, which the resolver knows"}},
        {"parts": [{"number": 1}, {"number": 2, "notes": ["a"], "__typename": "Part"}]},
    ],
)
def test_a_reference_that_fits_is_read(fields: dict[str, Any]) -> None:
    given = reference(**fields)
    kind, found = read(given, TYPES)
    assert (kind.name, found) == ("Thing", fields)
    assert "__typename" in given, "the variables of the operation are left as they are"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": {"$ne": None}}, "id"),
        ({"id": ["1"]}, "id"),
        ({"id": True}, "id"),
        ({"id": None}, "id"),
        ({"id": "1", "kind": "big"}, "kind"),
        ({"id": "1", "kind": ["BIG"]}, "kind"),
        ({"id": "1", "ratio": "1"}, "ratio"),
        ({"id": "1", "isOld": 0}, "isOld"),
        ({"id": "1", "parts": {"number": 1}}, "parts"),
        ({"id": "1", "parts": [None]}, "parts"),
        ({"id": "1", "parts": [{"number": "1"}]}, "parts"),
        ({"id": "1", "parts": [{"number": 2**40}]}, "parts"),
        ({"id": "1", "parts": [{"number": 1, "other": 1}]}, "parts"),
        ({"id": "1", "parts": [{"number": 1, "price": 1}]}, "parts"),
        ({"id": "1", "parts": [{"number": 1, "__typename": {}}]}, "parts"),
    ],
)
def test_a_value_that_does_not_fit_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(
        BadUserInput, match=f"^In a reference to Thing, {named} must be of type "
    ) as refused:
        read(reference(**fields), TYPES)
    assert refused.value.extensions["path"] == [named]


def test_a_value_is_read_in_the_type_that_is_declared() -> None:
    _, found = read(reference(id=7, ratio=1, parts=[{"number": 2.0}]), TYPES)
    assert repr(found) == "{'id': '7', 'ratio': 1.0, 'parts': [{'number': 2}]}"


def test_a_field_that_no_key_and_no_requires_names_is_not_taken_from_the_caller() -> None:
    with pytest.raises(BadUserInput, match=r"^A reference to Thing has no field 'owner'\.$"):
        read(reference(id="1", owner="me"), TYPES)

    @federation.type(keys=["id"])
    class Item:
        id: strawberry.ID
        owner: str

        @classmethod
        def resolve_reference(cls, **fields: Any) -> Any:
            return cls(**fields)

    types = entity_types(federation.Schema(Query, types=[Item], config=CONFIG))
    with pytest.raises(BadUserInput, match=r"^A reference to Item has no field 'owner'\.$"):
        read({"__typename": "Item", "id": "1", "owner": "me"}, types)
    Item.resolve_reference = classmethod(lambda cls, id, owner=None: None)  # type: ignore[assignment]
    types = entity_types(federation.Schema(Query, types=[Item], config=CONFIG))
    given = {"__typename": "Item", "id": "1", "owner": "who asks"}
    assert read(given, types)[1]["owner"] == "who asks", "the resolver asks for it by name"


@pytest.mark.parametrize("fields", [{}, {"kind": "BIG"}, {"parts": [{"number": 1}, {}]}])
def test_a_reference_without_a_whole_key_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(
        BadUserInput, match=r"^A reference to Thing must have all fields of one of its"
    ):
        read(reference(**fields), TYPES)


def test_a_field_that_the_resolver_cannot_do_without_is_named() -> None:
    @federation.type(keys=["id", "sku"])
    class Item:
        id: strawberry.ID
        sku: str

        @classmethod
        def resolve_reference(cls, id: str) -> Any:
            return None

    types = entity_types(federation.Schema(Query, types=[Item], config=CONFIG))
    with pytest.raises(BadUserInput, match=r"^A reference to Item has no field 'sku'\.$"):
        read({"__typename": "Item", "sku": "1"}, types)
    Item.resolve_reference = classmethod(lambda cls, id, sku="": None)  # type: ignore[assignment]
    types = entity_types(federation.Schema(Query, types=[Item], config=CONFIG))
    with pytest.raises(BadUserInput, match=r"^A reference to Item must have id\.$"):
        read({"__typename": "Item", "sku": "1"}, types)


def test_a_name_is_not_repeated_without_end() -> None:
    for wrong in ({"__typename": "x" * 10_000}, reference(**{"x" * 10_000: 1})):
        with pytest.raises(BadUserInput) as refused:
            read(wrong, TYPES)
        assert len(refused.value.message) < LONGEST_NAME + 100
