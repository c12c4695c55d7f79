"""Opaque tokens are random, and stored by a hash that does not change between releases."""

from __future__ import annotations

from watchword.tokens.opaque import generate, stored_hash


def test_a_token_has_256_random_bits() -> None:
    tokens = {generate() for _ in range(100)}
    assert len(tokens) == 100
    # 43 characters of base64url hold 32 bytes.
    assert {len(token) for token in tokens} == {43}


def test_the_hash_is_that_of_the_rows_that_exist() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert stored_hash("abc") == expected
