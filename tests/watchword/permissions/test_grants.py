"""Rules that read nothing but grants are decided by grants alone, and only those."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from watchword.formats.frozen_json import FrozenObject
from watchword.permissions.authentication_rules import MultiFactorRule
from watchword.permissions.grants import (
    can_decide,
    decide,
    decider,
    is_same_for_equal_grants,
    reads_grants_only,
)
from watchword.permissions.observed import Observed
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    ClaimRule,
    DelegatedRule,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    RoleRule,
    Rule,
    ScopeRule,
    SignedInHereRule,
    SignedInRule,
)
from watchword.permissions.verdict import ALLOWED, Denied
from watchword.principal import ANONYMOUS, Grants, Principal, SharedPrincipal

answers: dict[str, bool] = {"check": True}
CHECK = Check(lambda _: answers["check"], "to pass")
OF_GRANTS: list[Rule] = [
    Anyone(),
    SignedInRule(),
    ScopeRule("read"),
    RoleRule("admin"),
    DelegatedRule(),
    ClaimRule("unit", "a"),
    Not(RoleRule("admin")),
    Not(ClaimRule("unit", "a")),
]
OTHERS: list[Rule] = [CHECK, FirstPartyRule(), SignedInHereRule(), RecentRule(60), Not(CHECK)]
PRINCIPALS: list[Any] = [
    ANONYMOUS,
    Principal("a", Grants(frozenset({"admin"}), frozenset({"read"}))),
    Principal("d", Grants(scopes=frozenset({"read"}), is_delegated=True)),
    Principal("c", claims=FrozenObject({"unit": ["a", "b"]})),
    SharedPrincipal(Grants(frozenset({"admin"})), False, frozenset({"unit"})),
    SharedPrincipal(Grants(claims=FrozenObject({"unit": "a"})), False, frozenset({"unit"})),
]


@pytest.mark.parametrize("rule", OTHERS)
def test_other_rules_are_not_decided(rule: Rule) -> None:
    assert not reads_grants_only(rule)
    assert not can_decide(rule)
    assert all(decide(rule, each) is None for each in PRINCIPALS)


@pytest.mark.parametrize("kind", [AllOf, AnyOf])
@pytest.mark.parametrize("principal", PRINCIPALS)
def test_what_is_decided_is_what_the_rule_decides(kind: Any, principal: Any) -> None:
    for rules in itertools.product([*OF_GRANTS, CHECK], repeat=2):
        rule = kind(rules)
        decided = decide(rule, principal)
        assert decider(rule)(principal) == decided
        # What is known must be true whatever the check says.
        for answers["check"] in (True, False):
            asked = rule.decide(Question(principal, None, None, {}))
            if decided is not None:
                assert decided == asked
        assert (decided is None) <= (CHECK in rules)
        assert (decided is None) or can_decide(rule)


def test_a_condition_after_a_denial_or_an_allowance_need_not_be_asked() -> None:
    assert decide(AnyOf((Anyone(), CHECK)), ANONYMOUS) is ALLOWED
    denied = decide(AllOf((SignedInRule(), CHECK)), ANONYMOUS)
    assert denied == Denied({"allOf": [{"signedIn": True}, {"condition": "to pass"}]})


@pytest.mark.parametrize(
    "other",
    [ClaimRule("unit", "a"), MultiFactorRule(), Observed(SignedInRule()), *OTHERS],
)
def test_equal_grants_say_nothing_of_claims_methods_and_objects(other: Rule) -> None:
    same = AllOf((SignedInRule(), AnyOf((ScopeRule("a"), Not(RoleRule("b"))))))
    assert is_same_for_equal_grants(same)
    assert not is_same_for_equal_grants(other)
    for rule in (AllOf((same, other)), AnyOf((other, same)), Not(other)):
        assert not is_same_for_equal_grants(rule)
