"""What a caller's grants could ever reach: what of a schema no moment and no stronger sign-in opens to it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.permission import PermissionExtension

from watchword.libraries.strawberry_federation import sdl_field
from watchword.libraries.strawberry_parts import definition, permission_extensions
from watchword.permissions.authentication_rules import AuthenticatedByRule, MultiFactorRule
from watchword.permissions.field import rule_of
from watchword.permissions.grants import reads_grants_only
from watchword.permissions.input_permission import guarded_arguments, guarded_inputs
from watchword.permissions.object_rules import OwnerRule, SameTenantRule
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    Rule,
    SignedInHereRule,
)
from watchword.principal import ANONYMOUS, FIRST_PARTY, Principal

JUST_SIGNED_IN = Principal("somebody", client=FIRST_PARTY, session="session")
"""A person who has signed in here, and has no role and no scope. Everybody without a token may become one."""

Rules = tuple[Rule, ...]


def about(principal: Principal) -> Hashable:
    """Return all that decides what a principal can reach. Principals with equal ones reach the same fields.

    It is on the way of each operation, so it has what the principal's properties are made of.
    """
    return (
        principal.grants,
        principal.client == FIRST_PARTY,
        principal.session is None,
        principal.elsewhere,
        principal.subject == "",
    )


def can_ever_pass(rule: Rule, principal: Principal) -> bool:
    """Tell whether a rule could let a principal pass with the grants it has: on some object, with some arguments, or
    after it has authenticated again. Where that is not certain, the answer is True.
    """
    match rule:
        case AllOf(rules):
            return all(can_ever_pass(each, principal) for each in rules)
        case AnyOf(rules):
            return any(can_ever_pass(each, principal) for each in rules)
        case OwnerRule():
            return not principal.is_anonymous
        case SameTenantRule():
            return bool(principal.grants.tenant)
        case RecentRule():
            return not principal.is_anonymous and principal.can_step_up
    if principal.can_step_up and _reads_methods(rule):
        return True
    if reads_grants_only(rule) or isinstance(rule, FirstPartyRule | SignedInHereRule):
        return rule.holds(Question(principal, None, None, {}))
    return True


class Reach:
    """The guarded fields and inputs of a schema, and which of them a caller never reaches.

    The permissions of types and of the domain must have been added (`coverage.cover`).
    """

    def __init__(self, schema: strawberry.Schema) -> None:
        self._guarded = dict(_guarded(schema))
        self.sdl = sdl_field(schema)
        """The name of the root field that answers the SDL of a subgraph, such as `Query._service`; None without one."""

    def hidden_from(self, principal: Principal) -> frozenset[str]:
        """Return the schema coordinates of what a principal never reaches: fields, such as `Incident.body`, arguments,
        input types and their fields, and enum values.

        A caller without a token may become a person who has just signed in, so what that one reaches is not among
        them. The SDL of a subgraph names every field: unless its own permission asks for more than a sign-in, it is
        for callers from whom nothing is hidden.
        """
        hidden = self._never(principal)
        if principal.is_anonymous and hidden:
            hidden &= self._never(JUST_SIGNED_IN)
        if hidden and self.sdl is not None and self._is_for_anybody(self.sdl):
            hidden |= {self.sdl}
        return hidden

    def _never(self, principal: Principal) -> frozenset[str]:
        verdicts: dict[Rules, bool] = {}
        for rules in self._guarded.values():
            if rules not in verdicts:
                verdicts[rules] = all(can_ever_pass(each, principal) for each in rules)
        return frozenset(name for name, rules in self._guarded.items() if not verdicts[rules])

    def _is_for_anybody(self, name: str) -> bool:
        rules = self._guarded.get(name, ())
        return any(
            all(can_ever_pass(each, caller) for each in rules)
            for caller in (ANONYMOUS, JUST_SIGNED_IN)
        )


def _guarded(schema: strawberry.Schema) -> Iterator[tuple[str, Rules]]:
    for name, field in _fields(schema):
        if rules := _rules(field):
            yield name, rules
        for each in guarded_arguments(field):
            yield each.name, each.rules
    for each in guarded_inputs(schema):
        yield each.name, each.rules


def _fields(schema: strawberry.Schema) -> Iterator[tuple[str, GraphQLField]]:
    for kind in definition(schema).type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield f"{kind.name}.{name}", field


def _rules(field: GraphQLField) -> Rules:
    # A subclass may ask its permissions in another way, and permission classes of others cannot be read.
    return tuple(
        rule
        for extension in permission_extensions(field)
        if type(extension) is PermissionExtension
        for each in extension.permissions
        if (rule := rule_of(each)) is not None
    )


def _reads_methods(rule: Rule) -> bool:
    match rule:
        case AllOf(rules) | AnyOf(rules):
            return any(map(_reads_methods, rules))
        case Not(inner):
            return _reads_methods(inner)
    return isinstance(rule, AuthenticatedByRule | MultiFactorRule)
