"""Claims to principal. What is refused is in test_verify, with real tokens."""

from __future__ import annotations

import pytest

from graph.errors import InvalidToken
from graph.tokens.claims import check_type, principal
from tests.support.tokens import EXPECTED, claims


def test_what_may_be_missing_may_be_missing() -> None:
    made = principal(claims(100, sid=None, nbf=None, scope=None, roles=None), EXPECTED, 100)
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
