"""A JSON object that is read piece by piece is the one that the standard library reads at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_room.importers import json_members
from incident_room.importers.json_members import members

LISTS = ("incidents", "components")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from([*LISTS, "page", "é 🚒", ""]), values, max_size=5)


def read(content: bytes) -> Any:
    """Put the members together again."""
    found: dict[str, Any] = {}
    for name, value, is_item in members(content, LISTS):
        if is_item:
            found[name].append(value)
        else:
            found[name] = value
    return found


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
@given(
    encoding=st.sampled_from(ENCODINGS),
    value=objects,
    is_ascii=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_it_reads_what_the_standard_library_reads(
    piece: int, encoding: str, value: dict[str, Any], is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    before, json_members.PIECE = json_members.PIECE, piece
    try:
        content = text.encode(encoding)
        assert read(content) == json.loads(content)
    finally:
        json_members.PIECE = before


@pytest.mark.parametrize("piece", [1, 1 << 20])
@pytest.mark.parametrize(
    "content",
    [
        b"", b" ", b"{", b'{"a"', b'{"a":', b'{"a":}', b'{"a":1', b'{"a":1,}', b'{"a" 1}', b"{1:2}", b'{"a":1}}', b'{"a":1} x',
        b'{"incidents":[', b'{"incidents":[1', b'{"incidents":[1,]}', b'{"incidents":[1 2]}', b'{"incidents":[,1]}',
        b'{"incidents":[1]]}', b'{"incidents":[1}', b"\xff", b'{"a":"\xff"}', b'{"a":"\xe2\x82', b"<!doctype html>",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(
    piece: int, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_members, "PIECE", piece)
    for read_it in (json.loads, read):
        with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
            read_it(content)


@pytest.mark.parametrize("content", [b"[1]", b"7", b'"x"', b"null"])
def test_what_is_no_object_is_one_value_without_a_name(content: bytes) -> None:
    assert list(members(content, LISTS)) == [("", json.loads(content), False)]


def test_half_an_emoji_is_read_as_the_standard_library_reads_it() -> None:
    content = b'{"incidents": ["\\ud83d"], "page": "\xed\xa0\xbd"}'
    assert read(content) == json.loads(content)


def test_items_come_before_the_rest_is_read() -> None:
    rest = memoryview(b'{"incidents": [1, 2, ' + b" " * (3 << 20) + b"broken")
    found = members(bytes(rest), LISTS)
    assert [next(found) for _ in range(3)] == [
        ("incidents", [], False),
        ("incidents", 1, True),
        ("incidents", 2, True),
    ]
    with pytest.raises(json.JSONDecodeError):
        next(found)
