"""Documents that clients register are found by their hashes, and never take more memory than they may."""

from __future__ import annotations

import sys

import pytest

from watchword.execution.documents.automatic import OVERHEAD, AutomaticDocuments, digest_of


def test_a_registered_document_is_found_by_its_hash() -> None:
    kept = AutomaticDocuments(10_000)
    assert kept.find(digest_of("{ a }")) is None
    kept.register(digest_of("{ a }"), "{ a }")
    assert kept.find(digest_of("{ a }")) == "{ a }"


def test_the_hash_is_sha256_of_the_text_in_utf8() -> None:
    # The example of GraphQL over HTTP, appendix "Persisted Documents".
    text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"
    assert digest_of(text) == "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"
    assert digest_of("{ ü }") != digest_of("{ u }")
    assert len(digest_of("{ \ud800 }")) == 64


@pytest.mark.parametrize("letter", ["a", "é", "語", "😀"])
def test_memory_is_bounded_by_its_bytes_whatever_the_characters(letter: str) -> None:
    most = 50_000
    kept = AutomaticDocuments(most)
    for number in range(300):
        text = letter * 1_000 + str(number)
        kept.register(digest_of(text), text)
        assert kept.size <= most
    assert sum(sys.getsizeof(text) for text in kept._texts.values()) <= most
    assert kept.size == sum(sys.getsizeof(text) + OVERHEAD for text in kept._texts.values())


def test_the_number_of_short_documents_is_bounded_too() -> None:
    kept = AutomaticDocuments(50_000)
    for number in range(1_000):
        kept.register(digest_of(str(number)), str(number))
    assert len(kept) <= 50_000 // OVERHEAD


def test_the_least_recently_used_makes_place() -> None:
    kept = AutomaticDocuments(2 * (OVERHEAD + 100))
    for text in ("{ a }", "{ b }"):
        kept.register(digest_of(text), text)
    kept.register(digest_of("{ a }"), "{ a }")
    kept.register(digest_of("{ c }"), "{ c }")
    assert kept.find(digest_of("{ b }")) is None
    assert kept.find(digest_of("{ a }"))
    kept.register(digest_of("{ d }"), "{ d }")
    assert kept.find(digest_of("{ c }")) is None


def test_a_document_that_is_larger_than_everything_replaces_nothing() -> None:
    kept = AutomaticDocuments(2_000)
    kept.register(digest_of("{ a }"), "{ a }")
    kept.register(digest_of("b" * 5_000), "b" * 5_000)
    assert (len(kept), kept.find(digest_of("{ a }"))) == (1, "{ a }")


def test_a_document_that_takes_exactly_all_memory_is_kept() -> None:
    text = "{ hello }"
    measured = AutomaticDocuments(10_000)
    measured.register(digest_of(text), text)
    exact, smaller = AutomaticDocuments(measured.size), AutomaticDocuments(measured.size - 1)
    for made in (exact, smaller):
        made.register(digest_of(text), text)
    assert (exact.find(digest_of(text)), smaller.find(digest_of(text))) == (text, None)
