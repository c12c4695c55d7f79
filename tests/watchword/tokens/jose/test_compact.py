"""Tokens are taken apart strictly. Refusals of whole tokens are tested in test_verify."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import InvalidToken
from watchword.tokens.jose.compact import decode, header_of
from watchword.tokens.keys import encode


@given(st.binary())
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "A"])
def test_another_spelling_is_not(text: str) -> None:
    with pytest.raises(InvalidToken):
        decode(text)


def test_a_header_is_returned_as_it_is() -> None:
    parts = (b'{"a":1}', b"{}", b"x")
    assert header_of(".".join(encode(part) for part in parts)) == {"a": 1}


@given(st.text(st.characters(), max_size=200))
def test_arbitrary_text_is_decoded_to_what_gives_it_again_or_refused(text: str) -> None:
    try:
        assert encode(decode(text)) == text
    except InvalidToken:
        return
