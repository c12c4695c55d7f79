"""The guarded fields of an operation, found once for its plan and each choice of what @skip and @include leave of it.

Only the places are kept that lead to a field whose permissions grants may deny, so that each operation has no more to
look at than these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.permission import PermissionExtension

from watchword.execution.denials import Pattern
from watchword.execution.plan import Plan
from watchword.execution.selections import Objects, Selections, conditions, is_included
from watchword.libraries.strawberry_parts import permission_extensions
from watchword.permissions.field import rule_of
from watchword.permissions.grants import can_decide, decide, reads_grants_only
from watchword.permissions.guards import is_recorder
from watchword.permissions.input_permission import InputPermission
from watchword.permissions.observed import Observed
from watchword.permissions.rules import Anyone, Question, Rule
from watchword.permissions.sent import Values
from watchword.permissions.verdict import ALLOWED, Verdict

# The most choices of @skip and @include that are kept for a plan. Others are looked at anew.
MOST_KEPT = 16


Decide = Callable[[Question, Values], Verdict | None]
"""Decides by grants one thing that a field asks; None if something else must be read. Equal rules have the same."""
Guard = tuple[tuple[Decide, bool], ...]
"""What a field asks by grants, in its order, each with whether its denial is silent."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A field that is guarded or has guarded fields below it, or a fragment, which has no key and no node.

    `inside` are the steps from its object to the objects below it.
    """

    key: str
    inside: Pattern
    node: FieldNode | None
    guard: Guard
    below: Below


Below = tuple[Place, ...]
"""The places below a field or in a fragment. What several fragments repeat is the same object."""


@dataclass(frozen=True, slots=True, eq=False)
class GuardedFields:
    """The guarded fields of an operation: all that they ask, each once, and where they are."""

    asked: tuple[Decide, ...]
    places: Below

    def are_open(self, question: Question, values: Values) -> bool:
        """Tell whether grants deny nothing. The question has the principal, and no source, info and arguments."""
        return all(decides(question, values) is ALLOWED for decides in self.asked)


def guarded_fields(schema: GraphQLSchema, plan: Plan, values: Mapping[str, Any]) -> GuardedFields:
    """Return the guarded fields of a plan, with these values of its variables."""
    if plan.conditions is None:
        plan.conditions = conditions(plan.document, plan.operation)
    choice = tuple([values.get(name) for name in plan.conditions]) if plan.conditions else ()
    found: GuardedFields | None = plan.guarded.get(choice)
    if found is None:
        found = _Search(schema, plan, dict(zip(plan.conditions, choice, strict=True))).fields()
        if len(plan.guarded) < MOST_KEPT:
            plan.guarded[choice] = found
    return found


class _Search:
    """Finds the guarded fields of a plan."""

    def __init__(self, schema: GraphQLSchema, plan: Plan, choice: Mapping[str, Any]) -> None:
        self._schema, self._plan, self._choice = schema, plan, choice
        self._selections = Selections(schema, plan.document)
        # Without it, a document of fragments in fragments would take exponentially long.
        self._known: dict[tuple[int, Objects], Below] = {}
        self._rules: dict[Rule, Decide] = {}
        self._asked: dict[Decide, None] = {}

    def fields(self) -> GuardedFields:
        operation = self._plan.operation
        root = self._schema.get_root_type(operation.operation)
        places = self._below(operation.selection_set, self._selections.objects(root))
        return GuardedFields(tuple(self._asked), places)

    def _below(self, nodes: SelectionSetNode | None, objects: Objects) -> Below:
        if nodes is None or not objects:
            return ()
        key = id(nodes), objects
        if (known := self._known.get(key)) is None:
            known = self._known[key] = tuple(self._places(nodes, objects))
        return known

    def _places(self, nodes: SelectionSetNode, objects: Objects) -> Iterator[Place]:
        for node in nodes.selections:
            if not is_included(node, self._choice):
                continue
            if isinstance(node, FieldNode):
                for kind in sorted(objects, key=lambda each: each.name):
                    if (field := kind.fields.get(node.name.value)) is not None:
                        yield from self._field(node, field)
            elif below := self._below(*self._selections.within(node, objects)):
                yield Place("", (), None, (), below)

    def _field(self, node: FieldNode, field: GraphQLField) -> Iterator[Place]:
        inner = self._selections.objects(get_named_type(field.type))
        guard, below = self._guard(node, field), self._below(node.selection_set, inner)
        if guard or below:
            key = (node.alias or node.name).value
            yield Place(key, (key, *_indexes(field)), node, guard, below)

    def _guard(self, node: FieldNode, field: GraphQLField) -> Guard:
        """Return what a field asks, up to the first permission that something else than grants decides."""
        guard = []
        for asked, is_silent in _asked(node, field):
            if isinstance(asked, InputPermission):
                decides = _of_inputs(asked, node)
            else:
                decides = self._rules.setdefault(asked, _of_rule(asked))
            self._asked[decides] = None
            guard.append((decides, is_silent))
        return tuple(guard)


def _of_inputs(permission: InputPermission, node: FieldNode) -> Decide:
    return lambda question, values: permission.decide(node, values, question.principal)


def _of_rule(rule: Rule) -> Decide:
    if not reads_grants_only(rule):
        return lambda question, _values: decide(rule, question.principal)
    of_rule = rule.decide
    return lambda question, _values: of_rule(question)


def _asked(node: FieldNode, field: GraphQLField) -> Iterator[tuple[Rule | InputPermission, bool]]:
    for extension in reversed(permission_extensions(field)):
        # A subclass may ask its permissions in another way.
        if type(extension) is not PermissionExtension:
            return
        for each in extension.permissions:
            if isinstance(each, InputPermission):
                if each.sent.may_have(node):
                    yield each, extension.fail_silently
                continue
            rule = rule_of(each)
            if is_recorder(each) or isinstance(rule, Anyone | Observed):
                continue
            if rule is None or not can_decide(rule):
                return
            yield rule, extension.fail_silently


def _indexes(field: GraphQLField) -> Iterator[str]:
    kind = field.type
    while is_non_null_type(kind) or is_list_type(kind):
        if is_list_type(kind):
            yield "@"
        kind = kind.of_type
