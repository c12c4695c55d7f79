"""Plans: an operation is parsed, validated and measured once, and then run many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import EllipsisType
from typing import Any, cast

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    ValueNode,
    parse,
)
from graphql.execution import VariableValues

from watchword.errors import WatchwordError
from watchword.events.sources import Sources
from watchword.execution.choice import choose
from watchword.execution.cost.estimate import NO_VARIABLES, Estimate, Estimator
from watchword.execution.cost.formula import Number
from watchword.execution.cost.sent import coerced, cost_as_sent
from watchword.execution.incremental import (
    check_counts,
    comes_in_parts,
    in_one_piece,
    initial_counts,
)
from watchword.execution.limits import (
    Limits,
    Oversized,
    check_directives,
    check_operation,
    check_text,
    parsed,
    sizes,
)
from watchword.execution.plan_memory import LONGEST_REMEMBERED, PlanMemory
from watchword.execution.size import weight_of
from watchword.execution.validation import ALWAYS, Validator
from watchword.execution.views.view import View
from watchword.libraries.strawberry_extensions import key_of_rule

# The documents of extensions that are kept: they hold far more memory than their text, and each may be from one client.
MOST_ADOPTED = 100
# A plan remembers at most this many rules and options of extensions that its document has passed.
MOST_PASSED = 32

_numbers = count(1)


class Refused(Exception):
    """The request cannot be run; `errors` says why, and `extensions` what extensions of the schema say of it.

    `document` is set if the request could be parsed. `is_invalid` says that validation found the errors, and
    `is_oversized` that the text is larger than may be parsed.
    """

    def __init__(
        self,
        errors: list[GraphQLError],
        extensions: dict[str, Any] | None = None,
        *,
        is_invalid: bool = False,
        is_oversized: bool = False,
    ) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.extensions = extensions
        self.document: DocumentNode | None = None
        self.is_invalid = is_invalid
        self.is_oversized = is_oversized

    @classmethod
    def by(cls, error: WatchwordError) -> Refused:
        """Return the refusal of a request for one error."""
        return cls([GraphQLError(error.message, original_error=error)])


@dataclass(slots=True, eq=False, weakref_slot=True)
class Plan:
    """An operation of a validated document, ready to run. A plan is equal only to itself."""

    document: DocumentNode
    operation: OperationDefinitionNode
    # The name that the client gave; None if it left the choice to the server.
    asked_name: str | None = None
    # What it costs; None if that is not known, because another document will take its place.
    estimate: Estimate | None = None
    # What its callers are told of the schema, by which it was validated; None for all of the schema.
    view: View | None = None
    # Tells the plan from all others, also from those that are not in memory any more.
    number: int = field(default_factory=_numbers.__next__)
    # What the operation reads, as `execution/shared` finds out at the first use; None if that is not declared.
    sources: Sources | EllipsisType | None = ...
    # How often the operation was run, and what it was compiled to. The names of the variables that it declares are
    # read at their first use.
    uses: int = 0
    program: Any = None
    # The same, for runs with something to call around each field.
    wrapped: Any = None
    names: frozenset[str] | None = None
    # The variables that @skip and @include read, and the guarded fields for choices of their values
    # (`guarded_fields.py`).
    conditions: tuple[str, ...] | None = None
    guarded: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    # What extensions asked for and the document has passed: rules of theirs, and options of the parser.
    passed: set[Hashable] = field(default_factory=set)
    # Whether it has operation directives of the schema; found out at the first use.
    is_directed: bool | None = None
    # What it has of what limits are measured by, by their names.
    sizes: Mapping[str, int] = field(default_factory=dict)
    # If it has @defer or @stream: the plan without them, which gives the answer in one piece.
    whole: Plan | None = None
    # The numbers of items with which its streams begin.
    counts: tuple[ValueNode, ...] = ()
    # Of a request whose document only an extension finds: it may have @defer or @stream.
    may_give_parts: bool = False
    is_subscription: bool = field(init=False)
    is_mutation: bool = field(init=False)

    def __post_init__(self) -> None:
        # Read for each request, and a property costs as much as a few calls.
        self.is_subscription = self.operation.operation is OperationType.SUBSCRIPTION
        self.is_mutation = self.operation.operation is OperationType.MUTATION

    @property
    def query(self) -> str | None:
        """The text of the document."""
        return self.document.loc.source.body if self.document.loc else None

    @property
    def weight(self) -> int:
        """How much memory its document takes while a subscription holds it."""
        return (1 if self.whole is None else 2) * weight_of(self.document)

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
        if names.issuperset(variables):
            return variables
        return {name: value for name, value in variables.items() if name in names}

    @property
    def gives_parts(self) -> bool:
        """Whether the answer may come in parts."""
        return self.may_give_parts or (self.whole is not None and not self.is_subscription)


_NOTHING = parse("{ __typename }")


@dataclass(slots=True, eq=False)
class Draft(Plan):
    """A request that cannot be run as it was sent: `errors` says why. It is made for one request.

    Extensions hear of it, and may put another document in its place.
    """

    document: DocumentNode = _NOTHING
    operation: OperationDefinitionNode = cast(OperationDefinitionNode, _NOTHING.definitions[0])
    text: str | None = None
    errors: list[GraphQLError] = field(default_factory=list)
    is_parsed: bool = False
    is_invalid: bool = False
    is_oversized: bool = False
    # Only a query may be put in its place, because it came with GET.
    is_safe_only: bool = False

    @property
    def query(self) -> str | None:
        return self.text


class Planner:
    """Makes plans for one schema, and keeps the `memory` plans that were used last, and as many of trusted documents."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, memory: int, hides_suggestions: bool = False
    ) -> None:
        self._schema = schema
        self._validator = Validator(schema, limits, hides_suggestions=hides_suggestions)
        self._gives_parts = schema.get_directive("defer") is not None
        self.limits = limits
        self._estimator = Estimator(schema)
        self._memory = memory
        self._plans: PlanMemory[Plan] = PlanMemory(memory)
        self._adopted: OrderedDict[
            tuple[int, str | None, View | None], tuple[DocumentNode, Plan]
        ] = OrderedDict()
        self.made = 0
        """How many documents were parsed and validated, with or without success."""

    def __len__(self) -> int:
        return len(self._plans)

    def plan(self, query: str, operation_name: str | None, view: View | None = None) -> Plan:
        """Return the plan of an operation for callers with a view. Raises `Refused` when it cannot be run."""
        key = query, operation_name, view
        if (found := self._plans.get(key)) is not None:
            return found
        self.made += 1
        made = self._make(*key)
        self._plans.put(key, made)
        return made

    def known(self, query: str, operation_name: str | None, view: View | None) -> Plan | None:
        """Return the plan of an operation for callers with a view, if it is kept."""
        return self._plans.get((query, operation_name, view))

    def trust(self, texts: Set[str]) -> None:
        """Keep the plans of these documents apart, so that no other documents take their place."""
        self._plans.trust(texts)

    def forget(self, view: View) -> None:
        """Drop the plans for callers with a view."""
        self._plans.drop(lambda key: key[2] is view)
        for key in [key for key in self._adopted if key[2] is view]:
            del self._adopted[key]

    def draft(self, query: str | None, operation_name: str | None, view: View | None) -> Plan:
        """Return the plan of an operation; a `Draft` when it cannot be run."""
        if query is None:
            return Draft(asked_name=operation_name, view=view, may_give_parts=self._gives_parts)
        try:
            return self.plan(query, operation_name, view)
        except Refused as refused:
            return _draft(refused, operation_name, query, view)

    def adopt(self, document: DocumentNode, instead_of: Plan) -> Plan:
        """Return the plan of a document that an extension has put in the place of a plan's; a `Draft` if it cannot run.

        The newest are kept, for an extension that comes with the same object again.
        """
        key = (id(document), instead_of.asked_name, instead_of.view)
        if (known := self._adopted.get(key)) is not None:
            self._adopted.move_to_end(key)
            return known[1]
        try:
            made = self._adopt(document, instead_of)
        except Refused as refused:
            return _draft(refused, instead_of.asked_name, instead_of.query, instead_of.view)
        if document.loc is None or len(document.loc.source.body) <= LONGEST_REMEMBERED:
            self._adopted[key] = document, made
        if len(self._adopted) > min(MOST_ADOPTED, self._memory):
            self._adopted.popitem(last=False)
        return made

    def _adopt(self, document: DocumentNode, instead_of: Plan) -> Plan:
        if document == instead_of.document:
            return instead_of
        if document.loc is not None:
            with refusing():
                check_text(document.loc.source.body, self.limits)
        return self._plan_of(document, instead_of.asked_name, instead_of.view)

    def errors(self, plan: Plan, rules: Sequence[type[ASTValidationRule]]) -> list[GraphQLError]:
        """Return the errors of an operation by our rules and by these. A plan has passed ours.

        A rule that looks at nothing but the document is asked once.
        """
        added = [rule for rule in rules if rule not in ALWAYS]
        if isinstance(plan, Draft):
            if not (plan.is_invalid and added):
                return plan.errors
            return self._validator.validate(plan.document, added, plan.view)
        left = {rule: key_of_rule(rule) for rule in added}
        asked = [rule for rule, key in left.items() if key is None or key not in plan.passed]
        if not asked:
            return []
        errors = self._validator.ask(plan.document, asked, plan.view)
        if not errors:
            _pass(plan, *(left[rule] for rule in asked))
        return errors

    def parse_again(self, plan: Plan, options: Mapping[str, Any]) -> list[GraphQLError]:
        """Parse a plan's document with the options that extensions have set, unless it has passed them before."""
        key = tuple(sorted(options.items()))
        if not options or key in plan.passed:
            return []
        try:
            parse(plan.query or "", **options)
        except GraphQLError as error:
            return [error]
        _pass(plan, key)
        return []

    def is_known_to_pass(self, plan: Plan, coerced: Mapping[str, Any]) -> bool:
        """Tell whether it is remembered that `check` lets a plan pass with these variables."""
        estimate = plan.estimate
        return not plan.counts and estimate is not None and estimate.fits(coerced, self.limits.cost)

    def check(self, plan: Plan, variables: VariableValues) -> None:
        """Raise `Refused` when the plan costs more than is allowed with these variables, or they begin no stream."""
        if not self.is_known_to_pass(plan, variables.coerced):
            with refusing():
                check_counts(plan.counts, variables.coerced)
                if plan.estimate is not None:
                    self.limits.check("cost", plan.estimate.cost(variables))

    def cost(self, plan: Plan, variables: dict[str, Any] | None) -> Number:
        """Return what an operation is estimated to cost, as `cost_as_sent` does."""
        return cost_as_sent(self._schema, plan.operation, plan.estimate, variables)

    def actual_cost(self, plan: Plan, variables: dict[str, Any] | None, data: Any) -> Number:
        """Return what the data of an answer has cost."""
        values = coerced(self._schema, plan.operation, variables)
        return self._estimator.actual(plan.document, plan.operation, values, data)

    def _make(self, query: str, operation_name: str | None, view: View | None) -> Plan:
        return self._plan_of(self._parse(query), operation_name, view)

    def _parse(self, query: str) -> DocumentNode:
        with refusing():
            return parsed(query, self.limits)

    def _plan_of(
        self, document: DocumentNode, operation_name: str | None, view: View | None
    ) -> Plan:
        try:
            with refusing():
                directives = check_directives(document, self.limits)
                errors = self._validator.validate(document, (), view)
            if errors:
                raise Refused(errors, is_invalid=True)
            with refusing():
                operation = choose(document, operation_name)
                size = check_operation(self._schema, document, operation, self.limits)
                estimate = self._estimator.estimate(document, operation)
                counts = initial_counts(document) if self._gives_parts else ()
                check_counts(counts, {})
                if not estimate.names:
                    self.limits.check("cost", estimate.cost(NO_VARIABLES))
        except Refused as refused:
            refused.document = document
            raise
        made = Plan(document, operation, operation_name, estimate, view)
        made.sizes = sizes(directives, size)
        if self._gives_parts and comes_in_parts(document, operation):
            made.counts = counts
            whole = Plan(*in_one_piece(document, operation), operation_name, estimate, view)
            made.whole, whole.counts = whole, counts
        return made


@contextmanager
def refusing() -> Iterator[None]:
    """Raise `Refused` for an error that says why a request cannot be run."""
    try:
        yield
    except Oversized as oversized:
        refused = Refused.by(oversized.why)
        refused.is_oversized = True
        raise refused from oversized.why
    except WatchwordError as error:
        raise Refused.by(error) from error
    except GraphQLError as error:
        raise Refused([error]) from error


def _draft(
    refused: Refused, operation_name: str | None, text: str | None, view: View | None
) -> Draft:
    document = refused.document
    return Draft(
        _NOTHING if document is None else document,
        asked_name=operation_name,
        view=view,
        text=text,
        errors=refused.errors,
        is_parsed=document is not None,
        is_invalid=refused.is_invalid,
        is_oversized=refused.is_oversized,
    )


def _pass(plan: Plan, *keys: Hashable | None) -> None:
    if len(plan.passed) >= MOST_PASSED:
        plan.passed.clear()
    plan.passed.update(key for key in keys if key is not None)
