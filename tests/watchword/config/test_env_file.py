"""No line of `.env` that was meant to set something is left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.config.env_file import check
from watchword.config.settings import PREFIX, read
from watchword.errors import Unsafe


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(".env")


@pytest.mark.parametrize(
    "text",
    [
        b"WATCHWORD_PORT=8123\r\nWATCHWORD_AUDIENCE=ours\r\n",
        b"\xef\xbb\xbfWATCHWORD_PORT=8123\nWATCHWORD_AUDIENCE=ours\n",
        b"export WATCHWORD_PORT = '8123'  # a port\n\n# WATCHWORD_NOT here\nWATCHWORD_AUDIENCE=\"ours\"",
        b"a line of another tool\nWATCHWORD_PORT=8123\nOTHER\nwatchword_audience=ours\nEND='\n",
        b"KEY='of two\nlines'\nWATCHWORD_PORT=8123\nWATCHWORD_AUDIENCE=ours\n",
    ],
)
def test_files_as_editors_and_other_tools_write_them_are_read(text: bytes, file: Path) -> None:
    file.write_bytes(text)
    settings = read()
    assert (settings.port, settings.audience) == (8123, "ours")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A=1\n\nWATCHWORD_PORT: 8123\n", ".env, line 3, sets nothing: write WATCHWORD_PORT=value"),
        (
            "watchword_documents_only\n",
            "line 1, sets nothing: write watchword_documents_only=value",
        ),
        (
            'export WATCHWORD_AUDIENCE="a b\nWATCHWORD_PORT=1',
            "line 1, sets nothing: .* every quote",
        ),
        ('A="b\nWATCHWORD_DEMO=false\nC="d\n', "line 2, sets nothing: write WATCHWORD_DEMO=value"),
        (
            '\nexport WATCHWORD_AUDIENCE="b\nWATCHWORD_DEMO=false\nC="\n',
            "line 3, sets nothing: it is taken for a part of the value of WATCHWORD_AUDIENCE",
        ),
    ],
)
def test_a_line_that_sets_nothing_is_named(text: str, fault: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(Unsafe, match=fault):
        read()


def test_a_file_that_is_not_utf_8_is_refused_in_a_sentence(file: Path) -> None:
    file.write_text("WATCHWORD_PORT=8123\n", encoding="utf-16")
    with pytest.raises(Unsafe, match=r"\.env is not UTF-8"):
        read()


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    assert [*check(tmp_path / ".env", PREFIX)] == []
    assert [*check(tmp_path, PREFIX)] == []


def test_an_empty_option_of_the_command_line_counts_as_not_set(file: Path) -> None:
    file.write_text("WATCHWORD_HOST=127.0.0.2\n")
    assert read(host="", mount="").host == "127.0.0.2"
    assert read(host="127.0.0.3").host == "127.0.0.3"
