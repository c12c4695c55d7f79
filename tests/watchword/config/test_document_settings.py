"""The settings of documents that clients name by ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from watchword.config.document_settings import DocumentSettings
from watchword.config.settings import Settings


def test_automatic_persisted_queries_are_on_with_a_small_cache() -> None:
    assert DocumentSettings().persisted_queries_bytes == 2_000_000


def test_a_cache_cannot_be_smaller_than_nothing() -> None:
    with pytest.raises(ValidationError):
        DocumentSettings(persisted_queries_bytes=-1)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("true", True),
        ("False", False),
        (True, True),
        ('["watchword", "shop"]', ("watchword", "shop")),
    ],
)
def test_only_trusted_documents_may_be_for_all_for_none_or_for_some_clients(
    given: object, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DocumentSettings(documents_only=given).documents_only == read


@pytest.mark.parametrize("given", ["[]", '[""]', "[1]", "watchword", "1", '{"a": 1}'])
def test_who_is_meant_must_be_clear(given: str) -> None:
    with pytest.raises(ValidationError, match="true, false, or a JSON list of client ids"):
        DocumentSettings(documents_only=given)


def test_the_environment_names_the_manifest_and_the_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHWORD_DOCUMENTS", "documents.json")
    monkeypatch.setenv("WATCHWORD_DOCUMENTS_ONLY", '["watchword"]')
    settings = Settings(_env_file=None)
    assert (settings.documents, settings.documents_only) == (Path("documents.json"), ("watchword",))
