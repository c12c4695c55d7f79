"""What is left to graphql-core is counted by its reason."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tests.support.both_executions import LIMITS, SERVICES, Both
from watchword.context import Context
from watchword.execution.compiled import programs
from watchword.execution.engine import Engine
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def word(self) -> str:
        return "a"


class Own(StrawberryGraphQLCoreExecutionContext):
    def execute_field(self, *arguments: Any) -> Any:
        value = super().execute_field(*arguments)
        return f"own {value}"


async def test_a_schema_with_an_execution_context_of_its_own_is_not_compiled() -> None:
    both = Both(Query, execution_context_class=Own)
    data, _ = await both.execute("{ word }", falls_back="a custom execution context")
    assert data == {"word": "own a"}


async def test_an_operation_that_cannot_be_compiled_is_run_all_the_same(
    monkeypatch: Any, caplog: Any
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a mistake")

    both = Both(Query)
    monkeypatch.setattr("watchword.execution.compiled.program.Writer", fail)
    data, _ = await both.execute("{ word }", falls_back="a mistake in the compiler")
    assert data == {"word": "a"}
    assert "could not be compiled" in caplog.text


@pytest.mark.parametrize(("execution", "kept"), [("compiled", 1), ("graphql-core", 0)])
async def test_nothing_is_compiled_if_graphql_core_is_to_run_the_operations(
    execution: Any, kept: int
) -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10, execution)
    plan = engine.plan("{ word }", None)
    for _ in range(3):
        answer = await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
        assert answer["data"] == {"word": "a"}
    assert (plan.program is not None, engine.programs_kept) == (bool(kept), kept)
    assert engine.fallbacks.total() == 0


async def test_programs_that_were_used_least_recently_are_dropped(monkeypatch: Any) -> None:
    monkeypatch.setattr(programs, "MOST_FIELDS_KEPT", 3)
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plans = [engine.plan(f"{{ a{number}: word b: word }}", None) for number in range(3)]
    for _ in range(4):
        for plan in plans:
            answer = await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
            assert answer["data"]["b"] == "a"
    assert plans[0].program is None
    assert plans[2].program is not None


async def test_an_operation_has_a_program_of_its_own_for_runs_with_hooks_around_fields(
    monkeypatch: Any,
) -> None:
    class Shouting(SchemaExtension):
        def resolve(self, _next: Any, *parts: Any, **arguments: Any) -> Any:
            return _next(*parts, **arguments).upper()

    class Now(strawberry.Schema):
        """A schema whose extensions are decided for each request."""

        shouts = False

        def get_extensions(self, sync: bool = False) -> list[SchemaExtension]:
            return [Shouting()] if self.shouts else []

    schema = Now(Query)
    engine = Engine(schema, LIMITS, 10)
    plan = engine.plan("{ word __typename }", None)
    for shouts in (False, False, True, False, True, True):
        schema.shouts = shouts
        answer = await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
        expected = (
            {"word": "A", "__typename": "QUERY"} if shouts else {"word": "a", "__typename": "Query"}
        )
        assert answer["data"] == expected
    assert plan.program is not None
    assert plan.wrapped is not None
    assert (engine.programs_kept, engine.fallbacks.total()) == (2, 0)
    monkeypatch.setattr(programs, "MOST_FIELDS_KEPT", 1)
    await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
    await engine.execute(engine.plan("{ word }", None), None, Context(SERVICES, ANONYMOUS))
    await engine.execute(engine.plan("{ word }", None), None, Context(SERVICES, ANONYMOUS))
    assert plan.program is None
    assert plan.wrapped is None
