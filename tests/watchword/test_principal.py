"""A principal is an immutable value."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from watchword.formats.frozen_json import FrozenObject
from watchword.principal import (
    ANONYMOUS,
    Grants,
    IdentityAsked,
    Principal,
    SharedExtensions,
    SharedPrincipal,
)


def test_the_anonymous_principal_has_no_grants_and_never_expires() -> None:
    assert ANONYMOUS.is_anonymous
    assert ANONYMOUS.grants == Grants()
    assert math.isinf(ANONYMOUS.expires_at)


def test_a_principal_with_a_subject_is_not_anonymous() -> None:
    assert not Principal("alice").is_anonymous


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Principal("alice").subject = "bob"  # type: ignore[misc]


def test_grants_with_other_claims_are_other_grants() -> None:
    one, same, other = (Grants(claims=FrozenObject({"a": value})) for value in (1, 1, True))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2
    assert one.within(Grants()).claims == {"a": 1}


def test_what_principals_have_in_common_are_the_claims_that_rules_read() -> None:
    grants = Grants(claims=FrozenObject({"unit": "law"}))
    shared = SharedPrincipal(grants, False, frozenset({"unit", "level"}))
    assert (shared.claims["unit"], shared.claims.get("level")) == ("law", None)
    assert "level" not in shared.claims
    assert not shared.was_asked


@pytest.mark.parametrize("ask", [lambda claims: claims.get("desk"), dict, len, list])
def test_any_other_claim_is_part_of_an_identity(ask: Any) -> None:
    shared = SharedPrincipal(Grants(), False, frozenset({"unit"}))
    with pytest.raises(IdentityAsked):
        ask(shared.claims)
    assert shared.was_asked


@pytest.mark.parametrize(
    "ask", [lambda given: given.get("a"), dict, len, bool, lambda given: "a" in given]
)
def test_the_extensions_of_requests_that_share_a_run_are_part_of_an_identity(ask: Any) -> None:
    shared = SharedPrincipal(Grants(), False)
    with pytest.raises(IdentityAsked):
        ask(SharedExtensions(shared))
    assert shared.was_asked
