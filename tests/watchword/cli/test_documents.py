"""`watchword documents check` names every trusted document that cannot be run on the mounted schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watchword.cli.commands import cli

MANIFESTS = Path(__file__).parents[1] / "execution/documents/manifests"
TOYS = "tests.support.toy_schema:schema"
GOOD = {"1": "{ hello }", "2": "query A { hello } query B { a: hello }"}


def check(*arguments: str, **environment: str) -> Result:
    runner = CliRunner(env={"WATCHWORD_MOUNT": TOYS, **environment}, catch_exceptions=False)
    return runner.invoke(cli, ["documents", "check", *arguments])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(GOOD))
    return path


def test_documents_that_can_be_run_are_counted(manifest: Path) -> None:
    said = f"All 2 trusted documents can be run on {TOYS}.\n"
    for result in (
        check(str(manifest)),
        check(str(manifest.parent)),
        check(WATCHWORD_DOCUMENTS=str(manifest)),
    ):
        assert (result.exit_code, result.stdout) == (0, said)


def test_what_the_tools_of_front_ends_write_is_read() -> None:
    # Written for the incident room by @apollo/generate-persisted-query-manifest 1.4, relay-compiler 21.0 and
    # @graphql-codegen/client-preset 6.2.
    result = check("--schema", "incident_room:schema", str(MANIFESTS))
    assert "All 5 trusted documents can be run" in result.stdout


def test_each_that_cannot_be_run_is_named_with_its_manifest_and_the_reason(manifest: Path) -> None:
    apollo = [
        {"id": "x", "name": "Bad", "type": "query", "body": "query Bad { nothing }"},
        {"id": "y", "name": "Deep", "type": "query", "body": "{ a: hello b: hello }"},
    ]
    form = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": apollo}
    other = manifest.with_name("other.json")
    other.write_text(json.dumps(form))
    result = check(str(manifest.parent), WATCHWORD_MAX_ALIASES="1")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == f"Error: 2 of 4 trusted documents cannot be run on {TOYS}."
    assert lines[1].startswith(f"{other}: x (Bad): Cannot query field 'nothing'")
    assert lines[2].startswith(f"{other}: y (Deep): The operation has 2 aliases; 1 are allowed")


def test_another_schema_is_named(manifest: Path) -> None:
    result = check("--schema", "incident_room:schema", str(manifest))
    assert result.exit_code == 1
    assert "on incident_room:schema" in result.stderr


def test_without_a_manifest_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert "name a manifest, or set WATCHWORD_DOCUMENTS" in check().stderr
    assert "cannot be read" in check(str(tmp_path / "missing.json")).stderr
