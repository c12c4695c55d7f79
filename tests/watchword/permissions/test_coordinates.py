"""A domain guards what clients send to fields that it did not write, by the coordinates that the table of access prints."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
import strawberry

from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.access import callers, table
from watchword.permissions.coordinates import inputs_of
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.permissions.reach import Reach
from watchword.principal import Grants, Principal

LIMITS = Limits(5_000, 15, 500, 1_000_000)
VISITOR = Principal("visitor", Grants())
CLERK = Principal("clerk", Grants(frozenset({"clerk"}), frozenset({"many", "board"})))


@strawberry.enum
class Level(Enum):
    STAFF = "staff"
    BOARD = "board"


@strawberry.enum
class Grade(Enum):
    ONE = 1


@strawberry.input
class Page:
    size: int = 1


@strawberry.input
class Filter:
    name: str | None = None
    salary: int | None = None
    level: Level | None = None


@strawberry.interface
class Named:
    @strawberry.field
    def called(self, length: int = 3) -> str:
        return "Ada"[:length]


@strawberry.type
class Person(Named):
    level: Level | None = Level.BOARD

    @strawberry.field
    def called(self, length: int = 3) -> str:
        return "Ada"[:length]


@strawberry.type
class Query:
    @strawberry.field
    def people(
        self,
        first: int = 10,
        filter: Filter | None = None,
        page: Page | None = None,
        grade: Grade | None = None,
    ) -> list[Person]:
        return [Person()]


MANY, BOARD, CLERKS = HasScope("many"), HasScope("board"), HasRole("clerk")
GUARDED = {
    "Query.people(first:)": [MANY],
    "Named.called(length:)": [MANY],
    "Filter.salary": [CLERKS],
    "Level.BOARD": [BOARD],
    "Page": [SignedIn & CLERKS],
    "Grade": [CLERKS],
}


def guarded(more: dict[str, Any] | None = None) -> strawberry.Schema:
    schema = strawberry.Schema(Query)
    named = {"Query.people": [Public], "Person": [Public], **GUARDED, **(more or {})}
    cover(schema, Domain(permissions=named))
    return schema


@pytest.fixture(params=["compiled", "graphql-core"])
def engine(request: pytest.FixtureRequest) -> Engine:
    execution: Execution = request.param
    return Engine(guarded(), LIMITS, 10, execution)


async def coordinates(
    engine: Engine, services: Services, document: str, caller: Principal
) -> list[str | None]:
    """Return the coordinates of what a caller is refused; None for a value of an answer, which no denial names."""
    plan = engine.plan(document, None)
    plan.uses += 1
    answer = await engine.execute(plan, None, Context(services, caller))
    return [each["extensions"].get("coordinate") for each in answer.get("errors", ())]


@pytest.mark.parametrize(
    ("document", "coordinate"),
    [
        ("{ people(first: 1) { called } }", "Query.people(first:)"),
        ("{ people { called(length: 1) } }", "Person.called(length:)"),
        ("{ people(filter: {salary: 1}) { called } }", "Filter.salary"),
        ("query($s: Int = 1) { people(filter: {salary: $s}) { called } }", "Filter.salary"),
        ("{ people(filter: {level: BOARD}) { called } }", "Level.BOARD"),
        ("{ people { level } }", None),
        ("{ people(page: {}) { called } }", "Page"),
        ("{ people(grade: ONE) { called } }", "Grade.ONE"),
    ],
)
async def test_what_a_domain_names_is_refused_where_it_is_sent_and_where_it_is_answered(
    engine: Engine, services: Services, document: str, coordinate: str | None
) -> None:
    assert await coordinates(engine, services, document, VISITOR) == [coordinate]
    assert await coordinates(engine, services, document, CLERK) == []
    assert await coordinates(engine, services, "{ people { called } }", VISITOR) == []


def test_the_table_prints_the_names_that_a_domain_takes() -> None:
    rows = [each.field for each in table(guarded(), callers({}))]
    assert {"Query.people(first:)", "Filter.salary", "Level.BOARD", "Page", "Grade.ONE"} <= {*rows}
    inputs = inputs_of(definition(strawberry.Schema(Query)))
    assert {each for each in rows if "(" in each} <= inputs.keys()


def test_the_sdl_of_this_schema_alone_shows_what_is_needed() -> None:
    text = guarded().as_str()
    assert 'first: Int! = 10 @guardedBy(needs: "scope many")' in text
    assert 'salary: Int = null @guardedBy(needs: "role clerk")' in text
    assert 'BOARD @guardedBy(needs: "scope board")' in text
    assert "@guardedBy" not in strawberry.Schema(Query).as_str()


def test_they_are_hidden_from_callers_who_never_reach_them() -> None:
    hidden = Reach(guarded()).hidden_from(VISITOR)
    assert {"Query.people(first:)", "Filter.salary", "Level.BOARD", "Page"} <= hidden


@pytest.mark.parametrize("name", ["Query.people(last:)", "Filter.wages", "Level.CHIEF", "Sieve"])
def test_a_name_that_the_schema_has_not_stops_the_start(name: str) -> None:
    with pytest.raises(Unsafe, match=r"names '.*'. It may name .* what clients send"):
        guarded({name: [SignedIn]})


@strawberry.input
class Sieve:
    fine: int = strawberry.field(default=1, directives=[guarded_by(SignedIn)])


@strawberry.type(name="Query")
class Sieving:
    @strawberry.field(permission_classes=[Public])
    def grains(self, sieve: Sieve | None = None) -> int:
        return 1


def test_what_declares_a_permission_is_not_guarded_from_outside() -> None:
    with pytest.raises(Unsafe, match=r"Sieve.fine declares a permission. Take it out"):
        cover(strawberry.Schema(Sieving), Domain(permissions={"Sieve.fine": [MANY]}))
