"""Credentials are read strictly, from headers and from connection_init."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import InvalidProof, InvalidToken
from watchword.process.log_setup import redact
from watchword.tokens.credential import (
    BEARER,
    DPOP,
    Credential,
    from_handshake,
    from_headers,
    from_payload,
    in_url,
    proof_of,
    uses_dpop,
)

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
    "Bearer a\x00",
    "Bearer a\n",
    "Bearer\xa0a",
    "\x0bBearer a",
    "Bearer a=b",
    "Bearer a, DPoP b",
    "Bearer Bearer a",
    "DPoP",
    "DPoP a b",
    "Beareſ a",
]


@pytest.mark.parametrize("value", GOOD)
def test_one_bearer_token_is_found(value: str) -> None:
    assert from_headers([(b"authorization", value.encode())]) == Credential("a.b-c_d")
    assert from_payload({"Authorization": value}) == Credential("a.b-c_d")


@pytest.mark.parametrize("value", BAD)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(InvalidToken):
        from_headers([(b"authorization", value.encode())])
    with pytest.raises(InvalidToken):
        from_payload({"authorization": value})


@pytest.mark.parametrize("value", ["DPoP a.b-c_d", "dpop a.b-c_d", "DPOP   a.b-c_d "])
def test_a_bound_token_is_found_with_its_proof(value: str) -> None:
    found = Credential("a.b-c_d", DPOP, "x.y.z")
    assert from_headers([(b"authorization", value.encode()), (b"dpop", b"x.y.z")]) == found
    assert from_payload({"authorization": value, "DPoP": "x.y.z"}) == found
    assert from_payload({"headers": {"Authorization": value, "DPoP": "x.y.z"}}) == found
    assert from_payload({"authorization": value}) == Credential("a.b-c_d", DPOP)


def test_two_proofs_are_refused() -> None:
    two = [(b"dpop", b"x"), (b"dpop", b"x")]
    with pytest.raises(InvalidProof):
        from_headers([(b"authorization", b"DPoP a"), *two])
    with pytest.raises(InvalidProof):
        proof_of(two)
    with pytest.raises(InvalidProof):
        from_payload({"authorization": "DPoP a", "dpop": "x", "headers": {"DPoP": "y"}})
    assert proof_of(two[:1]) == "x"
    assert proof_of([]) is None


def test_handshake_and_payload_say_one_thing() -> None:
    shown = [(b"authorization", b"DPoP a"), (b"dpop", b"x")]
    found = Credential("a", DPOP, "x")
    assert from_handshake(shown, None) == found
    assert from_handshake(shown, {"authorization": "dpop a", "dpop": "x"}) == found
    assert from_handshake(shown[:1], {"dpop": "x"}) == found
    for payload in ({"authorization": "DPoP b"}, {"authorization": "Bearer a"}):
        with pytest.raises(InvalidToken):
            from_handshake(shown, payload)
    with pytest.raises(InvalidProof):
        from_handshake(shown, {"dpop": "y"})


@pytest.mark.parametrize("value", [b"", b" ", b"\t"])
def test_an_empty_value_is_no_credential(value: bytes) -> None:
    assert from_headers([(b"authorization", value)]) is None
    assert from_handshake([(b"authorization", value)], {"authorization": "Bearer a"}) == Credential(
        "a"
    )


def test_two_headers_are_refused_even_when_one_is_empty() -> None:
    with pytest.raises(InvalidToken):
        from_headers([(b"authorization", b"Bearer a"), (b"authorization", b"")])


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


def test_a_token_never_shows_in_a_representation_nor_does_its_proof() -> None:
    assert "secret" not in repr(Credential("secret", DPOP, "secret"))


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        (b"access_token=a", True),
        (b"x=1&ACCESS_TOKEN=", True),
        (b"access%5Ftoken=a", True),
        (b"query=access_token", False),
        (b"", False),
        (b"\xff=%ff", False),
    ],
)
def test_a_token_in_the_url_is_seen(query: bytes, is_there: bool) -> None:
    assert in_url(query) is is_there


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ([(b"authorization", b"Bearer secret secret")], "not one scheme and token"),
        ([(b"authorization", b"Basic secret")], "not one scheme and token"),
        ([(b"dpop", b"secret"), (b"dpop", b"secret")], "several proof headers"),
    ],
)
def test_the_log_says_which_rule_and_never_the_value(
    headers: list[tuple[bytes, bytes]], rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"), pytest.raises((InvalidToken, InvalidProof)):
        from_headers(headers)
        proof_of(headers)
    # Check the formatted line: the formatter hides what looks like a secret.
    written = redact(caplog.messages[0])
    assert written == f"a credential was refused by the rule: {rule}"


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["authorization", "Dpop", "headers", "x"]), inner)
    ),
)


@given(json)
def test_a_payload_of_any_shape_does_no_harm(payload: Any) -> None:
    try:
        found = from_payload(payload)
    except (InvalidToken, InvalidProof):
        return
    assert found is None or isinstance(found, Credential)


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"dpop"]), st.binary()), max_size=3))
def test_header_bytes_of_any_kind_do_no_harm(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        found = from_headers(headers)
    except (InvalidToken, InvalidProof):
        return
    assert found is None or isinstance(found, Credential)


WORDS = st.sampled_from(
    ["Bearer", "bEARER", "DPoP", " ", "  ", "\t", ",", "a.b-c_d", "x", "=", '"']
)


@given(st.lists(WORDS, max_size=8).map("".join))
def test_whatever_is_taken_is_one_scheme_and_one_token(value: str) -> None:
    """The same grammar, written in another way."""
    try:
        found = from_headers([(b"authorization", value.encode())])
    except InvalidToken:
        return
    if found is None:
        assert not value.strip(" \t")
        return
    scheme, space, token = value.strip(" \t").partition(" ")
    assert scheme.lower() == found.scheme in (BEARER, DPOP)
    assert space
    assert token.lstrip(" ") == found.token
    assert not set(found.token) & set(' \t,"')
    assert "=" not in found.token.rstrip("=")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], False),
        ([("authorization", "Bearer a")], False),
        ([("authorization", "Bearer a"), ("dpop", "x")], False),
        ([("authorization", "DPoP a")], True),
        ([("authorization", " dpop a b")], True),
        ([("authorization", "Bearer a"), ("authorization", "DPoP a")], True),
        ([("dpop", "x")], True),
    ],
)
def test_a_request_uses_dpop_by_its_scheme_or_else_by_a_proof(
    headers: list[tuple[str, str]], expected: bool
) -> None:
    assert uses_dpop([(name.encode(), value.encode()) for name, value in headers]) is expected
