"""The work that a line of the log belongs to is known wherever the line is written."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

from watchword.process import log_context


def test_nothing_is_known_outside_of_any_work() -> None:
    assert copy_context().run(log_context.fields) == {}


def test_ids_differ() -> None:
    assert len({log_context.new_id() for _ in range(100)}) == 100


def test_a_connection_and_an_operation_are_named() -> None:
    def work() -> dict[str, str]:
        log_context.connection.set("c-1")
        log_context.operation.set(log_context.named("Greeting"))
        return log_context.fields()

    found = copy_context().run(work)
    assert (found["connection_id"], found["operation_name"]) == ("c-1", "Greeting")
    assert found["operation_id"]


def test_an_operation_without_a_name_has_none_and_a_long_one_is_cut() -> None:
    assert log_context.named(None).name is None
    assert log_context.named("n" * 5_000).name == "n" * log_context.LONGEST_NAME


async def test_other_tasks_and_threads_know_their_own_work_only() -> None:
    async def work(name: str) -> str:
        log_context.operation.set(log_context.named(name))
        await asyncio.sleep(0)
        return (await asyncio.to_thread(log_context.fields))["operation_name"]

    assert await asyncio.gather(*map(work, "abc")) == ["a", "b", "c"]
    assert log_context.fields() == {}
