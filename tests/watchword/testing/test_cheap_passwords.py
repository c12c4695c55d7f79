"""Passwords are cheap inside of the block, and cost again afterwards what they cost before."""

from __future__ import annotations

from watchword.auth.sign_in import passwords
from watchword.testing.cheap_passwords import cheap_passwords


async def test_passwords_are_cheap_for_a_block(dear_passwords: None) -> None:
    before = passwords.hasher
    with cheap_passwords():
        hash = await passwords.make_hash("correct horse battery")
        assert "m=8," in hash
        assert await passwords.matching_form("correct horse battery", hash)
        assert await passwords.matching_form("correct horse battery", None) is None
    assert passwords.hasher is before
    assert passwords.is_outdated(hash, "correct horse battery")
