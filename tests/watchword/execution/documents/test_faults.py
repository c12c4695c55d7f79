"""Trusted documents that cannot be run are named, with the reason, before a client meets them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
import strawberry

from tests.support.clock import MovedClock
from watchword.execution.documents.faults import AT_ONCE, MOST_NAMED, PAUSE, faults, log_faults
from watchword.execution.documents.manifest import Entry
from watchword.execution.limits import Limits
from watchword.execution.plan import Planner
from watchword.libraries.strawberry_parts import definition


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


@pytest.fixture
def planner() -> Planner:
    return Planner(definition(strawberry.Schema(Query)), Limits(1_000, 10, 3, 1_000), 100)


def entries(*texts: str) -> list[Entry]:
    return [Entry(Path("m.json"), str(number), text) for number, text in enumerate(texts)]


GOOD = [
    "{ hello }",
    "query A { hello } query B { hello }",
    "query A { hello }",
    "{ ...F } fragment F on Query { hello }",
]
BAD = {
    "{ nothing }": "Cannot query field 'nothing'",
    "{": "Syntax Error",
    "query A { hello } query B { nothing }": "Cannot query field 'nothing'",
    "query A { hello } { hello }": "must be the only defined operation",
    "fragment F on Query { hello }": "is never used",
    "{ a: hello b: hello c: hello d: hello }": "4 aliases; 3 are allowed",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_document_that_can_be_run_has_no_fault(text: str, planner: Planner) -> None:
    assert [*faults(planner, entries(text))] == [None]


@pytest.mark.parametrize("text", BAD)
def test_a_document_that_is_not_valid_or_over_a_limit_has_one(text: str, planner: Planner) -> None:
    [fault] = faults(planner, entries(text))
    assert fault is not None
    assert fault.entry.text == text
    assert BAD[text] in fault.reason


async def test_a_server_logs_the_first_faults_and_how_many_there_are(
    planner: Planner, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    given = entries(*[f"{{ nothing{number} }}" for number in range(MOST_NAMED + 2)], "{ hello }")
    assert len(await log_faults(planner, given, clock)) == MOST_NAMED + 2
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    said = record.getMessage()
    assert said.startswith(f"{MOST_NAMED + 2} of {MOST_NAMED + 3} trusted documents cannot be run")
    assert "0: Cannot query field 'nothing0'" in said
    assert "'nothing5'" not in said


async def test_a_server_says_that_all_are_in_order(
    planner: Planner, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.documents")
    assert await log_faults(planner, entries(*GOOD), clock) == []
    assert "all 4 trusted documents can be run" in caplog.text


async def test_a_large_manifest_leaves_the_server_time_for_requests(
    planner: Planner, clock: MovedClock
) -> None:
    texts = [f"query A{number} {{ hello }}" for number in range(2 * AT_ONCE + 1)]
    task = asyncio.ensure_future(log_faults(planner, entries(*texts), clock))
    for expected in (AT_ONCE, 2 * AT_ONCE):
        for _ in range(2 * AT_ONCE):
            await asyncio.sleep(0)
        assert planner.made == expected
        clock.move(PAUSE)
    assert await task == []
