"""JSON objects in tokens are parsed strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import InvalidToken
from watchword.tokens.members import members


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":1}', b'{"b":{"a":1,"\\u0061":2}}', b'{"b":[{"a":1,"a":1}]}']
)
def test_a_member_that_is_there_twice_is_refused_wherever_it_is(text: bytes) -> None:
    with pytest.raises(InvalidToken):
        members(text)


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
