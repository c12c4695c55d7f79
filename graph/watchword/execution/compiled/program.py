"""A compiled operation: kept with its plan, and compiled when it is used again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import strawberry
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution import ExecutionResult, Executor, VariableValues

from watchword.execution.compiled.compilation import MISTAKE, Compilation, NotCompiled
from watchword.execution.compiled.mark import Marks
from watchword.execution.compiled.opening import Opened, Opening, opening_of
from watchword.execution.compiled.run import Run, Wrap
from watchword.execution.compiled.text.writer import Writer
from watchword.execution.compiled.variables import Variables
from watchword.execution.selections import conditions
from watchword.libraries.strawberry_fields import is_usual_executor

log = logging.getLogger("watchword.execution")

# Each combination of the variables in @skip and @include is compiled by itself.
MOST_VARIANTS = 16

Root = Callable[[Any, Run], dict[str, Any] | Awaitable[dict[str, Any]]]
Values = dict[str, Any]


class _Variant(NamedTuple):
    """What one choice of @skip and @include is compiled to. A subscription may have an opening."""

    root: Root
    marks: Marks
    opening: Opening | None


class Program:
    """One operation, compiled for each choice of what its @skip and @include leave of it."""

    def __init__(
        self,
        schema: strawberry.Schema,
        definition: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        executor_class: type[Executor[Any]],
        hides_suggestions: bool,
        fallbacks: Counter[str] | None = None,
        is_wrapped: bool = False,
    ) -> None:
        """`executor_class` completes leaves, and may be made from the schema's own class. `fallbacks` counts
        values that are left to graphql-core. `is_wrapped` says that each run has something to call around each field.

        `reason` says why the operation is never compiled, once that is known. `size` is the number of fields
        that were compiled.
        """
        self.variables = Variables(definition, operation)
        self._parts = (
            *(schema, definition, document, operation, executor_class, hides_suggestions),
            Counter() if fallbacks is None else fallbacks,
            self._grow,
            is_wrapped,
        )
        self._conditions = conditions(document, operation)
        self.reason: str | None = None
        self.size = 0
        self._variants: dict[tuple[bool, ...], _Variant] = {}

    def start(
        self,
        values: Values,
        context: Any,
        root: Any,
        build: Callable[[Run], Executor[Any]],
        wrap: Wrap | None = None,
    ) -> tuple[Run, Any]:
        """Run the operation until it waits; return the run and its data, or a coroutine that gives the data.

        `values` are the coerced variables, `build` makes graphql-core's executor when it is needed. `wrap` is what a
        wrapped program calls around each field. Raises `NotCompiled`.
        """
        function, marks, _ = self._variant(values)
        run = Run(marks, context, values, root, build, wrap)
        try:
            return run, function(root, run)
        except Exception as error:
            run.end(error)
            return run, None

    def open(self, opened: Opened) -> AsyncIterator[Any] | None:
        """Open the subscription; None if graphql-core has to, and nothing has run yet."""
        try:
            opening = self._variant(opened.values).opening
            return None if opening is None else opening.open(opened)
        except Exception:
            # graphql-core meets the same error, and says where.
            return None

    def _variant(self, values: Values) -> _Variant:
        conditions = self._conditions
        choice = tuple([values.get(name) for name in conditions]) if conditions else ()
        found = self._variants.get(choice)  # type: ignore[arg-type]
        if found is not None:
            return found
        if any(type(each) is not bool for each in choice):
            raise NotCompiled("a directive without a value")
        if len(self._variants) >= MOST_VARIANTS:
            raise NotCompiled("too many variants")
        made = self._attempt(dict(zip(self._conditions, choice, strict=True)))
        if isinstance(made, str):
            # Raised here, the exception keeps no frames of what went wrong alive.
            self.reason = made
            raise NotCompiled(made)
        self._variants[choice] = made  # type: ignore[index]
        return made

    def _grow(self) -> None:
        self.size += 1

    def _attempt(self, conditions: Values) -> _Variant | str:
        """Return what the operation is compiled to, or why it cannot be."""
        try:
            return self._compile(conditions)
        except NotCompiled as cause:
            return cause.reason
        except RecursionError:
            return "nested too deeply"
        except Exception:
            # graphql-core runs the operation, so the caller loses nothing but time.
            log.exception("an operation could not be compiled")
            return MISTAKE

    def _compile(self, conditions: Values) -> _Variant:
        common = Compilation(*self._parts)
        common.values = VariableValues({}, conditions)
        definition, operation = common.definition, common.operation
        if operation.directives:
            raise NotCompiled("directives on the operation")
        if any(each.variable_definitions for each in common.fragments.values()):
            raise NotCompiled("variables of fragments")
        kind = definition.get_root_type(operation.operation)
        assert kind is not None, "the document was validated"
        name = operation.name.value if operation.name else operation.operation.value
        writer = Writer(common, name)
        root = writer.write_root(kind, operation.operation is OperationType.MUTATION)
        writer.build()
        is_opened = operation.operation is OperationType.SUBSCRIPTION
        opening = opening_of(common, kind) if is_opened else None
        return _Variant(writer.unit.names[root], common.marks, opening)


async def finish(run: Run, running: Any) -> ExecutionResult:
    """Await the data of a run and return its result."""
    try:
        data = await running
    except Exception as error:
        run.end(error)
        data = None
    return ExecutionResult(data, run.errors)


def unfit(schema: strawberry.Schema) -> str | None:
    """Return why no operation of a schema is compiled; None if operations are compiled."""
    if not is_usual_executor(schema.execution_context_class):
        return "a custom execution context"
    return None
