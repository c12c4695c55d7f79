"""`watchword schema` prints the SDL, and shows how it differs from a committed file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import incident_room
from watchword.cli.commands import cli

ROOT = Path(incident_room.__file__).parents[2]
COMMITTED = Path(incident_room.__file__).parent / "schema.graphql"
TOYS = "tests.support.toy_schema:schema"
UNCOVERED = """
import strawberry

@strawberry.type
class Query:
    @strawberry.field
    def secret(self) -> str:
        return "x"

schema = strawberry.Schema(Query)
"""


def watchword(*arguments: str, **environment: str) -> Result:
    runner = CliRunner(env=environment, catch_exceptions=False)
    return runner.invoke(cli, ["schema", *arguments])


def printed(*arguments: str) -> str:
    result = watchword("print", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture
def uncovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a schema whose root field declares no permission."""
    (tmp_path / "uncovered_schema.py").write_text(UNCOVERED)
    monkeypatch.syspath_prepend(tmp_path)
    return "uncovered_schema:schema"


def test_the_mounted_schema_is_printed_as_it_was_committed() -> None:
    assert printed() == COMMITTED.read_text()


def test_another_schema_is_printed_by_its_name_with_what_its_fields_ask() -> None:
    sdl = printed("--schema", TOYS)
    assert "refusing: Int!" in sdl
    assert '\n  price: Int @requiresScopes(scopes: [["toys:price"]])\n' in sdl
    assert sdl.endswith("}\n")


def test_what_was_printed_is_found_in_order(tmp_path: Path) -> None:
    file = tmp_path / "toys.graphql"
    file.write_text(printed("--schema", TOYS))
    result = watchword("check", "--schema", TOYS, str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "toys.graphql is what is served, and every field says who may read it.\n"
    )


def test_without_a_file_it_is_the_one_beside_the_schema() -> None:
    result = watchword("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("schema.graphql is what is served")


def test_a_stale_file_is_shown_as_a_difference(tmp_path: Path) -> None:
    file = tmp_path / "stale.graphql"
    file.write_text(COMMITTED.read_text().replace("type Component ", "type Part "))
    result = watchword("check", str(file))
    assert result.exit_code == 1
    changed = [line for line in result.stdout.splitlines() if line[0] in "+-"]
    assert changed[:2] == ["--- stale.graphql", "+++ as served"]
    assert [line[:15] for line in changed[2:]] == ["-type Part impl", "+type Component"]
    assert result.stderr.startswith("Error: stale.graphql is stale: run `watchword schema print")


@pytest.mark.parametrize(
    "options", [pytest.param((), marks=pytest.mark.exhaustive), ("--schema", TOYS)]
)
def test_the_command_that_is_named_for_a_stale_file_mends_it(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "a folder" / "stale.graphql"
    file.parent.mkdir()
    file.write_text("type Query { old: Int }\n")
    command = watchword("check", *options, str(file)).stderr.split("`")[1]
    entry_point = f"{Path(sys.executable).parent}/watchword"
    subprocess.run(
        ["bash", "-c", command.replace("watchword", entry_point, 1)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=60,
    )
    assert watchword("check", *options, str(file)).exit_code == 0


def test_a_file_that_is_not_there_yet_is_to_be_written(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    result = watchword("check", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    command = f"watchword schema print > {file}"
    assert result.stderr == f"Error: {file} is not there yet: run `{command}`.\n"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = watchword("check", str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {tmp_path} cannot be read: Is a directory.\n"


def test_a_file_that_is_no_text_is_stale(tmp_path: Path) -> None:
    file = tmp_path / "binary.graphql"
    file.write_bytes(b"\xff\xfe\x00")
    result = watchword("check", str(file))
    assert result.exit_code == 1
    assert "is stale" in result.stderr


@pytest.mark.parametrize("command", ["print", "check"])
def test_a_root_field_without_a_permission_is_named(uncovered: str, command: str) -> None:
    result = watchword(command, "--schema", uncovered)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Query.secret: no permission is declared.")


@pytest.mark.parametrize("command", ["print", "check"])
@pytest.mark.parametrize("name", ["no_such_module:schema", "schema:nothing", "schema"])
def test_what_is_no_schema_is_one_sentence(name: str, command: str) -> None:
    result = watchword(command, "--schema", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_the_schema_can_come_from_the_environment() -> None:
    result = watchword("print", WATCHWORD_MOUNT=TOYS)
    assert result.stdout == printed("--schema", TOYS)
