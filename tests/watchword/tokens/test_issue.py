"""Issued tokens are small, follow the profile, and are accepted by our own verifier."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.tokens import AUDIENCE, ISSUER, claims, key, signed, verifier
from watchword.errors import InvalidToken
from watchword.tokens.authentication import PHISHING_RESISTANT, TWO_FACTORS
from watchword.tokens.issue import TokenIssuer
from watchword.tokens.jose.compact import decode
from watchword.tokens.keys import KeyRing
from watchword.tokens.members import members

ROLES = ["viewer", "responder", "commander", "admin"]
SCOPES = ["incidents:read", "incidents:write", "incidents:internal", "components:write",
          "members:read", "members:write", "clients:write", "audit:read", "connections:write", "keys:write",
          "documents:any"]  # fmt: skip


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_token_is_small_and_in_profile(algorithm: str, clock: MovedClock) -> None:
    made = key(algorithm)
    issued = TokenIssuer(ISSUER, AUDIENCE, 600).issue(
        KeyRing((made,)), subject="alice", roles=ROLES, scopes=SCOPES, session="s1", now=clock.now()
    )
    assert len(issued.token) < 1024 + (256 if algorithm == "RS256" else 0)
    said = members(decode(issued.token.split(".")[1]))
    assert set(said) == {
        "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "client_id", "scope", "roles",
    }  # fmt: skip
    assert (issued.expires_in, issued.expires_at) == (600, said["exp"])
    assert issued.scope == " ".join(sorted(SCOPES))
    principal = verifier(clock, made).verify(issued.token)
    assert principal.grants.scopes == set(SCOPES)
    assert "eyJ" not in repr(issued)


def test_no_two_tokens_are_the_same(clock: MovedClock) -> None:
    ring = KeyRing((key(),))
    issuer = TokenIssuer(ISSUER, AUDIENCE, 600)
    tokens = {
        issuer.issue(ring, subject="a", roles=[], scopes=[], session=None, now=clock.now()).token
        for _ in range(10)
    }
    assert len(tokens) == 10


def test_a_clients_token_says_which_version_of_it_got_it(clock: MovedClock) -> None:
    made = key()
    issued = TokenIssuer(ISSUER, AUDIENCE, 600).issue(
        KeyRing((made,)),
        subject="c",
        roles=[],
        scopes=[],
        session=None,
        now=clock.now(),
        client_id="c",
        client_version=3,
    )
    principal = verifier(clock, made).verify(issued.token)
    assert (principal.client, principal.client_version, principal.version) == ("c", 3, 0)


@pytest.mark.parametrize("wrong", ["3", True, None, [], -1, 10**15])
def test_a_client_version_that_is_no_number_is_refused(wrong: object, clock: MovedClock) -> None:
    made = key()
    token = signed(made, claims(clock.now()) | {"client_ver": wrong})
    with pytest.raises(InvalidToken) as caught:
        verifier(clock, made).verify(token)
    assert caught.value.rule == "client_ver"


def test_custom_claims_are_added_and_change_none_of_ours(clock: MovedClock) -> None:
    ring, issuer = KeyRing((key(),)), TokenIssuer(ISSUER, AUDIENCE, 600)
    given = {"unit": "law", "sub": "eve", "exp": 9**9}
    rest: dict[str, Any] = {"roles": [], "scopes": [], "session": "s", "now": clock.now()}
    issued = issuer.issue(ring, subject="alice", custom=given, **rest)
    said = members(decode(issued.token.split(".")[1]))
    assert (said["unit"], said["sub"], said["exp"]) == ("law", "alice", issued.expires_at)
    app = issuer.issue(ring, subject="alice", client_id="app", custom=given, **rest)
    assert "unit" not in members(decode(app.token.split(".")[1]))


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ([], {}),
        (["pwd"], {"amr": ["pwd"]}),
        (["pwd", "otp", "mfa"], {"amr": ["mfa", "otp", "pwd"], "acr": TWO_FACTORS}),
        (["hwk", "user", "mfa"], {"amr": ["hwk", "mfa", "user"], "acr": PHISHING_RESISTANT}),
    ],
)
def test_a_token_says_how_its_person_authenticated(
    methods: list[str], said: dict[str, Any], clock: MovedClock
) -> None:
    made = key()
    given: dict[str, Any] = {"subject": "a", "roles": [], "scopes": [], "session": "s"}
    issued = TokenIssuer(ISSUER, AUDIENCE, 600).issue(
        KeyRing((made,)), now=clock.now(), methods=methods, **given
    )
    claimed = members(decode(issued.token.split(".")[1]))
    principal = verifier(clock, made).verify(issued.token)
    assert claimed.get("amr") == said.get("amr")
    assert principal.methods == set(methods)
    assert principal.context_class == said.get("acr")
    assert len(issued.token) < 1024
    assert not principal.claims


@pytest.mark.parametrize("name", ["amr", "acr"])
@pytest.mark.parametrize("wrong", [1, True, None, {}, [1], [""], [["pwd"]], ["a" * 301], "", "\n"])
def test_methods_and_classes_that_are_none_are_refused(
    name: str, wrong: object, clock: MovedClock
) -> None:
    made = key()
    with pytest.raises(InvalidToken) as caught:
        verifier(clock, made).verify(signed(made, claims(clock.now()) | {name: wrong}))
    assert caught.value.rule == name
