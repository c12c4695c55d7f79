"""The credential is read strictly, from headers and from connection_init alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import InvalidToken
from graph.transports.credential import Credential, from_headers, from_payload

GOOD = ["Bearer a.b-c_d", "bearer a.b-c_d", "BEARER  a.b-c_d", " Bearer a.b-c_d\t"]
BAD = [
    "a.b-c_d",
    "Bearer",
    "Bearer a b",
    "Bearer a,b",
    "Basic a",
    "Bearer\ta",
    "Bearera",
    "Bearer ä",
]


@pytest.mark.parametrize("value", GOOD)
def test_one_bearer_token_is_found(value: str) -> None:
    assert from_headers([(b"authorization", value.encode())]) == Credential("a.b-c_d")
    assert from_payload({"Authorization": value}) == Credential("a.b-c_d")


@pytest.mark.parametrize("value", BAD)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(InvalidToken):
        from_headers([(b"authorization", value.encode("latin-1"))])
    with pytest.raises(InvalidToken):
        from_payload({"authorization": value})


def test_two_headers_are_refused_even_when_equal() -> None:
    with pytest.raises(InvalidToken):
        from_headers([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")])


def test_two_different_values_in_a_payload_are_refused() -> None:
    with pytest.raises(InvalidToken):
        from_payload({"authorization": "Bearer a", "Authorization": "Bearer b"})
    with pytest.raises(InvalidToken):
        from_payload({"authorization": "Bearer a", "headers": {"Authorization": "Bearer b"}})


@pytest.mark.parametrize(
    "payload",
    [None, {}, [], "x", 7, {"authorization": None}, {"headers": []}, {"authorization": ""}],
)
def test_no_token_is_no_credential(payload: Any) -> None:
    assert from_payload(payload) is None


def test_other_headers_are_not_looked_at() -> None:
    assert from_headers([(b"cookie", b"Bearer a"), (b"x-authorization", b"Bearer a")]) is None


def test_a_token_never_shows_in_a_representation() -> None:
    assert "secret" not in repr(Credential("secret"))


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["authorization", "headers", "x"]), inner)
    ),
)


@given(json)
def test_a_payload_of_any_shape_does_no_harm(payload: Any) -> None:
    try:
        found = from_payload(payload)
    except InvalidToken:
        return
    assert found is None or isinstance(found, Credential)


@given(st.lists(st.binary()))
def test_header_bytes_of_any_kind_do_no_harm(values: list[bytes]) -> None:
    try:
        from_headers([(b"authorization", value) for value in values])
    except InvalidToken:
        return
