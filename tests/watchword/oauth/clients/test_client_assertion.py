"""An assertion is accepted if its client signed it, for this server and for now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity import ORIGIN
from tests.support.oauth import RegisteredClient
from tests.support.tokens import unsigned
from watchword.errors import InvalidToken
from watchword.oauth.clients.client_assertion import Assertion, check, claimed_client
from watchword.tokens.keys import Key, generate

NOW = 1_800_000_000.0
KEY = generate("ES256", 2048)
ME = RegisteredClient("client_me", key=KEY)
JWKS = {"keys": [KEY.jwk(), generate("RS256", 2048).jwk()]}


def checked(assertion: str, jwks: object = JWKS) -> Assertion:
    return check(assertion, ME.id, jwks, issuer=ORIGIN, now=NOW, leeway=5)


def refused(assertion: str, jwks: object = JWKS) -> str:
    with pytest.raises(InvalidToken) as caught:
        checked(assertion, jwks)
    return caught.value.rule


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [ORIGIN]},
        {"iat": None},
        {"nbf": NOW},
        {"exp": NOW + 305},
        {"exp": NOW - 4},
        {"exp": NOW + 60.5},
        {"more": {"of": "this"}},
    ],
)
def test_a_good_one_is_believed(changes: dict[str, Any]) -> None:
    assertion = ME.assertion(NOW, **changes)
    assert claimed_client(assertion) == ME.id
    assert checked(assertion) == Assertion("1", changes.get("exp", NOW + 60) + 5)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "client-authentication+jwt"])
def test_it_may_say_what_it_is(typ: str) -> None:
    checked(ME.assertion(NOW, {"typ": typ}))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("iss", {"iss": "client_other"}),
        ("iss", {"iss": None}),
        ("sub", {"sub": "client_other"}),
        ("sub", {"sub": ""}),
        ("aud", {"aud": None}),
        ("aud", {"aud": f"{ORIGIN}/oauth/token"}),
        ("aud", {"aud": "https://evil.example"}),
        ("aud", {"aud": [ORIGIN, "https://evil.example"]}),
        ("aud", {"aud": [f"{ORIGIN}/oauth/token", ORIGIN]}),
        ("aud", {"aud": []}),
        ("exp", {"exp": None}),
        ("exp", {"exp": NOW - 5}),
        ("exp", {"exp": NOW + 306}),
        ("exp", {"exp": 10**15}),
        ("nbf", {"nbf": NOW + 6}),
        ("iat", {"iat": NOW + 6}),
        ("jti", {"jti": None}),
        ("jti", {"jti": ""}),
        ("jti", {"jti": "x" * 256}),
        ("jti", {"jti": "a\x00b"}),
    ],
)
def test_one_that_says_something_else_is_not(rule: str, changes: dict[str, Any]) -> None:
    assert refused(ME.assertion(NOW, **changes)) == rule


@pytest.mark.parametrize(
    ("rule", "header"),
    [
        ("typ", {"typ": "at+jwt"}),
        ("typ", {"typ": "dpop+jwt"}),
        ("typ", {"typ": 1}),
        ("kid", {"kid": "another"}),
        ("header jwk", {"jwk": KEY.jwk()}),
        ("header jku", {"jku": "https://evil.example/jwks"}),
        ("header x5u", {"x5u": "https://evil.example/x5u"}),
        ("header crit", {"crit": ["exp"]}),
    ],
)
def test_nor_is_one_of_another_kind(rule: str, header: dict[str, Any]) -> None:
    assert refused(ME.assertion(NOW, header)) == rule


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", "", None, ["ES256"], 1])
def test_nor_by_another_algorithm_than_the_keys(alg: Any) -> None:
    claims = {"iss": ME.id, "sub": ME.id, "aud": ORIGIN, "exp": NOW + 60, "jti": "1"}
    assert refused(unsigned({"alg": alg, "kid": KEY.kid}, claims)) == "alg"


@pytest.mark.parametrize("kid", [None, 1, ["a"], {"a": 1}, ""])
def test_nor_with_a_key_that_is_not_named(kid: Any) -> None:
    assert refused(unsigned({"alg": "ES256", "kid": kid}, {})) == "kid"


def test_nor_one_that_another_key_signed() -> None:
    other = generate("ES256", 2048)
    forged = RegisteredClient(ME.id, key=Key(KEY.kid, "ES256", other.private))
    assert refused(forged.assertion(NOW)) == "signature"


@pytest.mark.parametrize("jwks", [None, {}, {"keys": []}, {"keys": [7]}])
def test_nor_without_keys(jwks: object) -> None:
    assert refused(ME.assertion(NOW), jwks) in ("kid", "jwks")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "x" * 9000])
def test_what_is_no_token_is_nobodys(text: str) -> None:
    with pytest.raises(InvalidToken):
        claimed_client(text)
