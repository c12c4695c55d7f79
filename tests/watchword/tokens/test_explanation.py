"""A token is explained to an operator: its claims, and why it would be refused."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.tokens import claims, key, signed, verifier
from watchword.errors import InvalidToken, TokenRevoked, Unavailable, WatchwordError
from watchword.tokens.explanation import Explanation, explain

KEY = key()


def explained(token: str, clock: MovedClock) -> Explanation:
    refused: WatchwordError | None = None
    try:
        verifier(clock, KEY).verify(token)
    except WatchwordError as error:
        refused = error
    return explain(token, refused, clock.now())


def test_every_claim_of_a_good_token_is_explained(clock: MovedClock) -> None:
    token = signed(KEY, claims(clock.now()))
    explanation = explained(token, clock)
    assert explanation.refused is None
    shown = {line.name: line for line in explanation.lines}
    assert set(shown) == {"typ", "alg", "kid", *claims(0)}
    assert shown["exp"].meaning == "ends 2027-01-15T08:10:00Z, in 600 s"
    assert all(line.meaning != "not a claim of ours" for line in explanation.lines)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"aud": "other"}, "another audience"), ({"exp": 5}, "expired"), ({"roles": "x"}, "roles")],
)
def test_a_refused_token_says_why(
    changes: dict[str, object], words: str, clock: MovedClock
) -> None:
    token = signed(KEY, claims(clock.now(), **changes))
    explanation = explained(token, clock)
    assert explanation.refused is not None
    assert words in explanation.refused
    assert explanation.lines


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.W10.e30"])
def test_what_is_no_token_has_no_lines(token: str, clock: MovedClock) -> None:
    explanation = explained(token, clock)
    assert explanation.refused
    assert explanation.lines == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidToken("kid"), "no key of idp has this id"),
        (InvalidToken("aud"), "another audience than idp has in WATCHWORD_TRUSTED_ISSUERS"),
        (InvalidToken("signature"), "its signature does not fit"),
        (TokenRevoked(), "its account is disabled, or was signed out"),
        (Unavailable("The provider cannot be reached. Try again."), "cannot be reached. Try again"),
    ],
)
def test_a_refused_token_of_another_issuer_says_why(
    error: WatchwordError, words: str, clock: MovedClock
) -> None:
    refused = explain(signed(KEY, claims(clock.now())), error, clock.now(), "idp").refused
    assert refused is not None
    assert words in refused
