"""Manifests are read as the tools of Apollo, Relay and GraphQL Code Generator write them; others are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from watchword.errors import Unsafe
from watchword.execution.documents.automatic import digest_of
from watchword.execution.documents.manifest import Entry, read_manifests

HELLO = "query Hello { hello }"
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": digest_of(HELLO), "name": "Hello", "type": "query", "body": HELLO}],
}


def written(folder: Path, content: Any, name: str = "manifest.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_apollos_manifest_is_read_with_the_names_of_its_operations(tmp_path: Path) -> None:
    path = written(tmp_path, APOLLO)
    [entry] = read_manifests(path)
    assert entry == Entry(path, digest_of(HELLO), HELLO, "Hello")
    assert entry.described == f"{digest_of(HELLO)} (Hello)"


def test_a_map_from_ids_to_texts_is_read_whatever_the_ids(tmp_path: Path) -> None:
    path = written(tmp_path, {"2b1e": HELLO, f"sha256:{digest_of(HELLO)}": HELLO})
    assert [(each.id, each.text, each.described) for each in read_manifests(path)] == [
        ("2b1e", HELLO, "2b1e"),
        (f"sha256:{digest_of(HELLO)}", HELLO, f"sha256:{digest_of(HELLO)}"),
    ]


def test_all_manifests_of_a_directory_are_read_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, APOLLO, "web.json")
    written(tmp_path, {"2b1e": HELLO, digest_of(HELLO): HELLO}, "app.json")
    written(tmp_path, "not a manifest", "README.md")
    assert {each.id for each in read_manifests(tmp_path)} == {"2b1e", digest_of(HELLO)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ([], "cannot be used"),
        ({"a": 1}, "an entry without a text"),
        ({"a": ""}, "an entry without a text"),
        ({"": HELLO}, "an entry without a text"),
        ({}, "has no trusted documents"),
        ({**APOLLO, "version": 2}, "is not of version 1"),
        ({**APOLLO, "format": "other"}, "is not of version 1"),
        ({**APOLLO, "operations": {}}, "is not of version 1"),
        ({**APOLLO, "operations": [1]}, "is not of version 1"),
        ({**APOLLO, "operations": [{"id": "a"}]}, "an entry without a text"),
        ({f"sha256:{'ab' * 32}": HELLO}, "is not the hash of its document"),
    ],
)
def test_what_is_no_manifest_is_refused_by_its_path(
    content: Any, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(Unsafe, match=said) as refused:
        read_manifests(path)
    assert str(path) in str(refused.value)


def test_a_path_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unsafe, match="missing.json cannot be read: No such file"):
        read_manifests(tmp_path / "missing.json")
    with pytest.raises(Unsafe, match="has no trusted documents"):
        read_manifests(tmp_path)


def test_an_id_of_two_documents_is_refused_with_both_manifests(tmp_path: Path) -> None:
    first = written(tmp_path, {"1": "{ a }"}, "a.json")
    second = written(tmp_path, {"1": "{ b }"}, "b.json")
    with pytest.raises(Unsafe, match="The id 1 stands for two documents") as refused:
        read_manifests(tmp_path)
    assert str(first) in str(refused.value)
    assert str(second) in str(refused.value)
