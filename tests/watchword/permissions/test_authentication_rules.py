"""Rules read from the token how the person authenticated. A token without methods passes neither a rule nor its opposite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import strawberry

from tests.support.clock import MovedClock
from watchword.delivery.lease import Lease
from watchword.errors import Ending, Forbidden, StepUpRequired
from watchword.formats.frozen_json import FrozenObject
from watchword.permissions import words
from watchword.permissions.access import outlook
from watchword.permissions.claims_read import claims_read
from watchword.permissions.field import AuthenticatedBy, HasClaim, MultiFactor, SignedIn, refuse
from watchword.permissions.grants import decide
from watchword.permissions.verdict import Denied
from watchword.principal import (
    ANONYMOUS,
    FIRST_PARTY,
    Elsewhere,
    Grants,
    IdentityAsked,
    Principal,
    SharedPrincipal,
)

PASSWORD = {"pwd"}
CODE = {"pwd", "otp", "mfa"}
PASSKEY = {"hwk", "user", "mfa"}


def person(methods: set[str]) -> Principal:
    held = FrozenObject({"amr": sorted(methods)})
    return Principal("a", Grants(claims=held), session="s", methods=frozenset(methods))


@pytest.mark.parametrize(
    ("permission", "passing"),
    [
        (MultiFactor, [CODE, PASSKEY]),
        (AuthenticatedBy("passkey"), [PASSKEY]),
        (AuthenticatedBy("password"), [PASSWORD, CODE]),
        (AuthenticatedBy("otp"), [CODE]),
        (AuthenticatedBy("sms"), []),
        (~MultiFactor, [PASSWORD]),
        (~AuthenticatedBy("password"), [PASSKEY]),
        (MultiFactor & ~AuthenticatedBy("passkey"), [CODE]),
    ],
)
def test_a_rule_over_methods_passes_for_these_methods_only(permission: Any, passing: Any) -> None:
    for methods in (PASSWORD, CODE, PASSKEY):
        assert permission.allows(person(methods)) is (methods in passing)
        one = person(methods)
        shared: Any = SharedPrincipal(one.grants, False, frozenset({"amr"}))
        assert bool(decide(permission.rule, shared)) is (methods in passing)
    machine = Principal("m", client="m")
    assert not permission.allows(machine)
    assert not permission.allows(ANONYMOUS)


PHR, TWO = "phr", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


@pytest.mark.parametrize(
    ("permission", "classes", "needs"),
    [
        (MultiFactor, (TWO, PHR), "an authentication by more than one factor"),
        (AuthenticatedBy("passkey"), (PHR,), "an authentication by passkey"),
        (MultiFactor & AuthenticatedBy("passkey"), (PHR,), "an authentication by passkey"),
        (SignedIn & MultiFactor, (TWO, PHR), "an authentication by more than one factor"),
        (AuthenticatedBy("sms"), (), None),
        (MultiFactor & AuthenticatedBy("sms"), (), None),
        (~AuthenticatedBy("password"), (), None),
    ],
)
def test_a_person_is_told_the_classes_that_are_enough(
    permission: Any, classes: tuple[str, ...], needs: str | None
) -> None:
    one = person(PASSWORD)
    denied: Any = decide(permission.rule, one)
    assert denied.acr_values == classes
    with pytest.raises(Forbidden) as refused:
        refuse(denied, one)
    said = refused.value.extensions
    assert (said["code"] == "STEP_UP_REQUIRED") is bool(classes)
    assert said.get("acrValues", []) == [*classes]
    assert bool(classes) or said["requires"] == permission.rule.requires
    assert needs is None or refused.value.message.endswith(f"this needs {needs}.")


def test_it_is_told_where_the_person_signed_in() -> None:
    denied = Denied({}, 60, acr_values=(PHR,))
    theirs = replace(person(PASSWORD), client="app")
    there = replace(person(PASSWORD), elsewhere=Elsewhere("https://idp.example"))
    for one, words_of_it in (
        (person(PASSWORD), "Sign in again: "),
        (theirs, "Ask for authorization again, with max_age=60 and acr_values=phr: "),
        (there, "Sign in again at https://idp.example, with max_age=60 and acr_values=phr: "),
    ):
        one = replace(one, client=one.client or FIRST_PARTY)
        with pytest.raises(StepUpRequired) as refused:
            refuse(denied, one)
        needs = "this needs an authentication of the last 60 seconds by passkey."
        assert refused.value.message == words_of_it + needs


def test_a_machine_is_not_asked_to_authenticate_and_a_shared_run_is_dissolved() -> None:
    machine = Principal("m", client="m")
    denied: Any = decide(MultiFactor.rule, machine)
    assert not denied.can_step_up
    shared: Any = SharedPrincipal(person(PASSWORD).grants, False, frozenset({"amr"}))
    with pytest.raises(IdentityAsked):
        refuse(decide(MultiFactor.rule, shared), shared)  # type: ignore[arg-type]


def test_a_key_without_its_owner_is_no_passkey() -> None:
    assert not AuthenticatedBy("passkey").allows(person({"hwk", "pwd", "mfa"}))
    assert AuthenticatedBy("passkey").allows(person({"swk", "user"}))


def test_each_says_what_it_needs() -> None:
    assert words.describe(MultiFactor.rule.requires) == "an authentication by more than one factor"
    assert (
        words.describe(AuthenticatedBy("passkey").rule.requires) == "an authentication by passkey"
    )
    assert AuthenticatedBy("passkey").rule.requires == {"authenticatedBy": "passkey"}
    assert MultiFactor.rule.requires == {"multiFactor": True}


@pytest.mark.parametrize("permission", [MultiFactor, SignedIn | ~AuthenticatedBy("otp")])
def test_methods_are_part_of_the_grants_if_a_permission_reads_them(permission: Any) -> None:
    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[permission])
        def one(self) -> int | None:
            return 1

    assert claims_read(strawberry.Schema(Query)) == {"amr"}


def test_callers_that_share_differ_in_methods_that_nobody_reads() -> None:
    shared: Any = SharedPrincipal(Grants(), False)
    with pytest.raises(IdentityAsked):
        MultiFactor.rule.holds(type("Asked", (), {"principal": shared})())
    assert shared.was_asked


@pytest.mark.parametrize("name", ["amr", "acr"])
def test_methods_are_no_custom_claim(name: str) -> None:
    with pytest.raises(TypeError, match="AuthenticatedBy or MultiFactor"):
        HasClaim(name, "mfa")


def test_a_role_says_nothing_of_the_methods() -> None:
    by_role = Principal("r", session="s")
    for rule in (MultiFactor.rule, (~MultiFactor).rule):
        assert outlook(rule, by_role) == "if"
        assert outlook(rule, ANONYMOUS) == outlook(rule, Principal("m", client="m")) == "no"
    assert outlook(MultiFactor.rule, person(CODE)) == "yes"
    assert outlook(MultiFactor.rule, person(PASSWORD)) == "no"


def test_a_lease_that_is_renewed_with_weaker_methods_has_other_grants(clock: MovedClock) -> None:
    class Holder:
        asked_again = 0

        def ended(self, ending: Ending) -> None:
            raise AssertionError(ending)

        def reminded(self) -> None:
            raise AssertionError

        def regranted(self) -> None:
            self.asked_again += 1

    holder = Holder()
    lease = Lease(clock, person(CODE), holder)
    lease.renew(person(CODE))
    assert holder.asked_again == 0
    lease.renew(person(PASSWORD))
    assert holder.asked_again == 1
    assert not MultiFactor.allows(lease.principal)
