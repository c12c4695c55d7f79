"""Rules decide over grants and combine; a denial says what is needed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from watchword.formats.frozen_json import FrozenObject
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    ClaimRule,
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
from watchword.principal import ANONYMOUS, Elsewhere, Grants, Principal
from watchword.principal import FIRST_PARTY as US

YES, NO = Anyone(), Not(Anyone())


def question(principal: Principal = ANONYMOUS) -> Question:
    return Question(principal, None, None, {})


def elsewhere(**said: bool) -> Principal:
    return Principal("a", client="idp|front", elsewhere=Elsewhere("https://idp", **said))


def claiming(**claims: object) -> Principal:
    return Principal("a", claims=FrozenObject(claims))


def keeper(*scopes: str) -> Principal:
    return Principal("alice", Grants(frozenset({"keeper"}), frozenset(scopes)))


@pytest.mark.parametrize(
    ("rule", "allowed", "denied"),
    [
        (SignedInRule(), keeper(), ANONYMOUS),
        (RoleRule("keeper"), keeper(), Principal("bob")),
        (ScopeRule("toys:count"), keeper("toys:count"), keeper("toys:counting")),
        (ClaimRule("unit", "law"), claiming(unit="law"), claiming(unit="lawn")),
        (ClaimRule("unit", "law"), claiming(unit=["tax", "law"]), claiming(unit=[["law"]])),
        (ClaimRule("unit", "law"), claiming(unit="law"), claiming(other="law")),
        (ClaimRule("level", 1), claiming(level=1), claiming(level=True)),
        (ClaimRule("level", 1), claiming(level=[1]), claiming(level=1.0)),
        (ClaimRule("is_staff", True), claiming(is_staff=True), claiming(is_staff=1)),
        (ClaimRule("is_staff", False), claiming(is_staff=False), claiming(is_staff=None)),
        (ClaimRule("is_staff", False), claiming(is_staff=False), claiming()),
        (FirstPartyRule(), Principal("a", client=US), Principal("a", client="them")),
        (FirstPartyRule(), Principal("a", client=US), Principal("", client=US)),
        (FirstPartyRule(), elsewhere(is_front_end=True), elsewhere()),
        (SignedInHereRule(), Principal("a", client=US, session="s"), Principal("a", client=US)),
        (
            SignedInHereRule(),
            Principal("a", client=US, session="s"),
            Principal("a", client="app", session="s"),
        ),
        (
            SignedInHereRule(),
            Principal("a", client=US, session="s"),
            elsewhere(is_front_end=True),
        ),
    ],
)
def test_a_rule_reads_the_principal(rule: Rule, allowed: Principal, denied: Principal) -> None:
    assert rule.decide(question(allowed)) is ALLOWED
    assert rule.decide(question(denied)) == Denied(rule.requires)
    assert not rule.decide(question(denied))


@pytest.mark.parametrize(("left", "right"), list(itertools.product([YES, NO], repeat=2)))
async def test_rules_combine_as_and_or_and_not(left: Rule, right: Rule) -> None:
    a, b = left.holds(question()), right.holds(question())
    for rule, expected in (
        (AllOf((left, right)), a and b),
        (AnyOf((left, right)), a or b),
        (Not(left), not a),
    ):
        assert rule.holds(question()) is expected
        assert await rule.holds_async(question()) is expected


NOW = 1_000.0


def asked(authenticated_at: float) -> Question:
    info = SimpleNamespace(context=SimpleNamespace(now=NOW))
    alice = Principal("alice", authenticated_at=authenticated_at, session="s")
    return Question(alice, None, info, {})


@pytest.mark.parametrize(
    ("at", "is_recent"), [(NOW, True), (NOW - 60, True), (NOW - 61, False), (0, False)]
)
def test_an_authentication_is_recent_for_so_many_seconds(at: float, is_recent: bool) -> None:
    assert RecentRule(60).holds(asked(at)) is is_recent


@pytest.mark.parametrize(
    ("who", "max_age"),
    [
        (Principal("machine", client="machine"), None),
        (Principal("alice", client=US), None),
        (Principal("alice", client="app", session="s"), 60),
        (elsewhere(), 60),
        (elsewhere(steps_up=False), None),
    ],
)
def test_only_a_principal_that_can_step_up_is_asked_to(who: Principal, max_age: int | None) -> None:
    verdict = RecentRule(60).decide(replace(asked(0), principal=who))
    assert isinstance(verdict, Denied)
    assert verdict.max_age == max_age


@pytest.mark.parametrize(("seconds", "is_recent"), [(61, True), (60, True), (59, False)])
def test_without_a_number_the_settings_say_how_recent(seconds: int, is_recent: bool) -> None:
    question = asked(NOW - 60)
    settings = SimpleNamespace(step_up_seconds=seconds)
    question.info.context.services = SimpleNamespace(settings=settings)
    verdict = RecentRule().decide(question)
    assert bool(verdict) is is_recent
    if isinstance(verdict, Denied):
        assert verdict.max_age == seconds
        assert verdict.requires == {"maxAge": seconds}


@pytest.mark.parametrize(
    ("rule", "max_age"),
    [
        (RecentRule(60), 60),
        (AllOf((YES, RecentRule(60))), 60),
        (AllOf((RecentRule(60), RecentRule(30))), 30),
        (AllOf((RecentRule(60), NO)), None),
        (AllOf((NO, RecentRule(60))), None),
        (AnyOf((NO, RecentRule(60))), 60),
        (AnyOf((NO, AllOf((YES, RecentRule(60))))), 60),
        (Not(AllOf((YES, YES))), None),
    ],
)
async def test_a_denial_says_when_nothing_is_missing_but_a_recent_authentication(
    rule: Rule, max_age: int | None
) -> None:
    for verdict in (rule.decide(asked(0)), await rule.decide_async(asked(0))):
        assert isinstance(verdict, Denied)
        assert verdict.max_age == max_age


async def test_a_check_may_look_something_up() -> None:
    async def is_alice(asked: Question) -> bool:
        return asked.principal.subject == "alice"

    rule = AllOf((SignedInRule(), Check(is_alice, "to be alice", is_async=True)))
    assert rule.is_async
    assert await rule.decide_async(question(keeper()))
    assert not await rule.decide_async(question(Principal("bob")))


def test_a_check_that_answers_with_something_else_grants_nothing() -> None:
    rule = Check(lambda asked: "yes", "an answer")  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError):
        rule.decide(question())


def test_rules_over_values_that_json_tells_apart_are_not_equal() -> None:
    assert ClaimRule("a", 1) != ClaimRule("a", True)
    assert len({ClaimRule("a", 1), ClaimRule("a", True)}) == 2


def test_an_application_never_passes_the_opposite_of_a_claim() -> None:
    rule = Not(ClaimRule("unit", "law"))
    assert rule.holds(question(Principal("a")))
    assert not rule.holds(question(Principal("a", Grants(is_delegated=True))))
