"""A run collects errors with their paths, and makes graphql-core's executor only when it is needed."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from tests.support.both_executions import LIMITS, SERVICES, Both
from watchword.context import Context
from watchword.execution.compiled.run import Run
from watchword.execution.engine import Engine
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS

shared = ValueError("one error for all")


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def word(self) -> str:
        return "a"

    @strawberry.field(permission_classes=[Public])
    def fails(self) -> str | None:
        raise shared

    @strawberry.field(permission_classes=[Public])
    def placed(self) -> str | None:
        raise GraphQLError("has a path already", path=["elsewhere"])


async def test_the_success_path_needs_no_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ word }", None)
    await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))

    def fail(_: Run) -> Any:
        raise AssertionError("nothing needs it")

    monkeypatch.setattr(Run, "executor", property(fail))
    answer = await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
    assert answer == {"data": {"word": "a"}}


async def test_one_exception_that_is_raised_at_two_places_has_both_paths() -> None:
    _, errors = await Both(Query).execute("{ a: fails b: fails }")
    assert [path for _, path, *_ in errors] == [["a"], ["b"]]


async def test_an_error_that_has_a_path_keeps_it() -> None:
    _, errors = await Both(Query).execute("{ placed }")
    assert [path for _, path, *_ in errors] == [["elsewhere"]]
