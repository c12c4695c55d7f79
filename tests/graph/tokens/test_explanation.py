"""An operator learns what is in a token, and why it would be refused."""

from __future__ import annotations

import pytest

from graph.tokens.explanation import explain
from tests.support.clock import MovedClock
from tests.support.tokens import claims, key, signed, verifier

KEY = key()


def test_every_claim_of_a_good_token_is_explained(clock: MovedClock) -> None:
    token = signed(KEY, claims(clock.now()))
    explanation = explain(token, verifier(clock, KEY), clock.now())
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
    explanation = explain(token, verifier(clock, KEY), clock.now())
    assert explanation.refused is not None
    assert words in explanation.refused
    assert explanation.lines


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.W10.e30"])
def test_what_is_no_token_has_no_lines(token: str, clock: MovedClock) -> None:
    explanation = explain(token, verifier(clock, KEY), clock.now())
    assert explanation.refused
    assert explanation.lines == ()
