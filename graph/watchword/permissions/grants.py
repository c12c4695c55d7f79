"""Decides the rules that read nothing but a principal's grants, once for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from watchword.permissions.authentication_rules import AuthenticatedByRule, MultiFactorRule
from watchword.permissions.observed import Observed
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    ClaimRule,
    DelegatedRule,
    Not,
    Question,
    RoleRule,
    Rule,
    ScopeRule,
    SignedInRule,
    TenantRule,
)
from watchword.permissions.verdict import ALLOWED, Denied, Verdict
from watchword.principal import Principal

# Their verdicts are the same for all callers with equal `Grants`, signed in or not.
_BY_GRANTS = (Anyone, SignedInRule, ScopeRule, RoleRule, TenantRule, DelegatedRule)
_OF_GRANTS = (*_BY_GRANTS, ClaimRule, AuthenticatedByRule, MultiFactorRule)


def reads_grants_only(rule: Rule) -> bool:
    """Tell whether a rule has the same verdict for all objects, arguments and moments."""
    return _consists_of((*_OF_GRANTS, Observed), rule)


def is_same_for_equal_grants(rule: Rule) -> bool:
    """Tell whether a rule has the same verdict for all callers with equal grants of which all or none are signed in."""
    return _consists_of(_BY_GRANTS, rule)


def _consists_of(kinds: tuple[type[Rule], ...], rule: Rule) -> bool:
    kind = type(rule)
    if kind is AllOf or kind is AnyOf:
        return all(_consists_of(kinds, each) for each in rule.rules)  # type: ignore[attr-defined]
    if kind is Not or (kind is Observed and kind in kinds):
        return _consists_of(kinds, rule.rule)  # type: ignore[attr-defined]
    return kind in kinds


def can_decide(rule: Rule) -> bool:
    """Tell whether grants are ever enough to know a rule's verdict."""
    if type(rule) is AllOf or type(rule) is AnyOf:
        return can_decide(rule.rules[0])
    return reads_grants_only(rule)


def decide(rule: Rule, principal: Principal) -> Verdict | None:
    """Return a rule's verdict if the principal's grants are enough to know it; None if more must be read."""
    if reads_grants_only(rule):
        return rule.decide(Question(principal, None, None, {}))
    if type(rule) is AllOf:
        return _all(rule.rules, rule, principal)
    if type(rule) is AnyOf:
        return _any(rule.rules, principal)
    return None


def decider(rule: Rule) -> Callable[[Principal], Verdict | None]:
    """Return `decide` for one rule, which is looked at only once."""
    if not reads_grants_only(rule):
        return partial(decide, rule)
    of_rule = rule.decide
    return lambda principal: of_rule(Question(principal, None, None, {}))


def _all(rules: Iterable[Rule], whole: AllOf, principal: Principal) -> Verdict | None:
    for rule in rules:
        verdict = decide(rule, principal)
        if isinstance(verdict, Denied) and not verdict.can_step_up:
            return Denied(whole.requires)
        if verdict is not ALLOWED:
            return None
    return ALLOWED


def _any(rules: Iterable[Rule], principal: Principal) -> Verdict | None:
    for rule in rules:
        verdict = decide(rule, principal)
        if verdict is ALLOWED:
            return ALLOWED
        if verdict is None:
            return None
    return None
