"""Content negotiation."""

from __future__ import annotations

import pytest

from watchword.transports.http import accept as module
from watchword.transports.http.accept import LONGEST_CACHED, MOST_CACHED, choose, names, parameters

OFFERS = ("application/json", "application/graphql-response+json", "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", 0),
        ("*/*", 0),
        ("application/*", 0),
        ("text/*", 2),
        ("application/json", 0),
        ("APPLICATION/GRAPHQL-RESPONSE+JSON ; charset=utf-8", 1),
        ("application/json;q=0.1, application/graphql-response+json;q=0.2", 1),
        ("*/*, application/json;q=0", 1),
        ("application/json;q=nonsense, text/event-stream", 2),
        ("image/png", None),
        ("application/json;q=0", None),
        (",,;;,", None),
    ],
)
def test_the_best_offer_is_chosen(accept: str, chosen: int | None) -> None:
    assert choose(accept, OFFERS) == (None if chosen is None else OFFERS[chosen])


def test_the_cache_is_bounded_in_number_and_in_the_length_of_a_header() -> None:
    for number in range(2 * MOST_CACHED):
        assert choose(f"application/json, image/{number}", OFFERS) == OFFERS[0]
    assert module._cached.cache_info().currsize == MOST_CACHED
    before = module._cached.cache_info()
    long = "application/json" + ", image/png" * LONGEST_CACHED
    assert choose(long, OFFERS) == OFFERS[0]
    assert module._cached.cache_info() == before


def test_a_wildcard_does_not_name_a_type() -> None:
    assert names("text/html,application/xhtml+xml,*/*;q=0.8", "text/html")
    assert not names("*/*", "text/html")
    assert not names("text/html;q=0", "text/html")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("multipart/mixed", [{}]),
        ('Multipart/Mixed; IncrementalSpec="v0.2" ; q=0.5', [{"incrementalspec": "v0.2", "q": "0.5"}]),
        ("multipart/mixed;deferSpec=20220824,multipart/mixed;a=b", [{"deferspec": "20220824"}, {"a": "b"}]),
        ("multipart/mixed;q=0, */*", []),
        ("multipart/mixed;a", [{"a": ""}]),
        ("", []),
    ],
)  # fmt: skip
def test_the_parameters_of_a_type_are_read(accept: str, expected: list[dict[str, str]]) -> None:
    assert parameters(accept, "multipart/mixed") == expected
