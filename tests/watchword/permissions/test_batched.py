"""A rule that looks something up is asked for all objects of a list with one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from sqlalchemy import MetaData, String, bindparam, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.support.both_executions import SERVICES, Both
from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.statements import recorded
from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.errors import NotFound
from watchword.permissions.batched import BatchedRule
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasScope, Public, observe, permission
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question
from watchword.permissions.verdict import Requirement
from watchword.principal import ANONYMOUS, Grants, Principal
from watchword.storage.database import Database


class Base(DeclarativeBase):
    metadata = MetaData()


class MemberRow(Base):
    __tablename__ = "batched_members"

    crew: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), primary_key=True)


CREWS = select(MemberRow.crew).where(
    MemberRow.name == bindparam("name"), MemberRow.crew.in_(bindparam("crews"))
)


@dataclass(frozen=True, slots=True)
class InCrew(BatchedRule):
    """The caller is in the crew of the ship."""

    @property
    def requires(self) -> Requirement:
        return {"crew": True}

    async def batch(self, context: Context, objects: Sequence[Any]) -> Sequence[bool]:
        crews = [each.crew for each in objects]
        found = await context.rows(CREWS, name=context.principal.subject, crews=crews)
        mine = {row.crew for row in found}
        return [crew in mine for crew in crews]


IsInCrew = permission(InCrew())
SHIPS = 100


@guarded_by(HasScope("ships:all") | IsInCrew)
@strawberry.type
class Ship:
    crew: str | None
    length: int | None
    width: int | None = strawberry.field(permission_classes=[~IsInCrew])
    depth: int | None = strawberry.field(permission_classes=[observe(IsInCrew)])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def ships(self) -> list[Ship]:
        return [Ship(crew=f"c{n}", length=n, width=n, depth=n) for n in range(SHIPS)]

    @strawberry.field(permission_classes=[Public])
    def one(self) -> Ship:
        return Ship(crew="c2", length=2, width=2, depth=2)


ANN = Principal("ann")
HARBOUR = Principal("h", Grants(scopes=frozenset({"ships:all"})))


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.write() as db:
        db.add_all(MemberRow(crew=f"c{n}", name="ann") for n in range(0, SHIPS, 2))
    made, _ = await open_services(database, clock)
    return made


@pytest.fixture
def both() -> Both:
    made = Both(Query)
    cover(made.schema, Domain())
    return made


async def run(both: Both, services: Services, document: str, principal: Principal) -> Any:
    """Run a document by graphql-core and compiled; return the answer and the numbers of statements."""
    answers, counts = [], []
    for engine in (both.core, both.compiled):
        plan = engine.plan(document, None)
        plan.uses += 1
        with recorded(services.database) as seen:
            answers.append(await engine.execute(plan, None, Context(services, principal)))
        counts.append(len(seen))
    assert answers[0] == answers[1]
    assert counts[0] == counts[1]
    return answers[0], counts[0]


async def test_a_list_of_100_rows_takes_one_statement_for_all_fields(
    both: Both, services: Services
) -> None:
    answer, count = await run(both, services, "{ ships { crew length depth } one { crew } }", ANN)
    assert count == 1
    for n, ship in enumerate(answer["data"]["ships"]):
        passes = n % 2 == 0
        assert ship == {"crew": f"c{n}" if passes else None, "length": n if passes else None, "depth": n if passes else None}  # fmt: skip
    assert answer["data"]["one"] == {"crew": "c2"}
    assert len(answer["errors"]) == 3 * SHIPS // 2
    assert answer["errors"][0]["extensions"]["requires"] == {
        "anyOf": [{"scope": "ships:all"}, {"crew": True}]
    }


async def test_it_is_not_asked_if_another_rule_decides(both: Both, services: Services) -> None:
    answer, count = await run(both, services, "{ ships { crew length } }", HARBOUR)
    assert (count, "errors" in answer) == (0, False)


async def test_the_opposite_takes_one_too_and_an_observed_one_counts(
    both: Both, services: Services
) -> None:
    answer, count = await run(both, services, "{ ships { width depth } }", HARBOUR)
    assert count == 1
    assert [ship["width"] for ship in answer["data"]["ships"]] == [*range(SHIPS)]
    assert services.observed.counts == {("Ship.depth", "crew true"): 2}


async def test_objects_that_are_equal_are_asked_each_and_one_object_once(
    services: Services,
) -> None:
    @dataclass(frozen=True)
    class Asked(InCrew):
        given: Any = field(default_factory=list, compare=False)

        async def batch(self, context: Context, objects: Sequence[Any]) -> Sequence[bool]:
            self.given.append(len(objects))
            return [True] * len(objects)

    rule, context = Asked(), Context(services, ANN)
    info = SimpleNamespace(context=context)
    equal = [Ship(crew="x", length=1, width=1, depth=1) for _ in range(3)]
    assert equal[0] == equal[1]

    async def ask() -> None:
        questions = [Question(ANN, each, info, {}) for each in (*equal, *equal)]
        assert all(await asyncio.gather(*map(rule.holds_async, questions)))

    await ask()
    assert rule.given == [3]
    async with context.write():
        pass
    await ask()
    assert rule.given == [3, 3]


async def test_where_there_is_no_object_nobody_passes(services: Services) -> None:
    nowhere = Question(ANN, None, SimpleNamespace(context=Context(services, ANN)), {})
    assert not await IsInCrew.rule.holds_async(nowhere)
    assert not await (~IsInCrew).rule.holds_async(nowhere)


@pytest.mark.parametrize(
    ("answers", "raised"),
    [([NotFound("It is gone.")], NotFound), (["yes"], TypeError), ([None], TypeError), ([], Exception), ([True, True], Exception)],
)  # fmt: skip
async def test_what_is_no_answer_is_an_error_and_not_a_pass(answers: Any, raised: Any) -> None:
    @dataclass(frozen=True)
    class Odd(InCrew):
        async def batch(self, context: Context, objects: Sequence[Any]) -> Sequence[bool]:
            return list(answers)

    info = SimpleNamespace(context=Context(SERVICES, ANONYMOUS))
    with pytest.raises(raised):
        await Odd().holds_async(Question(ANONYMOUS, object(), info, {}))
