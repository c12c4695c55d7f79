"""Relay's four arguments, and cursors that a client may have changed or made up."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import BadUserInput
from watchword.relay.page import (
    DEFAULT,
    LONGEST_CURSOR,
    MAXIMUM,
    Page,
    decode_cursor,
    encode_cursor,
    page,
)

MOMENT = datetime(2027, 1, 15, 8, 0, 0, 123456, UTC)
VALUES = {
    str: st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
}
kinds = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def raw(content: Any) -> str:
    """A forged cursor."""
    text = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":"))
    data = text if isinstance(text, bytes) else text.encode()
    return urlsafe_b64encode(data).decode().rstrip("=")


def refused(cursor: str, *kinds: type) -> BadUserInput:
    with pytest.raises(BadUserInput, match="not from this list in this order") as refusal:
        decode_cursor(cursor, "toys", kinds, "after")
    return refusal.value


def test_without_arguments_it_is_the_first_page() -> None:
    assert page(None, None, None, None) == Page(DEFAULT, None, None, backward=False)


def test_first_goes_forward_and_last_goes_backward() -> None:
    assert page(3, "a", None, "b") == Page(3, "a", "b", backward=False)
    assert page(None, "a", 3, "b") == Page(3, "a", "b", backward=True)


def test_the_default_is_never_more_than_the_maximum() -> None:
    assert page(None, None, None, None, maximum=5).size == 5


@pytest.mark.parametrize("size", [0, 1, MAXIMUM])
def test_a_size_within_the_limits_is_taken(size: int) -> None:
    assert page(size, None, None, None).size == size
    assert page(None, None, size, None).size == size


@pytest.mark.parametrize("size", [-1, MAXIMUM + 1, 2**31 - 1, -(2**31)])
def test_a_size_beyond_the_limits_is_refused_by_name(size: int) -> None:
    for name, arguments in (("first", (size, None)), ("last", (None, size))):
        with pytest.raises(BadUserInput, match=f"^{name} must be between 0 and 100") as refusal:
            page(arguments[0], None, arguments[1], None)
        assert refusal.value.extensions["path"] == [name]


def test_another_maximum_is_named_in_its_refusal() -> None:
    with pytest.raises(BadUserInput, match="between 0 and 5"):
        page(6, None, None, None, maximum=5)


def test_the_first_and_the_last_together_are_refused() -> None:
    with pytest.raises(BadUserInput) as refusal:
        page(1, None, 1, None)
    assert refusal.value.extensions["path"] == ["last"]


@given(st.data(), kinds)
def test_what_is_encoded_comes_back(data: st.DataObject, kinds: Sequence[type]) -> None:
    values = [data.draw(VALUES[kind]) for kind in kinds]
    assert decode_cursor(encode_cursor("toys", values), "toys", kinds, "after") == values


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_comes_back_whatever_its_time_zone(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        return
    [found] = decode_cursor(encode_cursor("toys", [moment]), "toys", [datetime], "after")
    assert found == expected


def test_one_moment_has_one_cursor() -> None:
    east = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert encode_cursor("toys", [east]) == encode_cursor("toys", [MOMENT])


def test_a_long_text_comes_back() -> None:
    # The longest e-mail address, in the characters that take most bytes.
    text = "𝕏" * 320
    assert decode_cursor(encode_cursor("toys", [text]), "toys", [str], "after") == [text]


def test_a_cursor_fits_into_a_url_as_it_is() -> None:
    cursor = encode_cursor("toys", ["??>>~~ÿÿ", MOMENT])
    assert not set("+/=&?%") & set(cursor)


@pytest.mark.parametrize(
    ("cursor", "given"),
    [
        (encode_cursor("boxes", ["bear"]), [str]),
        (encode_cursor("toys", ["bear"]), [str, str]),
        (encode_cursor("toys", ["bear", "car"]), [str]),
        (encode_cursor("toys", []), [str]),
        (encode_cursor("toys", ["bear"]), [int]),
        (encode_cursor("toys", ["bear"]), [datetime]),
        (encode_cursor("toys", [7]), [str]),
        (encode_cursor("toys", [7]), [datetime]),
        (encode_cursor("toys", [7]), [float]),
        (encode_cursor("toys", [MOMENT, "bear"]), [str, datetime]),
    ],
)
def test_a_cursor_of_another_list_or_order_is_refused(cursor: str, given: list[type]) -> None:
    refused(cursor, *given)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", str),
        (b"{", str),
        (b"\xff\xfe", str),
        ("toys", str),
        (7, str),
        (None, str),
        ([], str),
        ({"toys": 1, "bear": 2}, str),
        (["toys", None], str),
        (["toys", True], int),
        (["toys", 1.5], int),
        (["toys", 2**63], int),
        (["toys", -(2**63) - 1], int),
        (["toys", 10**400], int),
        (["toys", ["bear"]], str),
        (["toys", {"a": 1}], str),
        (["toys", "be\x00ar"], str),
        (b'["toys","\\ud800"]', str),
        (["toys", "yesterday"], datetime),
        (["toys", "2027-01-15T08:00:00"], datetime),
        (["toys", "2027-01-15"], datetime),
        (["toys", "0001-01-01T00:00:00+01:00"], datetime),
        (["toys", "9999-12-31T23:59:59-01:00"], datetime),
        (b"[" * 300, str),
    ],
    ids=lambda value: str(value)[:40],
)
def test_forged_content_is_refused(content: Any, kind: type) -> None:
    refused(raw(content), kind)


def test_a_huge_cursor_is_refused_unread() -> None:
    refused("A" * (LONGEST_CURSOR + 1), str)
    refused(encode_cursor("toys", ["x" * LONGEST_CURSOR]), str)


@pytest.mark.parametrize(
    "spelling",
    [" {}", "{}\n", "!{}", "{}=", "{}====", "\x00{}", "{}é", "{}\ud800"],
    ids=lambda spelling: ascii(spelling),
)
def test_another_spelling_of_a_cursor_is_refused(spelling: str) -> None:
    refused(spelling.format(encode_cursor("toys", ["bear"])), str)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'[ "toys", "bear" ]', str),
        (b'["toys","\\u0062ear"]', str),
        (b'["toys","2027-01-15T09:00:00+01:00"]', datetime),
        (b'["toys","20270115T080000Z"]', datetime),
        (b'["toys",1e0]', float),
    ],
)
def test_the_same_position_in_other_words_is_refused(content: bytes, kind: type) -> None:
    refused(raw(content), kind)


def test_a_refusal_names_the_argument_and_does_not_repeat_it() -> None:
    with pytest.raises(BadUserInput) as refusal:
        decode_cursor("<script>", "toys", [str], "before")
    assert refusal.value.extensions["path"] == ["before"]
    assert "<script>" not in refusal.value.message


@given(st.text() | st.from_regex(r"[-_0-9A-Za-z]+=*", fullmatch=True), kinds)
def test_any_text_is_a_cursor_of_ours_or_refused(text: str, kinds: Sequence[type]) -> None:
    check(text, kinds)


@given(st.lists(json_values, max_size=4), kinds)
def test_any_forged_position_is_one_of_ours_or_refused(
    values: list[Any], kinds: Sequence[type]
) -> None:
    check(raw(["toys", *values]), kinds)


@given(st.datetimes().map(datetime.isoformat), st.integers(-1439, 1439))
def test_any_forged_moment_is_one_of_ours_or_refused(text: str, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    check(raw(["toys", text + zone]), [datetime])


@given(st.binary(max_size=60), kinds)
def test_any_forged_content_is_a_cursor_of_ours_or_refused(
    content: bytes, kinds: Sequence[type]
) -> None:
    check(raw(content), kinds)


def check(cursor: str, kinds: Sequence[type]) -> None:
    """A cursor is refused, or it is exactly one that we would have issued."""
    try:
        values = decode_cursor(cursor, "toys", kinds, "after")
    except BadUserInput:
        return
    assert [type(value) for value in values] == list(kinds)
    assert encode_cursor("toys", values) == cursor
    assert json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0] == "toys"
