"""Global ids: guesses, ids of other types and forged ones give nothing, and cost little."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from strawberry import relay

from tests.conformance.test_operations import every_transport, first
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from watchword import HasScope, Owner, Public, guarded_by, sees
from watchword.domain import Domain
from watchword.permissions.coverage import cover

SECRET = "the captain's secret"
CODES = {"BAD_USER_INPUT", "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"}
EXISTING = range(1, 11)
asked: list[str] = []


def found(kind: Any, ids: list[str]) -> list[Any]:
    asked.extend(ids)
    existing = {str(key): key for key in EXISTING}
    return [kind(key=existing[each]) if each in existing else None for each in ids]


@guarded_by(HasScope("ships"))
@strawberry.type
class Ship(relay.Node):
    key: relay.NodeID[int]
    secret: str = SECRET

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Any, required: bool = False) -> list[Any]:
        return found(cls, [*node_ids])


@guarded_by(Public)
@strawberry.type
class Buoy(relay.Node):
    key: relay.NodeID[int]
    color: str = "red"

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Any, required: bool = False) -> list[Any]:
        return found(cls, [*node_ids])


@dataclass
class WreckRow:
    owner: str


SeesWreck = HasScope("wrecks") | Owner("row.owner")


@guarded_by(SeesWreck)
@strawberry.type
class Wreck(relay.Node):
    """A type whose objects are found by those alone who may see them."""

    key: relay.NodeID[int]
    row: strawberry.Private[WreckRow]
    secret: str = SECRET

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Any, required: bool = False) -> list[Any]:
        made = found(lambda key: cls(key=key, row=WreckRow("somebody else")), [*node_ids])
        return [each if each and sees(each.row, SeesWreck, info.context) else None for each in made]


@guarded_by(Public)
@strawberry.type
class Rock:
    key: int
    secret: str = SECRET


@strawberry.type
class Query:
    node: relay.Node | None = relay.node(permission_classes=[Public])
    nodes: list[relay.Node | None] = relay.node(permission_classes=[Public])

    @strawberry.field(permission_classes=[Public])
    def rock(self) -> Rock | None:
        return None


# Strawberry applies `relay.node()` to a field once: one schema serves all tests.
SCHEMA = strawberry.Schema(Query, types=[Ship, Buoy, Wreck])
cover(SCHEMA, Domain())


def made_id(kind: str, key: object) -> str:
    return relay.to_base64(kind, key)


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


FORGED = {
    "a type that is no node": made_id("Rock", 1),
    "the query type": made_id("Query", 1),
    "a type of introspection": made_id("__Schema", 1),
    "a scalar": made_id("String", 1),
    "an interface": made_id("Node", 1),
    "a type that does not exist": made_id("Captain", 1),
    "a private name of Python": made_id("__class__", 1),
    "a key of another kind": made_id("Buoy", "one"),
    "a key that is SQL": made_id("Buoy", "1 OR 1=1; --"),
    "a key that is a path": made_id("Buoy", "../../etc/passwd"),
    "a key of 5,000 digits": made_id("Buoy", "9" * 5_000),
    "a key with a null byte": made_id("Buoy", "1\0"),
    "no key": encoded("Buoy:"),
    "no type": encoded(":1"),
    "no colon": encoded("Buoy"),
    "many colons": encoded("Buoy:" * 1_000),
    "not base64": "%%%",
    "base64 of no text": b64encode(b"\xff\xfe\xfd").decode(),
    "plain text": "Buoy:1",
    "nothing": "",
    "half a megabyte": "A" * 200_000,
}
READ = "{ __typename id ... on Ship { secret } ... on Buoy { color } }"
ONE = f"query ($id: ID!) {{ node(id: $id) {READ} }}"
MANY = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {READ} }}"


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    asked.clear()
    async with toy_server(clock, SCHEMA) as running:
        yield running
        answer = await first("http", running.url, ONE, variables={"id": made_id("Buoy", 1)})
        assert answer["data"]["node"]["color"] == "red"


@every_transport
async def test_guesses_of_ids_give_nothing_of_what_they_name(
    transport: str, server: ToyServer
) -> None:
    answers = set()
    for key in EXISTING:
        id = made_id("Ship", key)
        answer = await first(transport, server.url, ONE, variables={"id": id})
        answers.add(json.dumps(answer).replace(id, "ID"))
        assert SECRET not in str(answer)
    [told] = map(json.loads, answers)
    assert told["data"] == {"node": None}
    assert {error["extensions"]["code"] for error in told["errors"]} == {"UNAUTHENTICATED"}


@every_transport
@pytest.mark.parametrize("name", FORGED)
async def test_an_id_that_is_forged_is_refused_in_a_few_bytes(
    transport: str, name: str, server: ToyServer
) -> None:
    for query, variables in ((ONE, {"id": FORGED[name]}), (MANY, {"ids": [FORGED[name]]})):
        answer: dict[str, Any] = await first(transport, server.url, query, variables=variables)
        text = json.dumps(answer)
        assert SECRET not in text
        assert "Traceback" not in text
        assert len(text) < 3_000 + 2 * len(FORGED[name])
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= CODES, answer
        data = answer.get("data") or {}
        assert not data.get("node")
        assert not any(data.get("nodes") or ())


@every_transport
async def test_an_object_that_resolve_nodes_hides_has_the_answer_of_one_that_is_not_there(
    transport: str, server: ToyServer
) -> None:
    answers = set()
    for key in (*EXISTING, 11, 99):
        id = made_id("Wreck", key)
        one = await first(transport, server.url, ONE, variables={"id": id})
        many = await first(transport, server.url, MANY, variables={"ids": [id]})
        answers.add(json.dumps([one["data"], many["data"], one.get("errors"), many.get("errors")]))
    [told] = answers
    assert json.loads(told) == [{"node": None}, {"nodes": [None]}, None, None]


@every_transport
async def test_ids_of_several_types_are_decided_each_by_its_own_type(
    transport: str, server: ToyServer
) -> None:
    ids = [made_id(kind, key) for key in range(1, 4) for kind in ("Ship", "Buoy")]
    answer: dict[str, Any] = await first(transport, server.url, MANY, variables={"ids": ids})
    assert SECRET not in str(answer)
    assert all(
        (each or {}).get("secret") is None for each in (answer.get("data") or {}).get("nodes") or ()
    )


@every_transport
@pytest.mark.parametrize("different", [True, False], ids=["different", "one"])
async def test_more_ids_than_an_operation_may_cost_are_refused_before_any_is_looked_up(
    transport: str, different: bool, server: ToyServer
) -> None:
    # A message of a socket has at most 256,000 bytes.
    number = server.pipeline.settings.max_cost + 1
    ids = [encoded(f"Buoy:{n if different else 1}")[:8] for n in range(number)]
    answer: dict[str, Any] = await first(transport, server.url, MANY, variables={"ids": ids})
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["TOO_COMPLEX"]
    assert "data" not in answer
    assert asked == []


@every_transport
async def test_ten_thousand_ids_in_a_document_are_more_than_it_may_have(
    transport: str, server: ToyServer
) -> None:
    ids = " ".join(json.dumps(str(n)) for n in range(10_000))
    query = f"{{ nodes(ids: [{ids}]) {{ id }} }}"
    answer: dict[str, Any] = await first(transport, server.url, query)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["TOO_COMPLEX"]
    assert asked == []
