"""A name that was meant for a setting is found, and names of other tools are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.config.settings import PREFIX, Settings, read
from watchword.config.unknown_names import FORMER, mistaken
from watchword.errors import Unsafe

# Names that the documents, the compose file and the tests use, and that no setting has.
OTHERS = ("DOMAIN", "HTTP_PORT", "HTTPS_PORT", "TOKEN", "PASSWORD", "SCREENSHOTS", "TEST_POSTGRES")
# What Kubernetes puts into pods beside a service named watchword.
LINKS = ("SERVICE_HOST", "SERVICE_PORT", "PORT_8000_TCP", "PORT_8000_TCP_ADDR")


def found(*names: str) -> list[str]:
    return mistaken(names, PREFIX, Settings.model_fields)


def test_all_settings_are_known_in_any_case() -> None:
    assert found(*(PREFIX + each.upper() for each in Settings.model_fields)) == []
    assert found(*(PREFIX.lower() + each for each in Settings.model_fields)) == []


def test_names_of_others_are_left_alone() -> None:
    assert found("PATH", "MAX_DEPHT", *(PREFIX + each for each in (*OTHERS, *LINKS))) == []


def test_a_former_name_is_told_with_the_one_that_replaced_it() -> None:
    assert set(FORMER.values()) <= set(Settings.model_fields)
    assert not set(FORMER) & set(Settings.model_fields)
    [sentence] = found("WATCHWORD_MAX_OBJECTS")
    assert "WATCHWORD_MAX_COST" in sentence


@pytest.mark.parametrize(
    "field", ["max_depth", "dpop_nonce", "trusted_issuers", "budget_per_client"]
)
def test_a_name_with_two_letters_exchanged_is_told_with_the_setting_that_was_meant(
    field: str,
) -> None:
    mistyped = PREFIX + (field[:-2] + field[-1] + field[-2]).upper()
    [sentence] = found(mistyped)
    assert mistyped in sentence
    assert PREFIX + field.upper() in sentence


def test_the_file_of_settings_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("WATCHWORD_MAX_OBJECTS=5\nWATCHWORD_DOMAIN=example.com\n")
    with pytest.raises(Unsafe, match="WATCHWORD_MAX_OBJECTS is not read any more"):
        read()
    (tmp_path / ".env").write_text("WATCHWORD_MAX_COST=5\nWATCHWORD_DOMAIN=example.com\n")
    assert read().max_cost == 5
