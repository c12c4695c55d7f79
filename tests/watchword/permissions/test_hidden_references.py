"""Under WATCHWORD_INTROSPECTION=hidden, a reference that names a hidden field is answered as if there were no such field."""

from __future__ import annotations

import json
from typing import Any

import pytest
import strawberry
from strawberry import federation

from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, Public
from watchword.permissions.guarded import guarded_by
from watchword.principal import Grants, Principal

LIMITS = Limits(5_000, 15, 500, 1_000_000)
ANN = Principal("ann", Grants())
KEEPER = Principal("kim", Grants(frozenset({"keeper"})))
KEPT = HasRole("keeper")


@strawberry.type
class Mast:
    height: int = strawberry.field(default=1, permission_classes=[Public])
    strength: int | None = strawberry.field(default=1, permission_classes=[KEPT])


@guarded_by(Public)
@federation.type(keys=["id"])
class Boat:
    id: strawberry.ID
    hull: int | None = federation.field(external=True, permission_classes=[KEPT], default=None)
    mast: Mast | None = federation.field(external=True, default=None)

    @federation.field(permission_classes=[KEPT], requires=["hull mast { height strength }"])
    def worth(self) -> int | None:
        return self.hull

    @classmethod
    def resolve_reference(cls, id: str, hull: Any = None, mast: Any = None) -> Boat:
        return cls(id=strawberry.ID(id), hull=hull)


@guarded_by(Public)
@federation.type(keys=["id"])
class Raft:
    id: strawberry.ID
    logs: int | None = federation.field(external=True, permission_classes=[KEPT], default=None)

    @federation.field(permission_classes=[KEPT], requires=["logs"])
    def worth(self) -> int | None:
        return self.logs

    @classmethod
    def resolve_reference(cls, id: str, logs: int) -> Raft:
        return cls(id=strawberry.ID(id), logs=logs)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def boats(self) -> list[Boat]:
        return []

    @strawberry.field(permission_classes=[Public])
    def rafts(self) -> list[Raft]:
        return []


ASKED = "query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }"


@pytest.fixture(params=["compiled", "graphql-core"])
def engine(request: pytest.FixtureRequest) -> Engine:
    execution: Execution = request.param
    schema = federation.Schema(Query)
    names = ("Query._service", "Boat", "Raft")
    cover(schema, Domain(permissions=dict.fromkeys(names, [Public])))
    return Engine(schema, LIMITS, 10, execution, "hidden")


async def answer(engine: Engine, services: Services, caller: Principal, **reference: Any) -> Any:
    plan = engine.plan(ASKED, None, caller)
    plan.uses += 1
    answered = await engine.execute(plan, {"of": [reference]}, Context(services, caller))
    return json.loads(json.dumps(answered))


@pytest.mark.parametrize(
    ("hidden", "absent"),
    [
        ({"hull": 1}, {"hulk": 1}),
        ({"hull": "no number"}, {"hulk": "no number"}),
        ({"mast": {"strength": 1}}, {"mast": {"strengtx": 1}}),
    ],
)
async def test_a_hidden_field_is_refused_as_one_that_the_type_has_not(
    engine: Engine, services: Services, hidden: dict[str, Any], absent: dict[str, Any]
) -> None:
    said = await answer(engine, services, ANN, __typename="Boat", id="1", **hidden)
    expected = await answer(engine, services, ANN, __typename="Boat", id="1", **absent)
    assert said == json.loads(json.dumps(expected).replace("hulk", "hull"))
    assert said["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_the_caller_reaches_is_found(engine: Engine, services: Services) -> None:
    found = {"data": {"_entities": [{"__typename": "Boat"}]}}
    assert await answer(engine, services, ANN, __typename="Boat", id="1") == found
    kept = {"hull": 1, "mast": {"height": 1, "strength": 1}}
    assert await answer(engine, services, KEEPER, __typename="Boat", id="1", **kept) == found


async def test_a_type_whose_references_must_have_a_hidden_field_is_not_found_by_reference(
    engine: Engine, services: Services
) -> None:
    said = await answer(engine, services, ANN, __typename="Raft", id="1")
    assert said["errors"][0]["message"] == "This subgraph finds no objects of 'Raft' by reference."
    lacking = await answer(engine, services, KEEPER, __typename="Raft", id="1")
    assert lacking["errors"][0]["message"] == "A reference to Raft must have logs."
