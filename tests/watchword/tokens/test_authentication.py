"""Methods of authentication amount to a class, and only a passkey is one that resists phishing."""

from __future__ import annotations

import pytest

from watchword.auth.passkeys import passkeys
from watchword.auth.second_factor import totp
from watchword.auth.sign_in.password_checks import PASSWORD
from watchword.tokens.authentication import (
    PHISHING_RESISTANT,
    TWO_FACTORS,
    class_of,
    classes_of,
    is_by_passkey,
)


@pytest.mark.parametrize(
    ("methods", "reached"),
    [
        ([], None),
        ([PASSWORD], None),
        ([PASSWORD, *totp.METHODS], TWO_FACTORS),
        (passkeys.METHODS, PHISHING_RESISTANT),
        (["swk", "user", "mfa"], PHISHING_RESISTANT),
        ([PASSWORD, *passkeys.METHODS], PHISHING_RESISTANT),
        (["hwk"], None),
        (["pwd", "hwk", "mfa"], TWO_FACTORS),
        (["user", "pwd"], None),
        (["otp"], None),
    ],
)
def test_methods_amount_to_a_class(methods: list[str], reached: str | None) -> None:
    assert class_of(methods) == reached
    assert is_by_passkey(methods) == (reached == PHISHING_RESISTANT)
    both = {PHISHING_RESISTANT} if is_by_passkey(methods) else set()
    assert classes_of(methods) == both | ({TWO_FACTORS} if "mfa" in methods else set())
    assert reached is None or reached in classes_of(methods)
