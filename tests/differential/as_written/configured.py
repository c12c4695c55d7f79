"""What `StrawberryConfig` and `Schema` can be told: an `Info` class, a default resolver, a name converter, hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


class OwnInfo(strawberry.Info[Any, Any]):
    """An `Info` with more in it."""

    @property
    def shouted(self) -> str:
        return self.field_name.upper()

    def is_selected(self, name: str) -> bool:
        chosen: Any = self.selected_fields[0]
        return any(each.name == name for each in chosen.selections)


def read(source: Any, name: str) -> Any:
    """Read a key of a mapping, or an attribute."""
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name)


class Suffixed(NameConverter):
    """Names types with a suffix, and fields as they are in Python but for a prefix."""

    def from_object(self, object_type: StrawberryObjectDefinition) -> str:
        name = super().from_object(object_type)
        return name if name in ("Query", "Mutation") else f"{name}V1"

    def get_graphql_name(self, obj: Any) -> str:
        return obj.graphql_name or obj.python_name.replace("_", "0")


@strawberry.type
class City:
    name: str
    people_count: int

    @strawberry.field
    def twin_city(self, info: OwnInfo) -> City | None:
        if read(self, "name") == "Bern":
            return None
        return {"name": info.shouted, "people_count": int(info.is_selected("name"))}  # type: ignore[return-value]


@strawberry.type
class Query:
    @strawberry.field
    def city_here(self, info: OwnInfo, city_name: str = "Basel") -> City:
        assert type(info) is OwnInfo
        return {"name": city_name, "people_count": 3}  # type: ignore[return-value]

    @strawberry.field
    def object_city(self) -> City:
        return City(name="Bern", people_count=5)

    @strawberry.field
    async def shouted(self, info: OwnInfo) -> str:
        return info.shouted


class Versioned(strawberry.Schema):
    """A subclass that leaves fields out by their metadata, and looks at errors."""

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        return [each for each in type_definition.fields if not each.metadata.get("internal")]


@strawberry.type
class VersionedQuery:
    shown: str = strawberry.field(resolver=lambda: "shown")
    hidden: str = strawberry.field(resolver=lambda: "hidden", metadata={"internal": True})


schema = strawberry.Schema(
    Query,
    config=StrawberryConfig(
        info_class=OwnInfo, default_resolver=read, name_converter=Suffixed(), sort_schema=True
    ),
)

_CITY = (
    "{ __typename name people0count twin0city { __typename name people0count twin0city { name } } }"
)

PAGE = Page(
    "configuration",
    schema,
    (
        Operation(f"{{ city0here {_CITY} shouted }}"),
        Operation(f"query ($n: String) {{ city0here(city0name: $n) {_CITY} }}", {"n": "Bern"}),
        Operation(f"{{ object0city {_CITY} }}"),
        Operation("{ cityHere { name } }"),
        Operation("{ __schema { types { name } } }"),
    ),
)
SUBCLASS = Page(
    "schema subclass",
    Versioned(VersionedQuery, config=StrawberryConfig(auto_camel_case=False)),
    (
        Operation("{ shown }"),
        Operation("{ hidden }"),
        Operation('{ __type(name: "VersionedQuery") { fields { name } } }'),
    ),
)
QUIET = Page(
    "without suggestions",
    strawberry.Schema(VersionedQuery, config=StrawberryConfig(disable_field_suggestions=True)),
    (Operation("{ show }"), Operation("{ shown }")),
)
