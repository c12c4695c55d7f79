"""Requests that come again are decoded once; nothing that one request changes is seen by another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watchword.transports.http.remembered import LONGEST, MOST_BYTES, SEEN, Remembered
from watchword.transports.request import GraphQLRequest


class Decoding:
    """Remembers requests in JSON, and counts what is decoded."""

    def __init__(self) -> None:
        self.count = 0
        self.remembered = Remembered(self.read)

    def read(self, text: bytes) -> GraphQLRequest:
        self.count += 1
        return GraphQLRequest(**json.loads(text))

    def ask(self, **members: Any) -> GraphQLRequest:
        return self.remembered.read(json.dumps(members).encode())


def test_a_text_is_kept_from_its_second_use_on() -> None:
    decoding = Decoding()
    answers = [decoding.ask(query="{ a }", variables={"b": 1}) for _ in range(5)]
    assert decoding.count == 2
    assert all(each == GraphQLRequest("{ a }", None, {"b": 1}) for each in answers)


def test_texts_that_mean_the_same_are_kept_apart() -> None:
    decoding = Decoding()
    for _ in range(3):
        for text in (b'{"query":"{ a }"}', b'{"query": "{ a }"}'):
            assert decoding.remembered.read(text).query == "{ a }"
    assert decoding.count == 4


def test_variables_that_one_request_changes_are_unchanged_for_the_next() -> None:
    decoding = Decoding()
    for _ in range(4):
        variables = decoding.ask(query="{ a }", variables={"b": "c"}).variables
        assert variables == {"b": "c"}
        variables["b"] = "changed"
        variables["d"] = "added"


def test_a_persisted_query_is_kept_and_what_one_request_changes_is_unchanged_for_the_next() -> None:
    decoding = Decoding()
    # As Apollo Client sends it.
    library = {"name": "@apollo/client", "version": "4.3.8"}
    persisted = {"version": 1, "sha256Hash": "ab"}
    named = {"clientLibrary": library, "persistedQuery": persisted, "more": 1}
    for _ in range(4):
        request = decoding.ask(query=None, document_id="sha256:ab", extensions=named)
        assert (request.document_id, request.extensions) == ("sha256:ab", named)
        assert request.extensions is not None
        request.extensions["persistedQuery"]["version"] = 2
        request.extensions["clientLibrary"]["name"] = request.extensions["added"] = "x"
    assert decoding.count == 2


@pytest.mark.parametrize(
    "members",
    [
        {"variables": {"b": [1]}},
        {"variables": {"b": {"c": 1}}},
        {"extensions": {"after": ["x"]}},
        {"extensions": {"persistedQuery": {"sha256Hash": ["x"]}}},
        {"extensions": {"persistedQuery": {"more": {"version": 1}}}},
    ],
)
def test_a_request_with_parts_that_can_be_changed_is_decoded_each_time(
    members: dict[str, Any],
) -> None:
    decoding = Decoding()
    for _ in range(4):
        decoding.ask(query="{ a }", **members)
    assert decoding.count == 4
    assert not decoding.remembered.size


def test_a_long_text_is_not_kept() -> None:
    decoding = Decoding()
    for _ in range(3):
        decoding.ask(query="a" * LONGEST)
    assert decoding.count == 3


def test_a_text_that_is_refused_is_refused_each_time() -> None:
    decoding = Decoding()
    for _ in range(3):
        with pytest.raises(json.JSONDecodeError):
            decoding.remembered.read(b"{")
    assert decoding.count == 3


def test_memory_is_limited() -> None:
    decoding = Decoding()
    for number in range(1_000):
        for _ in range(2):
            decoding.ask(query=f"{number}" + "a" * (LONGEST - 100))
    assert decoding.remembered.size <= MOST_BYTES
    before = decoding.count
    decoding.ask(query="999" + "a" * (LONGEST - 100))
    assert decoding.count == before
    decoding.ask(query="0" + "a" * (LONGEST - 100))
    assert decoding.count == before + 1


def test_texts_that_came_once_replace_nothing() -> None:
    decoding = Decoding()
    for _ in range(2):
        decoding.ask(query="{ a }")
    for number in range(2 * SEEN):
        decoding.ask(query=f"{{ a{number} }}")
    assert len(decoding.remembered._seen) <= SEEN
    before = decoding.count
    decoding.ask(query="{ a }")
    assert decoding.count == before
