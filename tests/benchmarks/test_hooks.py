"""The table of what hooks cost is that of the benchmark, with every kind of hook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from strawberry.extensions import SchemaExtension

from benchmarks.inside import hooks
from watchword.app import make_services
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.process.clock import SystemClock

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "extensions.md"
ROW = re.compile(r"\| (.+) (?:\| [\d.]* ?){3}\|")


def test_the_documented_table_has_what_the_benchmark_measures() -> None:
    lines = PAGE.read_text().splitlines()
    rows = [row[1] for line in lines if (row := ROW.fullmatch(line))]
    assert rows == [*hooks.HOOKS, hooks.DIRECTIVE]


def test_the_benchmark_measures_every_hook_of_an_extension() -> None:
    measured = {name for each in hooks.HOOKS.values() for name in each}
    ours = {
        "get_results",
        "resolve",
        *(name for name in vars(SchemaExtension) if name[:3] == "on_"),
    }
    assert measured == ours


@pytest.mark.parametrize("query", hooks.BURST)
async def test_all_kinds_run_compiled(
    query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "BURST", dict.fromkeys(hooks.BURST, 1))
    services = make_services(Settings(home=tmp_path, _env_file=None), SystemClock(), Domain())
    taken = await hooks._taken(services, query, 1)
    assert taken.keys() - {hooks.DIRECTIVE} == {hooks.NONE, *hooks.HOOKS}
