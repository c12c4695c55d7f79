"""An open subscription makes an answer of each event, or says why there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError

from watchword.context import Context, Services
from watchword.execution.source import DatabaseUnavailable, Source, check_event
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal
from watchword.storage.database import mark_unavailable


async def events() -> AsyncIterator[int]:
    for number in (1, 2):
        yield number


def failed(cause: Exception) -> ExecutionResult:
    return ExecutionResult(None, [GraphQLError("failed", path=["a"], original_error=cause)])


async def test_each_event_is_answered_in_its_context(services: Services) -> None:
    reported: list[Any] = []

    def execute(event: int, context: Context) -> Any:
        return ExecutionResult({"a": event}, None) if event == 1 else failed(ValueError("no"))

    source = Source(execute, events(), lambda errors, **_: reported.extend(errors))
    context = Context(services, ANONYMOUS)
    assert source.answer(await source.pull(), context) == {"data": {"a": 1}}
    answer: Any = source.answer(await source.pull(), context)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert [error.message for error in reported] == ["failed"]
    await source.close()


def test_why_an_event_has_no_answer(services: Services) -> None:
    alone = Context(services, ANONYMOUS)
    shared = Context(services, SharedPrincipal(Grants(), True))
    away = ConnectionRefusedError()
    mark_unavailable(away)
    with pytest.raises(DatabaseUnavailable):
        check_event(failed(away), alone)
    with pytest.raises(IdentityAsked):
        check_event(failed(IdentityAsked()), shared)
    for harmless in (failed(IdentityAsked()), failed(ValueError()), ExecutionResult({}, None)):
        check_event(harmless, alone)
