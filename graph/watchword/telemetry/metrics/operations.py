"""Measures operations: an engine and shared answers that record how long each answer took, and its errors.

The app is made with these only if metrics are on, so nothing is asked for each request if they are off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from graphql import GraphQLError

from watchword.config.limits import measurable
from watchword.context import Context
from watchword.errors import WatchwordError
from watchword.execution.engine import Engine
from watchword.execution.masking import code_of
from watchword.execution.options import ErrorHook
from watchword.execution.parts import AnswerParts
from watchword.execution.plan import Draft, Plan, Refused
from watchword.execution.response import Answer
from watchword.execution.shared.answers import Charge, SharedAnswers, TakePlace
from watchword.execution.shared.store import JsonAnswer
from watchword.execution.source import Source
from watchword.principal import IdentityAsked, Principal
from watchword.telemetry.metrics.busiest import Busiest
from watchword.telemetry.metrics.histogram import (
    OTHER,
    SHORT_DURATIONS,
    SIZES,
    Histogram,
    Histograms,
)
from watchword.throttling.admission import uncounted

# The most names of operations, and codes of errors, that have numbers of their own.
NAMES, CODES = 100, 50
# A longer name counts among the others. GraphQL does not limit names, and each is sent at each scrape.
LONGEST_NAME = 100
# What was recorded is added up before there are tallies of more plans, or more costs of one plan: variables are any.
MOST_TALLIES, MOST_COSTS = 200, 100
UNNAMED = "(none)"
MEASURED = tuple(each.name for each in measurable())
TYPES = ("query", "mutation", "subscription")
OUTCOMES = ("ok", "error", "cancelled")


class _Tally:
    """What was recorded of one plan, and is not among the numbers yet. It keeps no document in memory."""

    __slots__ = ("costs", "durations", "name", "sizes", "type")

    def __init__(self, plan: Plan) -> None:
        name = plan.operation_name or UNNAMED
        # The name of an operation that cannot be run costs its sender nothing.
        is_counted = len(name) <= LONGEST_NAME and not isinstance(plan, Draft)
        self.name = name if is_counted else OTHER
        self.type = plan.operation.operation.value
        self.sizes = plan.sizes
        # How often it was asked with each cost, and its answers by their outcome.
        self.costs: dict[float, int] = {}
        self.durations: dict[str, Histogram] = {}

    @property
    def uses(self) -> int:
        """How often something was recorded."""
        return sum(self.costs.values()) + sum(each.number for each in self.durations.values())


class Operations:
    """The durations of answers and the codes of errors, in this process.

    A request counts for its plan alone, which takes a third of the time that all its numbers take; these are added up when
    they are read.
    """

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self._durations = Histograms(SHORT_DURATIONS, (NAMES + 1) * len(TYPES) * len(OUTCOMES))
        self._sizes = Histograms(SIZES, (NAMES + 1) * len(MEASURED))
        self._names = Busiest(NAMES, self._drop)
        self._codes = Busiest(CODES, self._drop_code)
        # By the numbers of the plans.
        self._tallies: dict[int, _Tally] = {}

    @property
    def durations(self) -> Histograms:
        """How long answers took, by the type and the name of the operation, and by the outcome."""
        self._add_up()
        return self._durations

    @property
    def sizes(self) -> Histograms:
        """What operations have of what limits are measured by, by the limit and the name of the operation."""
        self._add_up()
        return self._sizes

    def asked(self, plan: Plan, cost: float) -> None:
        """Record what an operation has of what limits are measured by."""
        if isinstance(plan, Draft):
            return
        costs = self._tally(plan).costs
        costs[cost] = costs.get(cost, 0) + 1
        if len(costs) > MOST_COSTS:
            self._add_up()

    def answered(self, plan: Plan, began: float, outcome: str) -> None:
        """Record an answer to an operation that began at `began` (of `perf_counter`)."""
        seconds = perf_counter() - began
        durations = self._tally(plan).durations
        found = durations.get(outcome)
        if found is None:
            found = durations[outcome] = Histogram(SHORT_DURATIONS)
        found.record(seconds)

    def _tally(self, plan: Plan) -> _Tally:
        found = self._tallies.get(plan.number)
        if found is None:
            if len(self._tallies) >= MOST_TALLIES:
                self._add_up()
            found = self._tallies[plan.number] = _Tally(plan)
        return found

    def _add_up(self) -> None:
        tallies, self._tallies = self._tallies, {}
        for tally in tallies.values():
            is_other = tally.name == OTHER
            name = OTHER if is_other else self._names.shown(tally.name, tally.uses)
            for cost, times in tally.costs.items():
                self._sizes.of(("cost", name)).record(cost, times)
                for limit, size in tally.sizes.items():
                    self._sizes.of((limit, name)).record(size, times)
            for outcome, histogram in tally.durations.items():
                self._durations.of((tally.type, name, outcome)).add(histogram)

    def failed(self, plan: Plan, began: float, error: BaseException) -> None:
        """Record an operation that raised instead of giving an answer."""
        if isinstance(error, IdentityAsked):
            return
        is_error = isinstance(error, Exception)
        self.answered(plan, began, "error" if is_error else "cancelled")
        # The errors of a refused operation were reported, as those of an answer are.
        if is_error and not isinstance(error, Refused):
            self.erred(error.code if isinstance(error, WatchwordError) else "INTERNAL")

    def erred(self, code: str) -> None:
        """Count an error."""
        self.errors[self._codes.shown(code)] += 1

    def _drop(self, name: str) -> None:
        for limit, shown in self._sizes.combinations:
            if shown == name:
                self._sizes.merge((limit, shown), (limit, OTHER))
        for type, shown, outcome in self._durations.combinations:
            if shown == name:
                self._durations.merge((type, shown, outcome), (type, OTHER, outcome))

    def _drop_code(self, code: str) -> None:
        self.errors[OTHER] += self.errors.pop(code, 0)


class _CountedErrors(ErrorHook):
    def __init__(self, hook: ErrorHook, operations: Operations) -> None:
        self._hook = hook
        self._operations = operations

    def report(
        self,
        errors: list[GraphQLError],
        query: str | None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        self._hook.report(errors, query, variables, context)
        for error in errors:
            if not isinstance(error.original_error, IdentityAsked):
                self._operations.erred(code_of(error))


class MeasuredEngine(Engine):
    """An engine that records each answer and each error."""

    def __init__(self, *parts: Any, operations: Operations, **more: Any) -> None:
        """`parts` and `more` are those of an engine."""
        super().__init__(*parts, **more)
        self.operations = operations
        self._hook = _CountedErrors(self._hook, operations)

    async def execute(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        context: Context,
        *,
        is_streamed: bool = False,
    ) -> Answer:
        running = super().execute(plan, variables, context, is_streamed=is_streamed)
        if context.is_shared:
            # Each request that is served by this answer is recorded in `MeasuredAnswers`.
            return await running
        self.operations.asked(plan, self.planner.cost(plan, variables))
        began = perf_counter()
        try:
            answer = await running
        except BaseException as error:
            self.operations.failed(plan, began, error)
            raise
        self.operations.answered(plan, began, "error" if "errors" in answer else "ok")
        return answer

    async def execute_in_parts(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context, parts: AnswerParts
    ) -> None:
        self.operations.asked(plan, self.planner.cost(plan, variables))
        began = perf_counter()
        try:
            await super().execute_in_parts(plan, variables, context, parts)
        except BaseException as error:
            self.operations.failed(plan, began, error)
            raise
        self.operations.answered(plan, began, "error" if parts.has_errors else "ok")

    async def subscribe(
        self, plan: Plan, variables: dict[str, Any] | None, context: Context
    ) -> Source:
        self.operations.asked(plan, self.planner.cost(plan, variables))
        return await super().subscribe(plan, variables, context)


class MeasuredAnswers(SharedAnswers):
    """Shared answers that record each request that they serve."""

    def __init__(self, *parts: Any, operations: Operations) -> None:
        """`parts` are those of shared answers."""
        super().__init__(*parts)
        self.operations = operations

    async def answer(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        principal: Principal,
        after: Sequence[str] = (),
        refusals: str | None = None,
        take_place: TakePlace = uncounted,
        charge: Charge | None = None,
    ) -> JsonAnswer | None:
        began = perf_counter()
        limits = take_place, charge
        try:
            answer = await super().answer(plan, variables, principal, after, refusals, *limits)
        except BaseException as error:
            self.operations.failed(plan, began, error)
            raise
        # Without a shared answer, the request is executed by itself, and `MeasuredEngine` records it.
        if answer is not None:
            if answer.cost is None:
                answer.cost = self._engine.planner.cost(plan, variables)
            self.operations.asked(plan, answer.cost)
            self.operations.answered(plan, began, "ok" if answer.is_whole else "error")
        return answer
