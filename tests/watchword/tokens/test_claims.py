"""Claims become a principal. Refusals are tested with real tokens in test_verify."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.tokens import EXPECTED, claims
from watchword.errors import InvalidToken, TokenExpired, TokenNotYetValid
from watchword.formats.frozen_json import EMPTY
from watchword.tokens.claims import LONGEST_NAME, LONGEST_WAIT, OURS, check_type, principal


def test_what_may_be_missing_may_be_missing() -> None:
    made = principal(claims(100, sid=None, scope=None, roles=None), EXPECTED, 100)
    assert made.session is None
    assert not made.grants.roles
    assert not made.grants.scopes


def test_a_tenant_is_a_grant() -> None:
    assert principal(claims(100, tenant="acme"), EXPECTED, 100).grants.tenant == "acme"


def test_scopes_are_separated_by_spaces_and_nothing_else() -> None:
    made = principal(claims(100, scope="  a:b   c:d,e:f "), EXPECTED, 100)
    assert made.grants.scopes == {"a:b", "c:d,e:f"}


def test_a_missing_type_is_refused() -> None:
    with pytest.raises(InvalidToken):
        check_type({})


@pytest.mark.parametrize("name", ["sub", "jti", "client_id", "sid", "tenant"])
def test_a_name_is_no_longer_than_what_can_be_kept(name: str) -> None:
    principal(claims(100, **{name: "x" * LONGEST_NAME}), EXPECTED, 100)
    for text in ("x" * (LONGEST_NAME + 1), "a\0b", "a\nb", "\ud800", "\u202e"):
        with pytest.raises(InvalidToken) as refused:
            principal(claims(100, **{name: text}), EXPECTED, 100)
        assert refused.value.rule == name


@pytest.mark.parametrize("roles", [[""], ["x" * (LONGEST_NAME + 1)], ["keeper", "a\0b"]])
def test_a_role_has_a_name(roles: list[str]) -> None:
    with pytest.raises(InvalidToken):
        principal(claims(100, roles=roles), EXPECTED, 100)


@pytest.mark.parametrize("name", ["ver", "client_ver"])
def test_a_version_is_a_whole_number(name: str) -> None:
    for value in (1.5, True, "1", -1, 1e300, [1]):
        with pytest.raises(InvalidToken) as refused:
            principal(claims(100, **{name: value}), EXPECTED, 100)
        assert refused.value.rule == name
    made = principal(claims(100, ver=2, client_ver=3), EXPECTED, 100)
    assert (made.version, made.client_version) == (2, 3)


@pytest.mark.parametrize(
    "value",
    [None, {}, [], "x", {"jkt": ""}, {"jkt": 7}, {"x5t#S256": "x"}, {"jkt": "x", "kid": "y"}],
)
def test_a_token_that_is_bound_in_another_way_is_not_for_us(value: object) -> None:
    with pytest.raises(InvalidToken) as refused:
        principal(claims(100) | {"cnf": value}, EXPECTED, 100)
    assert refused.value.rule == "cnf"


def test_nobody_has_authenticated_in_the_future() -> None:
    assert principal(claims(100, auth_time=105), EXPECTED, 100).authenticated_at == 105
    with pytest.raises(InvalidToken) as refused:
        principal(claims(100, auth_time=106), EXPECTED, 100)
    assert refused.value.rule == "auth_time"


@pytest.mark.parametrize("name", ["nbf", "iat", "auth_time"])
def test_a_token_that_is_good_in_a_moment_is_told_from_a_forgery(name: str) -> None:
    for seconds, after in ((1, 1), (30.5, 31), (LONGEST_WAIT, 60)):
        with pytest.raises(TokenNotYetValid) as early:
            principal(claims(100, **{name: 105 + seconds}), EXPECTED, 100)
        assert (early.value.rule, early.value.extensions["retryAfter"]) == (name, after)
    with pytest.raises(InvalidToken) as refused:
        principal(claims(100, **{name: 105 + LONGEST_WAIT + 1}), EXPECTED, 100)
    assert not isinstance(refused.value, TokenNotYetValid)
    # Any other fault takes precedence: a client must not wait and retry with a forged token.
    with pytest.raises(InvalidToken) as refused:
        principal(claims(100, roles=[7], **{name: 106}), EXPECTED, 100)
    assert refused.value.rule == "roles"


def test_a_token_ends_at_the_second_without_leeway_and_begins_with_it() -> None:
    principal(claims(105), EXPECTED, 100)
    with pytest.raises(InvalidToken):
        principal(claims(106), EXPECTED, 100)
    principal(claims(0, exp=100.5), EXPECTED, 100)
    with pytest.raises(TokenExpired):
        principal(claims(0, exp=100), EXPECTED, 100)


def test_claims_that_are_not_ours_are_kept_and_those_that_rules_read_are_grants() -> None:
    reading = replace(EXPECTED, claims_read=frozenset({"unit", "level"}))
    made = principal(claims(100, unit=["law"], desk={"x": 1}), reading, 100)
    assert made.claims == {"unit": ["law"], "desk": {"x": 1}}
    assert made.grants.claims == {"unit": ["law"]}
    assert principal(claims(100, desk=1), reading, 100).grants.claims is EMPTY
    assert principal(claims(100), reading, 100).claims is EMPTY


def test_methods_are_part_of_the_grants_only_if_rules_read_them() -> None:
    said = claims(100, amr=["pwd", "mfa"], unit="law")
    assert principal(said, EXPECTED, 100).grants.claims is EMPTY
    reading = replace(EXPECTED, claims_read=frozenset({"amr", "unit"}))
    assert principal(said, reading, 100).grants.claims == {"unit": "law", "amr": ["mfa", "pwd"]}
    assert principal(claims(100), reading, 100).grants.claims is EMPTY


def test_claims_of_ours_are_no_custom_claims() -> None:
    ours = {"tenant": "t", "ver": 1, "client_ver": 1, "auth_time": 1, "cnf": {"jkt": "k"}}
    ours |= {"amr": ["pwd"], "acr": "a"}
    assert claims(100, **ours).keys() == OURS
    assert principal(claims(100, **ours), EXPECTED, 100).claims is EMPTY


def test_a_custom_claim_of_many_levels_is_refused() -> None:
    value: Any = 1
    for _ in range(500):
        value = [value]
    with pytest.raises(InvalidToken):
        principal(claims(100, unit=value), EXPECTED, 100)
