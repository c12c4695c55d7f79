"""The apps that the benchmark of rules compares give the same answer, and each has what its name says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.inside import rules
from watchword.principal import Grants, Principal


async def answer(home: Path, name: str, *scopes: str) -> dict[str, object]:
    principal = Principal("ada", Grants(frozenset(), frozenset(scopes)), client="shop")
    run = rules._run(rules._pipeline(home, name), name, principal)
    found = [await run() for _ in range(3)]
    assert found[0] == found[1] == found[2]
    answered: dict[str, object] = json.loads(found[0])
    return answered


async def test_all_apps_answer_a_caller_with_every_scope_alike(tmp_path: Path) -> None:
    expected = {"data": {"rows": [{f"f{n}": n for n in range(rules.FIELDS)}] * rules.ROWS}}
    for name in rules.OPEN:
        assert await answer(tmp_path, name, *rules.SCOPES) == expected


@pytest.mark.parametrize("name", rules.DENIED)
async def test_one_field_is_denied_where_there_are_permissions(name: str, tmp_path: Path) -> None:
    found = await answer(tmp_path, name, rules.SCOPES[0])
    assert ("errors" in found) is (name != "bare")


async def test_each_app_is_measured_in_each_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "BURST", 1)
    taken = await rules.measure(tmp_path, rules.OPEN, rules.SCOPES, 2)
    assert {name: len(each) for name, each in taken.items()} == dict.fromkeys(rules.OPEN, 2)
    assert rules.added(taken, "bare") == 0
