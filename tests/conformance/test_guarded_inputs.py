"""What is guarded of the inputs, and of enum values in answers, is refused over every transport, in both executions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.payroll import STREAM, payroll, ran
from tests.support.toy_server import ToyServer, toy_server
from watchword.events.event import Event


@pytest.fixture(params=["compiled", "graphql-core"])
async def server(clock: MovedClock, request: pytest.FixtureRequest) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, payroll(), execution=request.param) as server:
        await server.pipeline.services.hub.look()
        yield server


async def first(
    server: ToyServer, query: str, token: str | None, transport: str, **rest: Any
) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, token, **rest)) as answers:
        return await anext(answers)


def refusals(answer: Any) -> list[tuple[str, str | None, Any]]:
    """Return the code, the coordinate if there is one, and the path of each error."""
    return [
        (each["extensions"]["code"], each["extensions"].get("coordinate"), each.get("path"))
        for each in answer["errors"]
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_that_sends_what_is_guarded_is_refused_in_its_field(
    transport: str, server: ToyServer
) -> None:
    query = "query($f: Filter, $l: Level = BOARD) { people(filter: $f) { name } byLevel(one: $l) }"
    given = {"variables": {"f": {"either": [{"bonus": None}]}}}
    for _ in range(3):
        ran.clear()
        for token, code in ((None, "UNAUTHENTICATED"), ("bob", "FORBIDDEN")):
            answer = await first(server, query, token, transport, **given)
            # People must not be null, so nothing else is told.
            assert refusals(answer) == [(code, "Filter.bonus", ["people"])]
            assert ran == []
        allowed = await first(server, query, "bob+payroll/board", transport, **given)
        assert allowed["data"] == {
            "people": [{"name": "Ada"}, {"name": "Bob"}],
            "byLevel": "BOARD",
        }


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_mutation_that_sends_what_is_guarded_writes_nothing(
    transport: str, server: ToyServer
) -> None:
    query = 'mutation { hire(name: "Eve", salary: null) }'
    for _ in range(3):
        ran.clear()
        answer = await first(server, query, "bob", transport)
        assert answer["data"] == {"hire": None}
        assert refusals(answer) == [("FORBIDDEN", "Mutation.hire(salary:)", ["hire"])]
        assert ran == []
        allowed = await first(server, query, "bob+payroll", transport)
        assert allowed["data"] == {"hire": "Eve"}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_rejecting_refuses_the_whole_operation(transport: str, server: ToyServer) -> None:
    query = "query($n: Int!) { byLevel people { name report(length: $n) } }"
    given = {"variables": {"n": 2}, "extensions": {"refusals": "reject"}}
    for _ in range(3):
        ran.clear()
        answer = await first(server, query, "bob", transport, **given)
        [error] = answer["errors"]
        assert answer.get("data") is None
        assert error["extensions"]["paths"] == [["people", "@", "report"]]
        assert error["extensions"]["requires"] == {"scope": "many"}
        assert ran == []
        allowed = await first(server, query, "bob/many", transport, **given)
        assert allowed["data"]["people"][0] == {"name": "Ada", "report": "AdaAda"}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_shared_answers_are_kept_apart_by_what_a_caller_may_send_and_see(
    transport: str, server: ToyServer
) -> None:
    query = "{ people(first: 2) { name level } }"
    shared = server.pipeline.shared
    for _ in range(3):
        allowed = await first(server, query, "bob/many/board", transport)
        assert allowed["data"]["people"][1] == {"name": "Bob", "level": "BOARD"}
        half = await first(server, query, "ann/many", transport)
        assert half["data"]["people"][1] == {"name": "Bob", "level": None}
        # The name of the value would tell what its place would have shown.
        assert refusals(half) == [("FORBIDDEN", None, ["people", 1, "level"])]
        assert "BOARD" not in str(half)
        refused = await first(server, query, "eve", transport)
        assert refusals(refused) == [("FORBIDDEN", "Query.people(first:)", ["people"])]
    # Whole answers of one kind of caller serve the next one of it.
    assert shared.counts["kept"] >= 1, shared.counts


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_that_sends_what_is_guarded_does_not_open(
    transport: str, server: ToyServer
) -> None:
    query = "subscription { hired(filter: {bonus: 1}) { name } }"
    refused = await first(server, query, "bob", transport)
    assert refusals(refused) == [("FORBIDDEN", "Filter.bonus", ["hired"])]
    assert ran == []


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_guarded_value_is_hidden_in_each_event(transport: str, server: ToyServer) -> None:
    query = "subscription { hired(last: 9) { name level } }"
    for name in ("Ada", "Bob"):
        await server.happen(Event(STREAM, name, "hired"))
    for token, level in (("bob/many/board", "BOARD"), ("bob/many", None)):
        async with aclosing(TRANSPORTS[transport](server.url, query, token)) as answers:
            answers_made = [await anext(answers), await anext(answers)]
        assert [each["data"]["hired"] for each in answers_made] == [
            {"name": "Ada", "level": "STAFF"},
            {"name": "Bob", "level": level},
        ]
        assert ("errors" in answers_made[1]) is (level is None)
