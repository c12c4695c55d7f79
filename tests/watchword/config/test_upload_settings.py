"""The limits of requests with files can be set, and fit together as they come."""

from __future__ import annotations

import pytest

from watchword.config.settings import Settings, read
from watchword.config.upload_settings import UploadSettings


def test_they_are_read_with_the_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_MAX_UPLOAD_FILES", "7")
    assert read().max_upload_files == 7
    assert issubclass(Settings, UploadSettings)


def test_the_defaults_grow_from_memory_to_file_to_body() -> None:
    settings = UploadSettings()
    assert settings.upload_memory_bytes < settings.max_upload_file_bytes < settings.max_upload_bytes


def test_the_files_in_memory_of_all_requests_fit_into_it() -> None:
    settings = UploadSettings()
    files = settings.max_uploads_per_process * settings.max_upload_files
    assert files * settings.upload_memory_bytes < 100_000_000
