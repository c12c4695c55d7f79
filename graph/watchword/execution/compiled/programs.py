"""Decides which operations are compiled, and when; counts those that are left to graphql-core."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from typing import Any

import strawberry
from graphql import GraphQLSchema
from graphql.execution import Executor

from watchword.execution.compiled.program import Program, unfit
from watchword.execution.plan import Plan
from watchword.execution.views.view import View

log = logging.getLogger("watchword.execution")

# Compiling costs as much as a few executions, and many documents are sent only once.
COMPILED_AT_USE = 2
# A compiled field takes about 5 KB. Programs that were used least recently are dropped, and compiled again at
# their next use.
MOST_FIELDS_KEPT = 10_000


# A program that did not grow counts as used again after so many uses.
USES_UNCOUNTED = 16
_NOT_KEPT = (0, None)


class Programs:
    """The compiled operations of one schema. Each is kept with its plan, as long as not too many are.

    `fallbacks` counts, by the reason, what graphql-core ran although the operation had been used before: whole
    executions, and types of an interface or union that turned up while an operation ran.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        definition: GraphQLSchema,
        executor_class: type[Executor[Any]],
        hides_suggestions: bool,
    ) -> None:
        self.fallbacks: Counter[str] = Counter()
        self._parts = schema, definition, executor_class, hides_suggestions
        self._unfit = unfit(schema)
        # The size of each program, and the plan that has it.
        self._kept: OrderedDict[Program, tuple[int, Plan]] = OrderedDict()
        self._fields = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, plan: Plan, *, is_wrapped: bool = False) -> Program | None:
        """Return the program of an operation that is used again; None if graphql-core runs it.

        `is_wrapped` says that the `resolve` of an extension runs around each field: such a program is another one.
        """
        plan.uses += 1
        if plan.uses < COMPILED_AT_USE:
            return None
        if self._unfit is not None:
            self.fell_back(plan, self._unfit)
            return None
        program: Program | None = plan.wrapped if is_wrapped else plan.program
        if program is None:
            program = self._make(plan, is_wrapped)
        if program.reason is not None:
            self.fell_back(plan, program.reason)
            return None
        return program

    def used(self, plan: Plan, program: Program) -> None:
        """Count what a program has become by a use, and drop others if too much is kept."""
        size = program.size
        # The order of uses need not be exact, and this is on the way of each execution.
        kept, _ = self._kept.get(program, _NOT_KEPT)
        if kept == size and plan.uses % USES_UNCOUNTED:
            return
        self._fields += size - kept
        self._kept[program] = size, plan
        self._kept.move_to_end(program)
        while self._fields > MOST_FIELDS_KEPT and len(self._kept) > 1:
            dropped, (fields, of) = self._kept.popitem(last=False)
            if of.program is dropped:
                of.program = None
            else:
                of.wrapped = None
            self._fields -= fields

    def forget(self, view: View) -> None:
        """Drop the programs for callers with a view."""
        for program, (fields, of) in [*self._kept.items()]:
            if of.view is view:
                del self._kept[program]
                self._fields -= fields

    def _make(self, plan: Plan, is_wrapped: bool) -> Program:
        schema, definition, executor_class, hides = self._parts
        if (view := plan.view) is not None:
            definition, hides = view.run, hides or view.hides_suggestions
        made = Program(
            *(schema, definition, plan.document, plan.operation, executor_class, hides),
            self.fallbacks,
            is_wrapped,
        )
        if is_wrapped:
            plan.wrapped = made
        else:
            plan.program = made
        return made

    def fell_back(self, plan: Plan, reason: str) -> None:
        """Count an execution that is left to graphql-core."""
        self.fallbacks[reason] += 1
        log.debug("graphql-core runs %s: %s", plan.operation_name or "an operation", reason)
