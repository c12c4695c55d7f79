"""Resolvers get the info that they are promised, whatever they read from it."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.support.both_executions import Both
from watchword.context import Info
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.permissions.field import Public


def shown(info: Any) -> str:
    return str(
        (
            info.field_name,
            info.python_name,
            info.path.as_list(),
            info.variable_values,
            info.root_value,
            info.return_type,
            info.query,
            info.operation.name.value,
            [each.name for each in info.selected_fields],
            info.schema is not None,
            info.context is not None,
            info.input_extensions,
            info.get_argument_definition("of").python_name,
            [*info._raw_info][0],
            info._raw_info.parent_type.name,
        )
    )


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def all_of_it(self, info: Info, of: int | None = None) -> str:
        return shown(info)

    @strawberry.field(permission_classes=[Public])
    def plain(self) -> str:
        return "without info"

    @strawberry.field(permission_classes=[Public])
    def anonymous(self, info: Info) -> bool:
        return info.context.principal.is_anonymous

    @strawberry.field(permission_classes=[Public])
    def its_class(self, info: Info) -> bool:
        return isinstance(info, strawberry.Info)

    @strawberry.field(permission_classes=[Public])
    def under_another_name(self, given: strawberry.Info) -> str:
        return given.field_name


async def test_all_that_is_promised_is_there() -> None:
    document = "query Q($x: Int) { y: allOfIt(of: $x) itsClass underAnotherName }"
    data, _ = await Both(Query).execute(document, {"x": 4})
    assert "'y'" in data["y"]
    assert data["itsClass"]


async def test_graphql_core_s_part_is_made_for_resolvers_that_read_more_than_the_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    make = Run.raw_info

    def counted(run: Run, site: Site, indexes: tuple[int, ...]) -> Any:
        made.append(site.key)
        return make(run, site, indexes)

    monkeypatch.setattr(Run, "raw_info", counted)
    await Both(Query).execute("{ plain anonymous underAnotherName }")
    assert made == ["underAnotherName"]


class OwnInfo(strawberry.Info):
    @property
    def field_name(self) -> str:
        return f"own {super().field_name}"


async def test_a_schema_s_own_class_of_info_is_used() -> None:
    both = Both(Query, config=StrawberryConfig(info_class=OwnInfo))
    data, _ = await both.execute("{ underAnotherName }")
    assert data == {"underAnotherName": "own underAnotherName"}
