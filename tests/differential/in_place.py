"""A pytest plugin that puts compiled execution in the place of graphql-core's own, for its tests and Strawberry's.

It stands alone, so that it can be loaded beside another package that is called `tests`.
"""

from __future__ import annotations

from collections import Counter
from traceback import walk_stack
from typing import Any

import pytest
import strawberry
from graphql import DirectiveNode, DocumentNode, ExecutionResult, OperationType, Visitor, visit
from graphql.execution import Executor, default_type_resolver
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.execution.incremental.incremental_executor import IncrementalExecutor
from graphql.pyutils.is_awaitable import is_awaitable
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from watchword.execution.compiled.compilation import NotCompiled
from watchword.execution.compiled.program import Program, finish


@strawberry.type
class _Query:
    field: str


# The compiler reads Strawberry's configuration from a schema; graphql-core's tests have none of their own.
PLAIN = strawberry.Schema(_Query)
# What an operation is compiled for: any value may be awaitable. Where graphql-core is told that none is, none is.
AWAITABLES = (is_awaitable, assume_not_awaitable, optimized_is_awaitable)
# These classes do the same as long as nothing is deferred or streamed.
KINDS = (
    Executor,
    ExecutorThrowingOnIncremental,
    IncrementalExecutor,
    StrawberryGraphQLCoreExecutionContext,
)

runs: Counter[str] = Counter()
_interpret = Executor.execute_operation


def _execute(executor: Executor[Any], serially: bool | None = None) -> Any:
    reason = _unfit(executor)
    if reason is None:
        try:
            return _run(executor)
        except NotCompiled as cause:
            reason = cause.reason
    runs[reason] += 1
    return _interpret(executor, serially)


def _run(executor: Executor[Any]) -> Any:
    document, wrap = _document(executor), _wrapping(executor)
    program = Program(
        getattr(executor.schema, "_strawberry_schema", PLAIN),
        executor.schema,
        document,
        executor.operation,
        type(executor),
        executor.hide_suggestions,
        is_wrapped=wrap is not None,
    )
    values = executor.variable_values.coerced
    run, data = program.start(
        values, executor.context_value, executor.root_value, lambda _: executor, wrap
    )
    runs["compiled"] += 1
    if data is None or type(data) is dict:
        return ExecutionResult(data, run.errors)
    return finish(run, data)


def _unfit(executor: Executor[Any]) -> str | None:
    """Return what the engine never asks of a compiled operation, and this execution asks."""
    if type(executor) not in KINDS:
        return "another class of executor"
    if executor.is_awaitable not in AWAITABLES:
        return "another test for awaitables"
    if executor.type_resolver is not default_type_resolver:
        return "another type resolver"
    if executor.schema.get_root_type(executor.operation.operation) is None:
        return "a document that is not valid"
    for name in ("abort_signal", "hooks"):
        if getattr(executor, name) is not None:
            return name
    if executor.operation.operation is OperationType.MUTATION and _is_sync():
        return "a mutation that nobody awaits"
    found = _Directives()
    visit(_document(executor), found)
    return "other directives" if found.names - {"include", "skip"} else None


def _wrapping(executor: Executor[Any]) -> Any:
    """Return what runs middleware around each field; None without middleware."""
    manager = executor.middleware_manager
    # Strawberry gives one without middleware to each execution.
    return manager.get_field_resolver if manager is not None and manager.middlewares else None


def _is_sync() -> bool:
    """Tell whether Strawberry runs an operation without an event loop, which the engine never does."""
    frames = (frame for frame, _ in walk_stack(None))
    return any(frame.f_code is strawberry.Schema.execute_sync.__code__ for frame in frames)


def _document(executor: Executor[Any]) -> DocumentNode:
    definitions = (executor.operation, *executor.fragment_definitions.values())
    return DocumentNode(definitions=definitions)


# Tests that do not pass, and why. Such an operation or schema never reaches the engine.
NOT_PASSED = {
    "uses_the_mutation_schema_for_mutations": "a compiled mutation is a coroutine, the engine's caller awaits it",
    "does_not_return_an_awaitable_if_mutation_fields_are_all_synchronous": "as above",
    "throws_if_encountering_async_operation_without_check_sync": "the engine always tests for awaitables",
}


class _Directives(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.names.add(node.name.value)


def pytest_configure(config: pytest.Config) -> None:
    for mark in ("slow", "timeout(seconds)"):
        config.addinivalue_line("markers", mark)
    Executor.execute_operation = _execute  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if reason := NOT_PASSED.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, times in runs.most_common():
        terminalreporter.write_line(f"executions: {times} {reason}")
