"""Taking a token apart, strictly. What it refuses in whole tokens is in test_verify."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import InvalidToken
from graph.tokens.compact import decode, header_of, members
from graph.tokens.keys import encode


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


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(InvalidToken):
        members(b'{"a":' * 100_000)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 21, "1" * 1_000_000, "01", "+1", ".5"]
)  # fmt: skip
def test_a_number_without_end_is_refused_wherever_it_is(number: str) -> None:
    for text in ('{"a":%s}', '{"a":[1,{"b":%s}]}'):
        with pytest.raises(InvalidToken):
            members((text % number).encode())


def test_a_number_of_64_bits_is_read() -> None:
    text = b'{"a":18446744073709551615,"b":-9223372036854775808,"c":-1.5e10}'
    assert members(text) == {"a": 2**64 - 1, "b": -(2**63), "c": -1.5e10}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_are_an_object_or_refused(data: bytes) -> None:
    try:
        assert isinstance(members(data), dict)
    except InvalidToken:
        return


@given(st.text(st.characters(), max_size=200))
def test_arbitrary_text_is_decoded_to_what_gives_it_again_or_refused(text: str) -> None:
    try:
        assert encode(decode(text)) == text
    except InvalidToken:
        return
