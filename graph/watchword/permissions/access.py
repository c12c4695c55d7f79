"""A table of fields against callers: who may read what, as far as rules say it without any object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import strawberry
from graphql import GraphQLField

from watchword.libraries.strawberry_federation import entities_field
from watchword.permissions.additions import root_fields
from watchword.permissions.authentication_rules import AuthenticatedByRule, MultiFactorRule
from watchword.permissions.grants import reads_grants_only
from watchword.permissions.guards import asked_of
from watchword.permissions.input_permission import guarded_arguments, guarded_inputs
from watchword.permissions.inputs import Guarded
from watchword.permissions.nested import nested_fields
from watchword.permissions.object_rules import OwnerRule, SameTenantRule
from watchword.permissions.observed import Observed, words_of
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Check,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    Rule,
    SignedInHereRule,
    TenantRule,
)
from watchword.permissions.words import together
from watchword.principal import ANONYMOUS, FIRST_PARTY, Grants, Principal

Outlook = Literal["yes", "no", "if"]
"""Whether a caller may read a field. With `if`, it depends on the object, the arguments, or on how long ago the person
authenticated, or a permission class that Watchword cannot read decides it."""

Rules = Sequence[tuple[str, Rule | None]]
"""Rules, each with what it needs in words."""


@dataclass(frozen=True, slots=True)
class Access:
    """A field, such as `Incident.name`, what it needs in words, and the outlook of each caller.

    Or what is guarded of the inputs, such as `Query.people(filter:)`, `Filter.salary`, or the enum value `Level.SECRET`.
    """

    field: str
    needs: str
    outlooks: Mapping[str, Outlook]


def callers(roles: Mapping[str, Set[str]]) -> dict[str, Principal]:
    """Return a caller without a token, and for each role a person who has signed in here with that role's scopes."""
    people = {
        role: Principal(
            role,
            Grants(frozenset({role}), frozenset(scopes)),
            client=FIRST_PARTY,
            session="session",
        )
        for role, scopes in roles.items()
    }
    return {"anyone": ANONYMOUS, **people}


def table(schema: strawberry.Schema, asking: Mapping[str, Principal]) -> list[Access]:
    """Return the access to each field of a schema's object types, for callers by their names.

    A guarded argument follows its field; guarded input types and fields and enum values are at the end. The permissions
    of types and of the domain must have been added (`coverage.cover`).
    """
    return [_access(name, rules, asking) for name, rules in _rows(schema)]


def outlook(rule: Rule | None, principal: Principal) -> Outlook:
    """Return what can be said of a rule's verdict without an object; None stands for a permission class of others."""
    match rule:
        case None | Check():
            return "if"
        case Observed():
            return "yes"
        case OwnerRule() | SameTenantRule():
            return "no" if principal.is_anonymous else "if"
        case TenantRule() if not principal.is_anonymous and principal.grants.tenant is None:
            # A role says nothing of the tenant.
            return "if"
        case (
            AuthenticatedByRule()
            | MultiFactorRule()
            | Not(AuthenticatedByRule() | MultiFactorRule())
        ) if not principal.methods:
            # A role says nothing of the methods.
            return "if" if principal.session is not None else "no"
        case RecentRule():
            return "if" if not principal.is_anonymous and principal.can_step_up else "no"
        case AllOf(rules):
            return _all([outlook(each, principal) for each in rules])
        case AnyOf(rules):
            return _any([outlook(each, principal) for each in rules])
        case Not(inner) if not reads_grants_only(rule):
            # Nobody without a token is known to be another than the owner.
            is_unknown = inner.is_unknown(Question(principal, _AN_OBJECT, None, {}))
            nobody = principal.is_anonymous and is_unknown
            return "no" if nobody else _OPPOSITE[outlook(inner, principal)]
    if reads_grants_only(rule) or isinstance(rule, FirstPartyRule | SignedInHereRule):
        return "yes" if rule.holds(Question(principal, None, None, {})) else "no"
    return "if"


# Stands for an object of which nothing is read.
_AN_OBJECT = object()
_OPPOSITE: dict[Outlook, Outlook] = {"yes": "no", "no": "yes", "if": "if"}


def _rows(schema: strawberry.Schema) -> Iterator[tuple[str, Rules]]:
    for name, field in _fields(schema):
        yield name, asked_of(field)
        for each in guarded_arguments(field):
            yield each.name, _rules_of(each)
    for each in guarded_inputs(schema):
        yield each.name, _rules_of(each)


def _rules_of(guarded: Guarded) -> Rules:
    return [(words_of(rule), rule) for rule in guarded.rules]


def _fields(schema: strawberry.Schema) -> Iterator[tuple[str, GraphQLField]]:
    asked_by_type = entities_field(schema)
    for name, field in root_fields(schema).items():
        if field is not asked_by_type:
            yield name, field
    for nested in sorted(nested_fields(schema), key=lambda each: each.kind.name):
        yield nested.name, nested.field


def _access(name: str, rules: Rules, asking: Mapping[str, Principal]) -> Access:
    outlooks = {
        caller: _all([outlook(rule, principal) for _, rule in rules])
        for caller, principal in asking.items()
    }
    return Access(name, together(words for words, _ in rules), outlooks)


def _all(outlooks: list[Outlook]) -> Outlook:
    if "no" in outlooks:
        return "no"
    return "if" if "if" in outlooks else "yes"


def _any(outlooks: list[Outlook]) -> Outlook:
    if "yes" in outlooks:
        return "yes"
    return "if" if "if" in outlooks else "no"
