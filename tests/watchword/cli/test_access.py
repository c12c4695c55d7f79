"""`watchword access` prints who may read what, compares it, and explains it for a role or a token."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import incident_room
from tests.support.documents import bash, blocks
from tests.support.vault import ENCRYPTION_KEY
from watchword.cli.commands import cli

COMMITTED = Path(incident_room.__file__).parent / "access.md"
SHIPS = """
import strawberry

from watchword import Domain, HasRole, HasScope, Public, SignedIn, guarded_by


@guarded_by(SignedIn | HasScope("a|b"))
@strawberry.type
class Ship:
    name: str
    captain: str = strawberry.field(permission_classes=[HasRole("admin")])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def ship(self) -> Ship | None:
        return None


schema = strawberry.Schema(Query)
domain = Domain(roles={"admin": frozenset(), "guest": frozenset()})
"""
TABLE = """\
| Field | Needs | anyone | admin | guest |
| --- | --- | --- | --- | --- |
| Query.ship | anyone | yes | yes | yes |
| Ship.name | signed in or scope a\\|b | no | yes | yes |
| Ship.captain | role admin and (signed in or scope a\\|b) | no | yes | no |
"""


@pytest.fixture
def ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[str, Path]:
    """The name of a schema of its own for each test, and its folder."""
    name = f"ships_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(SHIPS)
    monkeypatch.syspath_prepend(tmp_path)
    return f"{name}:schema", tmp_path


def watchword(*arguments: str, given: str | bytes | None = None, **environment: str) -> Result:
    runner = CliRunner(env=environment, catch_exceptions=False)
    return runner.invoke(cli, arguments, input=given)


def printed(*arguments: str) -> str:
    result = watchword("access", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_the_table_is_printed_in_three_forms(ships: tuple[str, Path]) -> None:
    schema, _ = ships
    assert printed("--schema", schema) == TABLE
    rows = list(csv.reader(io.StringIO(printed("--schema", schema, "--format", "csv"))))
    assert rows[0] == ["field", "needs", "anyone", "admin", "guest"]
    assert rows[2] == ["Ship.name", "signed in or scope a|b", "no", "yes", "yes"]
    made = json.loads(printed("--schema", schema, "--format", "json"))
    assert made[0] == {
        "field": "Query.ship",
        "needs": "anyone",
        "anyone": "yes",
        "admin": "yes",
        "guest": "yes",
    }


def test_the_committed_table_of_the_incident_room_is_what_is_served() -> None:
    assert printed("check") == "access.md says who may read what.\n"


def test_a_stale_table_is_shown_as_a_difference_and_the_command_mends_it(
    ships: tuple[str, Path],
) -> None:
    schema, folder = ships
    file = folder / "access.md"
    result = watchword("access", "check", "--schema", schema)
    assert result.exit_code == 1
    assert f"run `watchword access > {file}`" in result.stderr
    file.write_text(printed("--schema", schema).replace("role admin and", "role guest and"))
    result = watchword("access", "check", "--schema", schema)
    changed = [line for line in result.stdout.splitlines() if line[0] in "+-"]
    assert [line[:28] for line in changed[2:]] == [
        "-| Ship.captain | role guest",
        "+| Ship.captain | role admin",
    ]
    file.write_text(printed("--schema", schema))
    assert watchword("access", "check", "--schema", schema).exit_code == 0


def test_the_difference_from_a_revision_names_what_changed(ships: tuple[str, Path]) -> None:
    schema, folder = ships
    (folder / "access.md").write_text(
        TABLE.replace("| Ship.name | signed in or", "| Ship.name | x or")
    )
    for command in (
        ["init", "-q"],
        ["add", "access.md"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    lines = printed("--schema", schema, "--diff", "HEAD").splitlines()
    assert [line[:16] for line in lines[3:]] == ["-| Ship.name | x", "+| Ship.name | s"]
    for revision in ("nowhere", "--output=x"):
        result = watchword("access", "--schema", schema, "--diff", revision)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: git does not show access.md of {revision}: ")
    assert not (folder / "x").exists()


def test_why_says_what_a_field_needs_and_answers_for_roles(ships: tuple[str, Path]) -> None:
    schema, _ = ships
    needs = "Ship.captain needs: role admin and (signed in or scope a|b)\n"
    asked = ("why", "Ship.captain", "--schema", schema)
    assert printed(*asked) == f"{needs}anyone: no\nadmin: yes\nguest: no\n"
    assert printed(*asked, "--as", "guest") == f"{needs}guest: no\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Ship.captain", "--as", "cook"], "There is no role 'cook'. Give one of: anyone, admin"),
        (["Ship.cook"], "There is no field 'Ship.cook'. Write it as Type.field, such as Query.s"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(
    arguments: list[str], said: str, ships: tuple[str, Path]
) -> None:
    result = watchword("access", "why", *arguments, "--schema", ships[0])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {said}")


@pytest.fixture
def environment(sqlite_template: Path, tmp_path: Path) -> dict[str, str]:
    """The settings of a database that has a signing key."""
    path = tmp_path / "watchword.db"
    path.write_bytes(sqlite_template.read_bytes())
    made = {
        "WATCHWORD_DATABASE_URL": f"sqlite+aiosqlite:///{path}",
        "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    assert watchword("keys", "rotate", **made).exit_code == 0
    return made


def minted(environment: dict[str, str]) -> str:
    mint = ("token", "mint", "--subject", "alice", "--scope", "members:read")
    return watchword(*mint, **environment).stdout


def test_a_token_is_read_from_standard_input_verified_and_never_shown(
    environment: dict[str, str],
) -> None:
    token = minted(environment)
    result = watchword("access", "--token", given=token, **environment)
    assert "| Query.members | scope members:read | yes |\n" in result.stdout
    assert token.strip() not in result.output
    why = ("access", "why", "Query.auditLog", "--token")
    assert watchword(*why, given=token, **environment).stdout.endswith("\ntoken: no\n")
    for forged in (token[:-9] + "AAAAAAAA", "", "\0", "x" * 1_000_000):
        refused = watchword("access", "--token", given=forged, **environment)
        assert refused.exit_code == 1
        assert "Query.members" not in refused.stdout


def test_the_how_to_can_be_pasted_from_top_to_bottom(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "schema/incident_room/access.md"
    file.parent.mkdir(parents=True)
    (tmp_path / "token.txt").write_text(minted(environment))
    entry_points = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    page = Path(__file__).parents[3] / "docs/how-to/review-permissions.md"
    text = "\n".join(blocks(page, "sh"))
    said = bash(text, tmp_path, **environment, PATH=entry_points)
    assert file.read_text() == COMMITTED.read_text()
    assert "Incident.commander needs: scope members:read\nviewer: no\n" in said
    assert said.endswith("\ntoken: no\n")
