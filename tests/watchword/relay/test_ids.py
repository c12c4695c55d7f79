"""A global id is issued in one form, and accepted in that form only."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import BadUserInput
from watchword.relay.ids import LONGEST, MOST_KEPT, _kept, decode_id, encode_id, parse_id

GOOD = encode_id("Toy", "bear")
names = st.from_regex(r"[_A-Za-z][_0-9A-Za-z]{0,20}", fullmatch=True)
keys = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)


def raw(content: bytes) -> str:
    return urlsafe_b64encode(content).decode()


def test_an_id_is_opaque_and_names_its_type() -> None:
    assert "bear" not in GOOD
    assert b64decode(GOOD) == b"Toy:bear"


@given(names, keys.filter(lambda key: len(key.encode()) < 100))
def test_what_is_encoded_comes_back(type_name: str, key: str) -> None:
    id = encode_id(type_name, key)
    assert parse_id(id) == (type_name, key)
    assert decode_id(id, type_name) == key


@given(names, names, keys)
def test_no_two_things_share_an_id(one: str, other: str, key: str) -> None:
    assert (encode_id(one, key) == encode_id(other, key)) is (one == other)


def test_ids_that_are_kept_are_bounded_and_those_of_clients_are_not_kept() -> None:
    before = _kept.cache_info()
    encode_id("Toy", "b" * (LONGEST + 1))
    with pytest.raises(BadUserInput):
        parse_id(raw(b"Toy:bear") + "=")
    parse_id(GOOD)
    assert _kept.cache_info() == before
    assert before.maxsize == MOST_KEPT


def test_a_key_may_hold_the_sign_that_follows_the_type() -> None:
    assert parse_id(encode_id("Toy", "a:b:c")) == ("Toy", "a:b:c")


def test_an_id_fits_into_a_url_as_it_is() -> None:
    id = encode_id("Toy", "??>>~~ÿÿ")
    assert set("+/") & set(b64decode(id, altchars=b"-_").decode()) == set()
    assert not set("+/") & set(id)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "=",
        "bear",
        "Toy:bear",
        "!",
        "\x00",
        "é",
        "\ud800",
        raw(b"Toy"),
        raw(b"Toy:"),
        raw(b"\xff\xfe:bear"),
        raw(b"Toy:be\x00ar"),
        raw(b"Toy:\x00"),
        raw(b"Toy:" + b"x" * LONGEST),
        "A" * 1_000_000,
    ],
    ids=lambda id: repr(id[:20]),
)
def test_what_is_no_id_of_ours_is_refused(id: str) -> None:
    with pytest.raises(BadUserInput, match="no id of ours"):
        parse_id(id)


@pytest.mark.parametrize(
    "id",
    [
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD[:4]}\n{GOOD[4:]}",
        f"!{GOOD}",
        f"{GOOD}=",
        f"{GOOD}====",
        GOOD.rstrip("="),
        # The decoder ignores the spare bits of the last character.
        GOOD.replace("I=", "J="),
        encode_id("Toy", "??>").replace("_", "/"),
    ],
)
def test_another_spelling_of_an_id_is_refused(id: str) -> None:
    with pytest.raises(BadUserInput, match="no id of ours"):
        parse_id(id)


def test_the_id_of_something_else_is_refused_by_type() -> None:
    with pytest.raises(BadUserInput, match=r"not of Box\."):
        decode_id(GOOD, "Box")


def test_a_refusal_names_the_argument_and_does_not_repeat_it() -> None:
    for id in ("<script>", GOOD):
        with pytest.raises(BadUserInput) as refusal:
            decode_id(id, "Box", ["input", "ids", 2])
        assert refusal.value.extensions["path"] == ["input", "ids", 2]
        assert id not in refusal.value.message


def test_a_refusal_names_the_argument_id_unless_told_otherwise() -> None:
    with pytest.raises(BadUserInput) as refusal:
        parse_id("x")
    assert refusal.value.extensions["path"] == ["id"]


@given(st.text() | st.from_regex(r"[-_0-9A-Za-z]+=*", fullmatch=True))
def test_any_text_is_an_id_of_ours_or_refused(text: str) -> None:
    try:
        parts = parse_id(text)
    except BadUserInput:
        return
    assert encode_id(*parts) == text


@given(st.binary())
def test_any_forged_content_is_an_id_of_ours_or_refused(content: bytes) -> None:
    id = raw(content)
    try:
        type_name, key = parse_id(id)
    except BadUserInput:
        return
    assert f"{type_name}:{key}".encode() == content
