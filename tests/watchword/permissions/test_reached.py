"""A type is guarded by whatever way it is reached, and named at the start by whatever way it could be."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
import strawberry
from strawberry import relay

from tests.support.clock import MovedClock
from tests.support.toy_server import principal, toy_pipeline
from watchword.context import Context
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.principal import ANONYMOUS
from watchword.relay.connection import Connection, connect
from watchword.relay.paginate import Order, Slice

LIMITS = Limits(1000, 10, 10, 1000)
SHIP = relay.to_base64("Ship", 1)


@guarded_by(HasScope("ships"))
@strawberry.type
class Ship(relay.Node):
    key: relay.NodeID[int]
    code: str | None = "1234"

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Any, required: bool = False) -> list[Ship]:
        return [cls(key=int(each)) for each in node_ids]


@guarded_by(HasScope("ships"))
@strawberry.type
class Boat:
    code: str | None = "1234"


async def one() -> int:
    return 1


@strawberry.type
class Query:
    node: relay.Node | None = relay.node(permission_classes=[Public])

    @relay.connection(relay.ListConnection[Ship], permission_classes=[Public])
    def ships(self) -> list[Ship]:
        return [Ship(key=1)]


@strawberry.type(name="Query")
class Boats:
    @strawberry.field(permission_classes=[Public])
    def boats(self) -> Connection[Boat]:
        found = Slice([1], Order("key", (), False), False, False, is_whole=True)
        return connect(found, lambda _: Boat(), one)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def launched(self) -> AsyncIterator[Ship]:
        yield Ship(key=1)


# Strawberry changes the fields of Relay when a schema is made of them, so each is made once. Its type PageInfo and ours
# cannot be in one schema.
SHIPS = strawberry.Schema(Query, subscription=Subscription, types=[Ship])
BOATS = strawberry.Schema(Boats)
for each in (SHIPS, BOATS):
    cover(each, Domain())

CALLERS = {"alice/ships": None, "alice": "FORBIDDEN", None: "UNAUTHENTICATED"}
every_execution = pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
every_caller = pytest.mark.parametrize(("by", "code"), CALLERS.items())


@every_execution
@every_caller
@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        (
            "{ ships { edges { node { code } } } }",
            {"ships": {"edges": [{"node": {"code": "1234"}}]}},
        ),
        ("{ boats { nodes { code } } }", {"boats": {"nodes": [{"code": "1234"}]}}),
        (
            "{ boats { edges { node { code } } } }",
            {"boats": {"edges": [{"node": {"code": "1234"}}]}},
        ),
        (f'{{ node(id: "{SHIP}") {{ ... on Ship {{ code }} }} }}', {"node": {"code": "1234"}}),
        (f'{{ node(id: "{SHIP}") {{ id }} }}', {"node": {"id": SHIP}}),
    ],
)
async def test_its_permission_is_asked_through_connections_and_by_its_id(
    query: str, allowed: Any, by: str | None, code: str | None, execution: Any, clock: MovedClock
) -> None:
    engine = Engine(BOATS if "boats" in query else SHIPS, LIMITS, 10, execution)
    async with toy_pipeline(clock) as (pipeline, _):
        # An operation is compiled at its second use.
        for _ in range(2):
            who = ANONYMOUS if by is None else principal(by, clock.now())
            plan = engine.plan(query, None)
            answer = await engine.execute(plan, {}, Context(pipeline.services, who))
            assert codes_of(answer) == ([code] if code else [])
            assert (answer["data"] == allowed) is (code is None)
            assert code is None or not re.search(f"1234|{SHIP}", str(answer))


@every_execution
@every_caller
async def test_its_permission_is_asked_for_an_event(
    by: str | None, code: str | None, execution: Any, clock: MovedClock
) -> None:
    engine = Engine(SHIPS, LIMITS, 10, execution)
    plan = engine.plan("subscription { launched { code } }", None)
    async with toy_pipeline(clock) as (pipeline, _):
        who = ANONYMOUS if by is None else principal(by, clock.now())
        context = Context(pipeline.services, who)
        source = await engine.subscribe(plan, None, context)
        found = source.answer(await source.pull(), context)
        answer: Any = found if isinstance(found, dict) else await found
        await source.close()
    assert codes_of(answer) == ([code] if code else [])
    assert answer["data"] == {"launched": {"code": None if code else "1234"}}


def codes_of(answer: Any) -> list[str]:
    """Return the codes of the errors of an answer."""
    return [each["extensions"]["code"] for each in answer.get("errors", ())]


@strawberry.type
class Nut:
    shell: str


@strawberry.type
class Root:
    length: int


@strawberry.interface
class Good:
    price: int = strawberry.field(permission_classes=[SignedIn])


@strawberry.type
class Fruit(Good):
    weight: int


@strawberry.type
class Receipt:
    total: int


@strawberry.type
class Ring:
    hour: int


@strawberry.type(name="Query")
class Stalls:
    @strawberry.field(permission_classes=[Public])
    def dry(self) -> Annotated[Nut | Root, strawberry.union("Dry")] | None:
        return None

    @strawberry.field(permission_classes=[Public])
    def good(self) -> Good | None:
        return None


@strawberry.type(name="Mutation")
class Trade:
    @strawberry.mutation(permission_classes=[Public])
    def buy(self) -> Receipt | None:
        return None


@strawberry.type(name="Subscription")
class Bell:
    @strawberry.subscription(permission_classes=[Public])
    async def rings(self) -> AsyncIterator[Ring]:
        yield Ring(hour=1)


def test_payloads_events_members_of_unions_and_implementations_are_named_if_nothing_covers_them() -> (
    None
):
    with pytest.raises(Unsafe) as refused:
        cover(strawberry.Schema(Stalls, Trade, Bell, types=[Fruit]), Domain())
    named = re.findall(r'^    "(.+)": \[SignedIn\],', str(refused.value), re.MULTILINE)
    assert set(named) == {"Fruit.weight", "Nut", "Root", "Receipt", "Ring"}
