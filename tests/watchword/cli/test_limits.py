"""`watchword limits` prints what is set beside the defaults."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from watchword.cli.limits import limits
from watchword.config.limits import TABLE


def test_every_limit_is_printed_with_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_MAX_DEPTH", "7")
    result = CliRunner().invoke(limits)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines()]
    for limit in TABLE:
        [line] = [each for each in lines if each.startswith(f"{limit.counted}  ")]
        assert limit.answer in line
    [depth] = [each for each in lines if each.endswith("WATCHWORD_MAX_DEPTH")]
    assert depth.split("  ")[0] == "fields deep"
    assert [each for each in depth.split() if each.isdigit()] == ["7", "15"]
