"""A field is hidden only from callers that no object, no moment and no stronger sign-in lets pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission, PermissionExtension

from tests.federation import products
from tests.support.vault_schema import vault
from watchword.formats.frozen_json import FrozenObject
from watchword.permissions.coverage import cover
from watchword.permissions.field import (
    AuthenticatedBy,
    Delegated,
    FirstParty,
    HasClaim,
    HasRole,
    HasScope,
    HasTenant,
    MultiFactor,
    Owner,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    SignedInHere,
    condition,
    permission,
)
from watchword.permissions.reach import JUST_SIGNED_IN, Reach, about, can_ever_pass
from watchword.permissions.rules import Question, Rule
from watchword.principal import ANONYMOUS, FIRST_PARTY, Elsewhere, Grants, Principal

STAFF = Grants(frozenset({"staff"}), frozenset({"a:read"}), tenant="acme")
PERSON = Principal("ann", STAFF, client=FIRST_PARTY, session="s")
APP = Principal("ann", Grants(frozenset(), frozenset({"a:read"}), is_delegated=True), "app", "s")
MACHINE = Principal("robot", STAFF, client="robot")
FOREIGN = Principal("eva", STAFF, client="x|front", elsewhere=Elsewhere("https://x", True))
CALLERS = [ANONYMOUS, JUST_SIGNED_IN, PERSON, APP, MACHINE, FOREIGN]


@condition("to be lucky")
def lucky(_question: Question) -> bool:
    return True


@dataclass(frozen=True)
class OnTuesday(Rule):
    @property
    def requires(self) -> dict[str, Any]:
        return {"condition": "to ask on a Tuesday"}

    def holds(self, question: Question) -> bool:
        return False


LEAVES = [
    *(Public, SignedIn, HasRole("staff"), HasRole("admin"), HasScope("a:read"), HasScope("b:read")),
    *(FirstParty, SignedInHere, Delegated, HasTenant(), lucky, Owner("id"), HasTenant("tenant")),
    *(RecentlyAuthenticated(), MultiFactor, AuthenticatedBy("passkey"), permission(OnTuesday())),
]
PAIRS = [*product(LEAVES, [SignedIn, HasRole("admin"), lucky, Owner("id"), MultiFactor])]
RULES = [
    *(each.rule for each in LEAVES),
    *((~each).rule for each in LEAVES),
    *((one & two).rule for one, two in PAIRS),
    *((one | two).rule for one, two in PAIRS),
    *((~(one | two)).rule for one, two in PAIRS),
]
METHODS = [frozenset[str](), frozenset({"pwd"}), frozenset({"pwd", "otp", "mfa"})]


class Tenanted:
    id, tenant = "ann", "acme"


def passes_now(rule: Rule, principal: Principal) -> bool:
    """Whether a rule passes for some object, for a caller who has just authenticated."""

    class info:
        class context:
            now = principal.authenticated_at

            class services:
                class settings:
                    step_up_seconds = 1

    sources: list[Any] = [None, Tenanted()]
    return any(rule.decide(Question(principal, each, info, {})) for each in sources)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.subject or "anonymous")
def test_nothing_is_hidden_that_a_caller_could_pass_now_or_after_a_step_up(
    caller: Principal,
) -> None:
    for rule, methods in product(RULES, METHODS):
        if caller.can_step_up:
            others = METHODS
        elif caller.is_anonymous:
            others = METHODS[:1]
        else:
            others = [methods]
        known = replace(caller, methods=others[0] if methods not in others else methods)
        if not caller.can_step_up and "maxAge" in str(rule.requires):
            continue  # a machine has no time of authentication, which the stub above gives it
        if any(passes_now(rule, replace(known, methods=each)) for each in others):
            assert can_ever_pass(rule, known), (rule, known)


@pytest.mark.parametrize(
    ("rule", "caller"),
    [
        (HasRole("admin"), PERSON),
        (HasScope("b:read"), APP),
        (HasRole("staff"), APP),
        (~HasRole("staff"), APP),
        (HasRole("staff") & HasScope("b:read"), PERSON),
        (HasRole("admin") | HasScope("b:read"), PERSON),
        (lucky & HasRole("admin"), PERSON),
        (FirstParty, APP),
        (SignedInHere, FOREIGN),
        (MultiFactor, MACHINE),
        (RecentlyAuthenticated(), MACHINE),
        (Owner("id"), ANONYMOUS),
        (HasTenant("tenant"), JUST_SIGNED_IN),
        (HasTenant(), JUST_SIGNED_IN),
        (HasClaim("plan", "gold"), PERSON),
        (~SignedIn, PERSON),
    ],
)
def test_what_grants_deny_for_ever_never_passes(rule: Any, caller: Principal) -> None:
    assert not can_ever_pass(rule.rule, caller)


@pytest.mark.parametrize("rule", [MultiFactor, ~MultiFactor, AuthenticatedBy("passkey")])
@pytest.mark.parametrize("methods", METHODS)
def test_methods_hide_nothing_from_a_person_who_can_step_up(
    rule: Any, methods: frozenset[str]
) -> None:
    assert can_ever_pass(rule.rule, replace(PERSON, methods=methods))


def test_callers_that_are_about_the_same_pass_the_same_rules() -> None:
    claims = FrozenObject({"plan": "gold"})
    gold = replace(PERSON, claims=claims, grants=replace(STAFF, claims=claims))
    callers = [*CALLERS, gold, replace(PERSON, session=None)]
    rules = [*RULES, HasClaim("plan", "gold").rule]
    for one, two in product(callers, callers):
        if about(one) == about(two):
            assert [can_ever_pass(each, one) for each in rules] == [
                can_ever_pass(each, two) for each in rules
            ]
    twin = replace(PERSON, subject="bob", token_id="2", authenticated_at=5.0, session="t")
    assert about(twin) == about(PERSON)
    assert len({about(each) for each in callers}) == len(callers)


def test_caller_without_a_token_is_told_what_a_sign_in_alone_opens() -> None:
    hidden = Reach(vault()).hidden_from(ANONYMOUS)
    assert hidden == Reach(vault()).hidden_from(JUST_SIGNED_IN)
    assert not {"Query.me", "Query.strong", "Query.recent", "Query.ours"} & hidden
    assert {"Query.hoards", "Mutation.meltDown", "Ingot.carats", "Ingot.id"} <= hidden


def test_keeper_is_told_of_the_vault() -> None:
    keeper = Principal("kim", Grants(frozenset({"keeper"})), client=FIRST_PARTY, session="s")
    assert Reach(vault()).hidden_from(keeper) == {"Subscription.burglaries"}


class Theirs(BasePermission):
    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return False


class Lenient(PermissionExtension):
    pass


@strawberry.type
class Query:
    theirs: int = strawberry.field(permission_classes=[Theirs], default=1)
    lenient: int = strawberry.field(extensions=[Lenient([HasRole("admin")()])], default=1)
    ours: int = strawberry.field(permission_classes=[Theirs, HasRole("admin")], default=1)


def test_permissions_that_cannot_be_read_hide_nothing() -> None:
    assert Reach(strawberry.Schema(Query)).hidden_from(PERSON) == {"Query.ours"}


@pytest.mark.parametrize("scope", ["schema:read", "other"])
def test_sdl_is_for_callers_whom_its_permission_names(scope: str) -> None:
    schema = products.made()
    named = {**products.domain.permissions, "Query._service": [HasScope("schema:read")]}
    cover(schema, replace(products.domain, permissions=named))
    caller = replace(PERSON, grants=Grants(scopes=frozenset({scope})))
    hidden = Reach(schema).hidden_from(caller)
    assert "Warehouse.stock" in hidden
    assert ("Query._service" in hidden) is (scope == "other")


def test_sdl_that_anybody_may_read_is_for_callers_from_whom_nothing_is_hidden() -> None:
    cover(products.schema, products.domain)
    reach = Reach(products.schema)
    assert reach.sdl == "Query._service"
    assert "Query._service" in reach.hidden_from(PERSON)
    everything = replace(PERSON, grants=Grants(scopes=frozenset({"stock:read"})))
    assert reach.hidden_from(everything) == frozenset()
