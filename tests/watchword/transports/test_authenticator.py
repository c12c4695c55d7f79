"""All transports authenticate in the same way."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from watchword.errors import InvalidToken, TokenExpired
from watchword.principal import ANONYMOUS, Principal
from watchword.tokens.credential import Credential
from watchword.tokens.dpop import Target
from watchword.transports.authenticator import authenticator

TARGET = Target("POST", "/graphql")


async def verify(credential: Credential, target: Target) -> Principal:
    if credential.token != "good" or target is not TARGET:
        raise InvalidToken("signature")
    return Principal("alice")


async def test_no_credential_is_anonymous() -> None:
    assert await authenticator(verify, MovedClock(), 30)(None, TARGET) is ANONYMOUS


async def test_a_good_one_is_its_principal() -> None:
    assert await authenticator(verify, MovedClock(), 30)(Credential("good"), TARGET) == Principal(
        "alice"
    )


async def test_a_bad_one_is_never_anonymous() -> None:
    with pytest.raises(InvalidToken):
        await authenticator(verify, MovedClock(), 30)(Credential("bad"), TARGET)


async def test_a_credential_that_was_verified_before_is_not_verified_again() -> None:
    known = {"bob": Principal("bob")}
    authenticate = authenticator(verify, MovedClock(), 30, lambda shown: known.get(shown.token))
    assert await authenticate(Credential("bob"), TARGET) is known["bob"]
    assert await authenticate(Credential("good"), TARGET) == Principal("alice")
    assert await authenticate(None, TARGET) is ANONYMOUS


async def test_what_is_wrong_with_a_known_credential_is_raised() -> None:
    def recall(_: Credential) -> Principal:
        raise TokenExpired

    with pytest.raises(TokenExpired):
        await authenticator(verify, MovedClock(), 30, recall)(Credential("good"), TARGET)
