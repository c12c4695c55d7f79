"""What is left to graphql-core is counted by its reason."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tests.support.both_executions import Both
from watchword.permissions.field import Public


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
