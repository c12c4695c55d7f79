"""Rules read from the token how the person authenticated. A token without methods passes neither a rule nor its opposite."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from tests.support.clock import MovedClock
from watchword.delivery.lease import Lease
from watchword.errors import Ending
from watchword.formats.frozen_json import FrozenObject
from watchword.permissions import words
from watchword.permissions.access import outlook
from watchword.permissions.claims_read import claims_read
from watchword.permissions.field import AuthenticatedBy, HasClaim, MultiFactor, SignedIn
from watchword.permissions.grants import decide
from watchword.principal import (
    ANONYMOUS,
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
