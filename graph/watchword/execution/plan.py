"""Plans: an operation is parsed, validated and measured once, and then run many times."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from types import EllipsisType
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    parse,
    specified_rules,
    validate,
)
from graphql.execution import VariableValues

from watchword.errors import BadUserInput, TooComplex, WatchwordError
from watchword.events.sources import Sources
from watchword.execution.limits import Limits, check_length, check_names, check_size
from watchword.execution.numbers import ExactNumbers
from watchword.libraries.strawberry_parts import VALIDATION_RULES

# Bounds the cache of plans by length too: the documents of all plans in it together have at most this many
# characters, times the number of plans that the cache may hold.
USUAL_LENGTH = 500
# A longer document is not cached.
LONGEST_REMEMBERED = 16_384
RULES = (*specified_rules, *VALIDATION_RULES, ExactNumbers)
# Measuring costs as much as a small query, and clients use few page lengths. A plan remembers at most this
# many combinations that were within the limits.
MOST_FITTING = 32
# Python refuses to read a number with so many digits, and its message is not meant for clients.
_HUGE_NUMBER = re.compile(r"\d{4300,}")


_numbers = count(1)


class Refused(Exception):
    """The request cannot be run; `errors` says why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(slots=True, eq=False)
class Plan:
    """An operation of a validated document, ready to run. A plan is equal only to itself."""

    document: DocumentNode
    operation: OperationDefinitionNode
    # The variables that set page lengths, and the values of them that were found to be within the limits.
    paging: tuple[str, ...] = ()
    fitting: set[tuple[Any, ...]] = field(default_factory=set)
    # Tells the plan from all others, also from those that are not in memory any more.
    number: int = field(default_factory=_numbers.__next__)
    # What the operation reads, as `execution/shared` finds out at the first use; None if that is not declared.
    sources: Sources | EllipsisType | None = ...
    # How often the operation was run, and what it was compiled to. The names of the variables that it declares are
    # read at their first use.
    uses: int = 0
    program: Any = None
    names: frozenset[str] | None = None

    @property
    def query(self) -> str | None:
        """The text of the document."""
        return self.document.loc.source.body if self.document.loc else None

    @property
    def operation_name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None

    def declared(self, variables: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the variables that the operation declares, and drop all others.

        A subscription keeps its variables in memory, and is grouped with subscriptions that have equal
        variables. Undeclared ones would cost memory, and an execution of its own for each subscriber.
        """
        if not variables:
            return variables
        if (names := self.names) is None:
            declared = self.operation.variable_definitions or ()
            names = self.names = frozenset(each.variable.name.value for each in declared)
        return {name: value for name, value in variables.items() if name in names}

    @property
    def is_subscription(self) -> bool:
        return self.operation.operation is OperationType.SUBSCRIPTION

    @property
    def is_mutation(self) -> bool:
        return self.operation.operation is OperationType.MUTATION


class Planner:
    """Makes plans for one schema, and keeps the `memory` plans that were used last."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, memory: int, hides_suggestions: bool = False
    ) -> None:
        self._schema = schema
        self._hides_suggestions = hides_suggestions
        self._limits = limits
        self._memory = memory
        self._plans: OrderedDict[tuple[str, str | None], Plan] = OrderedDict()
        self._length = 0

    def plan(self, query: str, operation_name: str | None) -> Plan:
        """Return the plan of an operation. Raises `Refused` when it cannot be run."""
        key = (query, operation_name)
        found = self._plans.get(key)
        if found is not None:
            self._plans.move_to_end(key)
            return found
        made = self._make(query, operation_name)
        if len(query) <= LONGEST_REMEMBERED:
            self._remember(key, made)
        return made

    def check(self, plan: Plan, variables: VariableValues) -> None:
        """Raise `Refused` when the plan exceeds the limits with these variables."""
        if not plan.paging:
            return
        values = tuple([variables.coerced.get(name, Undefined) for name in plan.paging])
        try:
            if values in plan.fitting:
                return
        except TypeError:  # a list or an input object cannot be remembered
            values = ()
        self._measure(plan.document, plan.operation, variables)
        if values:
            if len(plan.fitting) >= MOST_FITTING:
                plan.fitting.clear()
            plan.fitting.add(values)

    def _remember(self, key: tuple[str, str | None], plan: Plan) -> None:
        self._plans[key] = plan
        self._length += len(key[0])
        while len(self._plans) > self._memory or self._length > self._memory * USUAL_LENGTH:
            (query, _), _ = self._plans.popitem(last=False)
            self._length -= len(query)

    def _make(self, query: str, operation_name: str | None) -> Plan:
        document = self._parse(query)
        try:
            check_names(document, self._limits)
        except TooComplex as error:
            raise _refused(error) from error
        if errors := validate(
            self._schema, document, RULES, hide_suggestions=self._hides_suggestions
        ):
            raise Refused(errors)
        operation = _select(document, operation_name)
        return Plan(document, operation, tuple(self._measure(document, operation, None)))

    def _measure(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues | None,
    ) -> frozenset[str]:
        try:
            return check_size(self._schema, document, operation, self._limits, variables)
        except TooComplex as error:
            raise _refused(error) from error

    def _parse(self, query: str) -> DocumentNode:
        tokens = self._limits.tokens
        try:
            check_length(query, self._limits)
        except TooComplex as error:
            raise _refused(error) from error
        if _HUGE_NUMBER.search(query):
            raise _refused(BadUserInput("A number in the document has too many digits."))
        try:
            return parse(query, max_lexical_tokens=tokens, max_comments=tokens)
        except GraphQLError as error:
            raise Refused([error]) from error


def _select(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if name is None and len(operations) == 1:
        return operations[0]
    for operation in operations:
        if name is not None and operation.name is not None and operation.name.value == name:
            return operation
    raise _refused(BadUserInput(_which(operations, name), ["operationName"]))


def _which(operations: list[OperationDefinitionNode], name: str | None) -> str:
    if not operations:
        return "The document has no operation, only fragments."
    if name is None:
        return "The document has several operations: say which one in operationName."
    return f"The document has no operation named {name[:100]!r}."


def _refused(error: WatchwordError) -> Refused:
    return Refused([GraphQLError(error.message, original_error=error)])
