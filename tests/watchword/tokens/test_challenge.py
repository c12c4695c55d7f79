"""The challenge for a refused token, by RFC 6750 and RFC 9449."""

from __future__ import annotations

import pytest

from watchword.errors import InvalidProof, InvalidToken, NonceNeeded, TokenExpired, WatchwordError
from watchword.tokens.challenge import challenge, step_up_challenge


@pytest.mark.parametrize("error", [InvalidToken("signature"), TokenExpired()])
def test_a_refused_token_is_invalid_whatever_the_rule(error: WatchwordError) -> None:
    said = challenge(error)
    assert said.startswith('Bearer realm="watchword", error="invalid_token", error_description="')
    assert "signature" not in said
    assert challenge(error, bound=True).startswith('DPoP realm="watchword", error="invalid_token"')


def test_who_has_shown_no_token_hears_of_none() -> None:
    assert challenge() == 'Bearer realm="watchword"'
    assert challenge(bound=True).startswith('DPoP realm="watchword", algs="')


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (InvalidProof("iat"), "invalid_dpop_proof"),
        (InvalidProof("a bound token as Bearer", error="invalid_token"), "invalid_token"),
        (NonceNeeded("n"), "use_dpop_nonce"),
    ],
)
def test_a_refused_proof_says_which_algorithms_are_good(error: InvalidProof, name: str) -> None:
    said = challenge(error)
    assert said.startswith(f'DPoP realm="watchword", error="{name}"')
    assert 'algs="' in said
    assert " ES256 " in said
    assert "iat" not in said


@pytest.mark.parametrize(
    ("max_age", "classes", "said"),
    [
        (60, (), ', max_age="60"'),
        (None, ("b", "a"), ', acr_values="b a"'),
        (0, ("a",), ', acr_values="a", max_age="0"'),
    ],
)
def test_a_new_authentication_is_asked_for_by_age_and_class(
    max_age: int | None, classes: tuple[str, ...], said: str
) -> None:
    name = ' realm="watchword", error="insufficient_user_authentication"'
    assert step_up_challenge(max_age, classes, bound=False) == f"Bearer{name}{said}"
    assert step_up_challenge(max_age, classes, bound=True) == f"DPoP{name}{said}"
