"""One call for every door."""

from __future__ import annotations

import pytest

from graph.errors import InvalidToken
from graph.principal import ANONYMOUS, Principal
from graph.transports.authenticate import authenticator
from graph.transports.credential import Credential


async def verify(token: str) -> Principal:
    if token != "good":
        raise InvalidToken("signature")
    return Principal("alice")


async def test_no_credential_is_anonymous() -> None:
    assert await authenticator(verify)(None) is ANONYMOUS


async def test_a_good_one_is_its_principal() -> None:
    assert await authenticator(verify)(Credential("good")) == Principal("alice")


async def test_a_bad_one_is_never_anonymous() -> None:
    with pytest.raises(InvalidToken):
        await authenticator(verify)(Credential("bad"))
