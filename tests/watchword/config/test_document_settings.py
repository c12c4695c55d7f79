"""The settings of documents that clients name by ids."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from watchword.config.document_settings import DocumentSettings


def test_automatic_persisted_queries_are_on_with_a_small_cache() -> None:
    assert DocumentSettings().persisted_queries_bytes == 2_000_000


def test_a_cache_cannot_be_smaller_than_nothing() -> None:
    with pytest.raises(ValidationError):
        DocumentSettings(persisted_queries_bytes=-1)
