"""A page is rendered once for each answer, and the memory of all pages is bounded."""

from __future__ import annotations

from typing import Any

from incident_room.pages.rendered import RenderedPages
from watchword import JsonAnswer


def answer(number: int) -> JsonAnswer:
    return JsonAnswer(b'{"data":%d}' % number)


def test_a_page_is_rendered_again_when_its_answer_is_another() -> None:
    pages, made = RenderedPages(), list[Any]()

    def render(data: Any) -> bytes:
        made.append(data)
        return b"page %d" % data

    one = answer(1)
    assert pages.page("key", one, 1.0, render).body == b"page 1"
    assert pages.page("key", one, 2.0, render).good_at == 2.0
    assert pages.page("key", answer(1), 3.0, render).good_at == 3.0
    assert made == [1]
    assert pages.page("key", answer(2), 4.0, render).body == b"page 2"
    assert (
        pages.page("other", answer(2), 4.0, render).tag
        == pages.page("key", answer(2), 4.0, render).tag
    )
    assert made == [1, 2, 2]


def test_the_pages_that_were_used_last_are_kept() -> None:
    pages = RenderedPages(10_000)
    for number in range(50):
        pages.page(number, answer(number), 1.0, lambda _: bytes(1_000))
        pages.page(0, answer(0), 1.0, lambda _: bytes(1_000))
        assert pages.size <= 10_000
    assert pages.get(0) is not None
    assert pages.get(49) is not None
    assert pages.get(1) is None


def test_a_page_that_is_larger_than_all_memory_is_not_kept() -> None:
    pages = RenderedPages(1_000)
    assert len(pages.page("key", answer(1), 1.0, lambda _: bytes(5_000)).body) == 5_000
    assert (pages.get("key"), pages.size) == (None, 0)
