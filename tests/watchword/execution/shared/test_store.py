"""Kept answers take a bounded number of bytes, and those that were used last stay."""

from __future__ import annotations

import pytest

from watchword.execution.shared import store
from watchword.execution.shared.store import JsonAnswer, Kept, Store, tag_of


def kept(size: int = 10) -> Kept:
    return Kept(JsonAnswer(b"{}"), 1, size)


def test_what_was_used_last_stays() -> None:
    full = Store(30)
    for key in "abc":
        full.put(key, kept())
    assert full.get("a") is not None
    full.put("d", kept())
    assert (full.get("b"), len(full), full.size) == (None, 3, 30)
    full.put("e", kept(25))
    assert [key for key in "abcde" if full.get(key)] == ["e"]
    assert full.size == 25


def test_an_answer_replaces_the_one_with_the_same_key() -> None:
    full = Store(30)
    full.put("a", kept(10))
    newer = kept(20)
    full.put("a", newer)
    assert full.get("a") is newer
    assert (len(full), full.size) == (1, 20)


def test_an_answer_beyond_the_limit_is_not_kept_and_removes_the_older_one() -> None:
    full = Store(30)
    full.put("a", kept())
    full.put("b", kept())
    full.put("a", kept(31))
    assert [key for key in "ab" if full.get(key)] == ["b"]
    assert full.size == 10


def test_the_first_use_of_a_key_is_told_from_later_ones() -> None:
    empty = Store(0)
    assert [empty.use("a"), empty.use("b"), empty.use("a"), empty.use("a")] == [
        *(False, False, True, True)
    ]


def test_a_limited_number_of_uses_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "USED", 3)
    empty = Store(0)
    for key in "abc":
        empty.use(key)
    empty.use("a")
    empty.use("d")
    assert [empty.use("a"), empty.use("b")] == [True, False]
    assert len(empty._used) == 3


def test_equal_answers_have_equal_tags() -> None:
    assert JsonAnswer(b"{}").tag == tag_of(b"{}") != tag_of(b"[]")
    assert tag_of(b"{}").startswith(b'W/"')
