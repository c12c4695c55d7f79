"""A shared answer is made once, by nobody in particular, and serves until something happens in its streams."""

from __future__ import annotations

import asyncio
import logging

import orjson
import pytest

from tests.support.clock import MovedClock
from tests.support.shop import QUESTIONS, STAFF, Shop, shop, world
from tests.support.toy_server import until
from watchword.errors import Unavailable
from watchword.execution.plan import Refused
from watchword.execution.shared.answers import LONGEST_VARIABLES
from watchword.formats.frozen_json import FrozenObject
from watchword.principal import ANONYMOUS, Grants, Principal

ITEM = "query($of: Int = 0) { item(of: $of) { price } }"
ADA = Principal("ada", Grants(frozenset({"clerk"}), frozenset({"staff"})))
BOB = Principal("bob", Grants(frozenset({"clerk"}), frozenset({"staff"})))


async def price(opened: Shop, **variables: object) -> int:
    answer = await opened.ask(ITEM, **variables)
    assert answer is not None
    return int(orjson.loads(answer)["data"]["item"]["price"])


async def test_an_answer_is_kept_from_its_second_use_until_something_happens(opened: Shop) -> None:
    assert [await price(opened) for _ in range(4)] == [1] * 4
    assert world.asked == 2
    await opened.happen()
    assert [await price(opened) for _ in range(3)] == [2] * 3
    assert world.asked == 3
    assert opened.shared.counts == {"begun": 3, "kept": 4}


async def test_a_request_that_chooses_what_a_refusal_does_is_executed_by_itself(
    opened: Shop,
) -> None:
    await price(opened), await price(opened)
    plan = opened.plan(ITEM)
    for chosen in ("partial", "reject"):
        assert await opened.shared.answer(plan, {}, ANONYMOUS, (), chosen) is None
    assert opened.shared.counts["personal"] == 2
    assert await opened.shared.answer(plan, {}, ANONYMOUS) is not None


async def test_an_event_of_another_stream_changes_nothing(opened: Shop) -> None:
    await price(opened), await price(opened)
    await opened.happen("other")
    await opened.happen(STAFF)
    assert await price(opened) == 1
    assert world.asked == 2


async def test_every_stream_of_a_selection_counts(opened: Shop) -> None:
    query = "{ item { ...f } } fragment f on Item { ... on Item { seller @include(if: true) } }"
    for _ in range(3):
        assert await opened.ask(query, ADA) == b'{"data":{"item":{"seller":"Ada"}}}'
    assert world.asked == 2
    await opened.happen(STAFF)
    await opened.ask(query, ADA)
    assert world.asked == 3


async def test_callers_with_the_same_grants_share_and_others_do_not(opened: Shop) -> None:
    seller = "{ item { seller } }"
    assert await opened.ask(seller, ADA) == await opened.ask(seller, BOB)
    await opened.ask(seller, BOB)
    assert world.asked == 2
    assert b"UNAUTHENTICATED" in (await opened.ask(seller) or b"")
    assert world.asked == 3
    # A refusal by grants is told to all callers alike, wherever they signed in.
    assert b"FORBIDDEN" in (await opened.ask(seller, Principal("eve", Grants())) or b"")


async def test_signed_in_and_anonymous_callers_with_the_same_grants_do_not_share(
    opened: Shop,
) -> None:
    eve = Principal("eve", Grants())
    for _ in range(3):
        assert b"UNAUTHENTICATED" in (await opened.ask("{ wholesale }") or b"")
        assert await opened.ask("{ wholesale }", eve) == b'{"data":{"wholesale":1}}'


async def test_declared_variables_tell_answers_apart_and_others_do_not(opened: Shop) -> None:
    assert [await price(opened, of=of) for of in (1, 2, 1, 2)] == [2, 3, 2, 3]
    asked = world.asked
    assert await price(opened, of=1, other="ignored") == 2
    assert world.asked == asked


async def test_variables_that_are_used_once_do_not_flush_what_is_used(clock: MovedClock) -> None:
    async with shop(clock, shared_answers_bytes=3_000) as opened:
        await price(opened), await price(opened)
        for of in range(100, 150):
            await price(opened, of=of)
        asked = world.asked
        assert await price(opened) == 1
        assert world.asked == asked


@pytest.mark.parametrize("query", ["{ missing { price } }", "{ crash }"])
async def test_an_answer_with_errors_goes_to_those_who_wait_and_is_not_kept(
    opened: Shop, query: str
) -> None:
    first, second = await asyncio.gather(opened.ask(query), opened.ask(query))
    assert first == second
    assert b'"errors"' in (first or b"")
    assert world.asked == 1
    for _ in range(3):
        await opened.ask(query)
    assert world.asked == 4
    assert len(opened.shared.store) == 0


async def test_variables_that_do_not_fit_are_refused_for_everyone(opened: Shop) -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            await opened.ask(ITEM, of="many")
    answers = (opened.ask(ITEM, of="many") for _ in range(2))
    refused = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(each) for each in refused] == [Refused] * 2


@pytest.mark.parametrize("hides", ["false", "true"])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_query_that_asks_who_the_caller_is_is_executed_by_each(
    opened: Shop, question: str, hides: str
) -> None:
    for _ in range(3):
        query = f'{{ asks(question: "{question}", hides: {hides}) }}'
        assert await opened.ask(query, ADA) is None
    # It was tried once, and is remembered.
    assert world.asked == 1
    assert opened.shared.counts == {"begun": 1, "personal": 2}


async def test_that_a_query_is_personal_is_forgotten_after_a_while(
    opened: Shop, clock: MovedClock
) -> None:
    assert await opened.ask("{ mine }", ADA) is None
    for _ in range(2):
        clock.move(149)
        await opened.pipeline.services.hub.look()
        assert await opened.ask("{ mine }", ADA) is None
    assert world.asked == 1
    clock.move(3)
    await opened.pipeline.services.hub.look()
    assert await opened.ask("{ mine }", ADA) is None
    assert world.asked == 2


async def test_a_personal_query_with_ever_other_variables_is_tried_once(opened: Shop) -> None:
    query = "query($of: Int = 0) { mine item(of: $of) { price } }"
    for of in range(10):
        assert await opened.ask(query, ADA, of=of) is None
    assert opened.shared.counts == {"begun": 1, "personal": 9}


async def test_a_query_that_reads_the_time_is_executed_by_each(opened: Shop) -> None:
    for _ in range(3):
        assert await opened.ask("{ time }") is None
    assert world.asked == 1


async def test_an_answer_that_reads_the_time_is_good_for_the_seconds_that_it_declares(
    opened: Shop, clock: MovedClock
) -> None:
    hub = opened.pipeline.services.hub
    first = [await opened.ask("{ age }") for _ in range(3)]
    assert world.asked == 2
    clock.move(7.4)
    await hub.look()
    assert await opened.ask("{ age }") == first[2]
    assert world.asked == 2
    clock.move(2.6)
    await hub.look()
    assert await opened.ask("{ age }") != first[2]
    assert world.asked == 3
    await opened.happen()
    # A look that began before the clock was moved may have ended meanwhile.
    await hub.look()
    await opened.ask("{ age }")
    assert world.asked == 4


async def test_an_answer_whose_time_is_nearly_over_serves_while_it_is_made_again_for_the_next(
    opened: Shop, clock: MovedClock
) -> None:
    hub = opened.pipeline.services.hub
    first = [await opened.ask("{ age }") for _ in range(3)][2]
    clock.move(9)
    await hub.look()
    assert [await opened.ask("{ age }") for _ in range(2)] == [first] * 2
    await until(lambda: world.asked == 3)
    await hub.look()
    second = await opened.ask("{ age }")
    assert second != first
    clock.move(1)
    await hub.look()
    assert await opened.ask("{ age }") == second
    assert (world.asked, opened.shared.counts["begun"]) == (3, 2)
    # The seconds count from when it was made again.
    clock.move(9)
    await hub.look()
    assert await opened.ask("{ age }") != second


async def test_an_answer_that_cannot_be_made_again_serves_until_its_time_is_over(
    opened: Shop, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = opened.pipeline.services.hub
    first = [await opened.ask("{ age }") for _ in range(3)][2]
    tried: list[int] = []

    async def execute(*_: object) -> object:
        tried.append(1)
        raise Unavailable("The database is away.")

    monkeypatch.setattr(opened.shared, "_execute", execute)
    clock.move(9)
    await hub.look()
    for number in range(3):
        await hub.look()
        assert await opened.ask("{ age }") == first
        await until(lambda number=number: len(tried) == number + 1)
    clock.move(1)
    await hub.look()
    with pytest.raises(Unavailable):
        await opened.ask("{ age }")


async def test_the_shortest_time_of_a_selection_counts(opened: Shop, clock: MovedClock) -> None:
    query = "{ item { price } age }"
    for _ in range(2):
        await opened.ask(query)
    clock.move(10)
    await opened.pipeline.services.hub.look()
    asked = world.asked
    await opened.ask(query)
    assert world.asked == asked + 2


async def test_a_query_with_an_undeclared_field_is_executed_by_each(opened: Shop) -> None:
    for query in (
        "{ undeclared }",
        "{ item { price undeclared } }",
        "{ item { price } undeclared }",
    ):
        assert await opened.ask(query) is None
    assert await opened.ask("mutation { setPrice(price: 3) }") is None
    assert world.asked == 0
    assert opened.shared.counts == {"undeclared": 4}


async def test_a_loader_of_a_stream_that_no_field_declares_is_logged_and_not_shared(
    opened: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "watchword.execution"):
        for _ in range(3):
            assert await opened.ask("{ hiddenSource }") is None
    assert world.asked == 1
    [record] = caplog.records
    assert "load_names reads the streams staff" in record.getMessage()
    assert await opened.ask("{ hiddenSource item { seller } }", ADA) is not None


async def test_nothing_is_shared_while_the_log_was_not_looked_at_lately(
    opened: Shop, clock: MovedClock
) -> None:
    await price(opened), await price(opened)
    clock.move(2 * opened.pipeline.settings.log_look_seconds)
    assert await opened.ask(ITEM) is None
    assert opened.shared.counts["behind"] == 1
    await opened.pipeline.services.hub.look()
    assert await price(opened) == 1
    assert world.asked == 2


async def test_an_event_that_the_bus_has_lost_counts_from_the_next_look(opened: Shop) -> None:
    await price(opened), await price(opened)
    await opened.happen_unheard(7)
    assert await price(opened) == 1
    await opened.pipeline.services.hub.look()
    assert await price(opened) == 7


async def test_a_cursor_gets_nothing_older_even_if_the_bus_has_lost_its_event(opened: Shop) -> None:
    await price(opened), await price(opened)
    cursor = await opened.happen_unheard(7)
    answer = await opened.ask(ITEM, after=(cursor,))
    assert answer == b'{"data":{"item":{"price":7}}}'


@pytest.mark.parametrize("query", [ITEM, "{ undeclared }"])
async def test_a_cursor_that_cannot_be_used_refuses_the_query(opened: Shop, query: str) -> None:
    for cursor in ("no cursor", opened.pipeline.services.event_log.cursors.epoch):
        with pytest.raises(Refused) as refused:
            await opened.ask(query, after=(cursor,))
        assert refused.value.errors[0].original_error.extensions == {  # type: ignore[union-attr]
            "code": "BAD_USER_INPUT",
            "path": ["extensions", "after"],
        }


async def test_with_the_setting_0_nothing_is_shared(clock: MovedClock) -> None:
    async with shop(clock, shared_answers_bytes=0) as opened:
        assert await opened.ask(ITEM) is None
        assert set(opened.pipeline.services.event_log.known.streams) == set()


async def test_what_is_kept_is_bounded_keys_included(clock: MovedClock) -> None:
    async with shop(clock, shared_answers_bytes=20_000) as opened:
        for of in range(100):
            for _ in range(2):
                await price(opened, of=of)
        assert opened.shared.store.size <= 20_000
        assert 10 < len(opened.shared.store) <= 20


async def test_the_variables_and_the_grants_of_a_key_count(clock: MovedClock) -> None:
    claims = FrozenObject({"department": "x" * 6_000})
    known = Principal("ada", Grants(claims=claims))
    roles = frozenset(f"role{number}" for number in range(100))
    async with shop(clock, shared_answers_bytes=5_000) as opened:
        query = 'query($of: Int = 0, $by: String = "") { item(of: $of) { price } wholesale @skip(if: true) other: __type(name: $by) { name } }'
        for principal, by in (
            (known, ""),
            (Principal("ada", Grants(roles)), ""),
            (ADA, "x" * 5_000),
        ):
            for _ in range(2):
                assert await opened.ask(query, principal, by=by) is not None
            assert len(opened.shared.store) == 0
        for _ in range(2):
            await opened.ask(query, ADA, by="x")
        assert len(opened.shared.store) == 1


async def test_a_request_with_many_variables_is_executed_by_itself(opened: Shop) -> None:
    plan = opened.pipeline.engine.plan(ITEM, None)
    huge = {"of": "9" * LONGEST_VARIABLES}
    assert await opened.shared.answer(plan, huge, ANONYMOUS) is None
    assert world.asked == 0


async def test_a_key_keeps_no_document_in_memory(opened: Shop) -> None:
    await price(opened), await price(opened)
    [key] = opened.shared.store._kept
    assert key == (opened.plan(ITEM).number, b"{}", ANONYMOUS.grants, True)
