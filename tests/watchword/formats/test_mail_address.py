"""How e-mail addresses are stored, and how they are compared."""

from __future__ import annotations

import pytest

from watchword.formats.mail_address import canonical, folded, is_address

COMPOSED, APART = "Jos\u00e9@example.com", "Jose\u0301@example.com"


@pytest.mark.parametrize("typed", [COMPOSED, APART, f" {COMPOSED}", f"{APART}\u00a0\n"])
def test_an_address_is_kept_composed_and_without_the_space_that_a_phone_appends(typed: str) -> None:
    assert canonical(typed) == COMPOSED


@pytest.mark.parametrize("typed", [COMPOSED, APART, COMPOSED.upper(), APART.upper(), f"{APART} "])
def test_an_address_is_one_however_it_is_typed(typed: str) -> None:
    assert folded(typed) == "jos\u00e9@example.com"


def test_what_looks_alike_is_not_one() -> None:
    # RFC 6532, section 3.1: NFKC would make these two mailboxes equal.
    assert folded("\ufb01@example.com") == folded("fi@example.com")  # by case folding, as ever
    assert folded("a\u00b2@example.com") != folded("a2@example.com")
    assert folded("\uff41@example.com") != folded("a@example.com")


@pytest.mark.parametrize("address", ["a@b", COMPOSED, "stra\u00dfe@example.com", "a@b@c"])
def test_what_can_be_an_address(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b",
        "a@",
        "a b@c",
        "a\u00a0b@c",
        "a\x00@b",
        "a\u202e@b",
        "a@\ud800",
        "x" * 320 + "@b",
    ],
)
def test_what_cannot(address: str) -> None:
    assert not is_address(address)
