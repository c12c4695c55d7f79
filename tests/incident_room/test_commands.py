"""`watchword import statuspage` imports a page's history once, and lists what it skips."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from incident_room.tables import ComponentRow, IncidentRow, UpdateRow
from watchword import Database
from watchword.cli.commands import cli

LATER = "2026-03-02T00:00:00Z"


def incident(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": f"Incident {id}",
        "status": "resolved",
        "impact": "minor",
        "created_at": "2026-03-01T10:00:00Z",
        "incident_updates": [
            {
                "id": f"{id}-{number}",
                "status": "investigating",
                "body": "We are looking.",
                "created_at": f"2026-03-01T10:0{number}:00Z",
            }
            for number in (1, 2)
        ],
        "components": [{"id": "c1", "name": "API"}],
    } | changes


class Site:
    """A file of a Statuspage site, and a database to import it into."""

    def __init__(self, url: str, file: Path) -> None:
        self.url = url
        self.file = file

    def serves(self, *incidents: object, **more: object) -> None:
        page = {"id": "page1"}
        self.file.write_text(json.dumps({"page": page, "incidents": incidents} | more))

    def imported(self) -> Result:
        runner = CliRunner(env={"WATCHWORD_DATABASE_URL": self.url}, catch_exceptions=False)
        return runner.invoke(cli, ["import", "statuspage", str(self.file)])

    def summary(self) -> str:
        """Run an import that must succeed, and return its output."""
        result = self.imported()
        assert result.exit_code == 0, result.output
        return result.stdout

    def counts(self) -> tuple[int, ...]:
        """Return the numbers of incidents, updates and components."""

        async def count() -> tuple[int, ...]:
            database = Database(self.url)
            async with database.read() as db:
                found = [
                    await db.scalar(select(func.count()).select_from(table))
                    for table in (IncidentRow, UpdateRow, ComponentRow)
                ]
            await database.close()
            return tuple(number or 0 for number in found)

        return asyncio.run(count())


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Site:
    """A room on each of both databases."""
    return Site(database_url, tmp_path / "incidents.json")


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The same on an empty database."""
    file = tmp_path / "incidents.json"
    if request.param == "sqlite":
        yield Site(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}", file)
        return
    url: str = request.getfixturevalue("postgres_url")

    async def empty() -> None:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    yield Site(url, file)


def test_what_came_in_is_told_and_is_there(site: Site) -> None:
    site.serves(incident("a"), incident("b"))
    told = site.summary()
    assert "Incidents: 2 added, 0 changed, 0 unchanged, 0 skipped.\n" in told
    assert "Updates: 4 added, 0 changed. Components: 1 added, 0 changed.\n" in told
    assert site.counts() == (2, 4, 1)


def test_importing_again_doubles_nothing(site: Site) -> None:
    site.serves(incident("a"), incident("b"))
    site.summary()
    told = site.summary()
    assert "Incidents: 0 added, 0 changed, 2 unchanged, 0 skipped.\n" in told
    assert "Updates: 0 added, 0 changed. Components: 0 added, 0 changed.\n" in told
    assert site.counts() == (2, 4, 1)


def test_a_newer_file_brings_in_only_what_is_new(site: Site) -> None:
    site.serves(incident("a"))
    site.summary()
    site.serves(incident("a", updated_at=LATER), incident("b"))
    assert "Incidents: 1 added, 1 changed, 0 unchanged, 0 skipped.\n" in site.summary()


def test_what_is_skipped_is_listed_with_the_reason(site: Site) -> None:
    site.serves(incident("a"), incident("bad", impact="huge"), None)
    result = site.imported()
    assert "Incidents: 1 added, 0 changed, 0 unchanged, 2 skipped.\n" in result.stdout
    bad, without_id = result.stderr.splitlines()
    assert bad.startswith("Skipped bad: impact: Input should be 'none', 'minor'")
    assert without_id.startswith("Skipped an incident without an id: ")


def test_what_is_left_out_of_a_file_is_said(site: Site) -> None:
    site.serves(incident("a", name="Fire \ud83d"), status={"indicator": "none"}, extra=1)
    result = site.imported()
    assert "Incidents: 1 added, 0 changed, 0 unchanged, 0 skipped.\n" in result.stdout
    assert result.stderr == (
        'Note: "status" is left out: it follows from the components.\n'
        'Note: "extra" is left out: it is not known here.\n'
        "Note: a: 1 characters that cannot be kept became U+FFFD.\n"
    )


@pytest.mark.parametrize("last", [{}, {"updated_at": LATER}], ids=["unchanged", "changed"])
def test_it_is_well_when_anything_at_all_could_be_kept(last: dict[str, str], site: Site) -> None:
    site.serves(incident("a"))
    site.summary()
    site.serves(incident("a", **last), incident("bad", name=""))
    assert site.imported().exit_code == 0


def test_it_has_failed_when_all_was_skipped(site: Site) -> None:
    site.serves(incident("bad", name=""))
    result = site.imported()
    assert result.exit_code == 1
    assert result.stderr.endswith("\nError: Nothing could be imported.\n")


def test_a_site_without_incidents_is_well(site: Site) -> None:
    site.serves()
    assert "Incidents: 0 added, " in site.summary()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"<!doctype html>"])
def test_what_is_not_json_is_one_sentence(content: bytes, site: Site) -> None:
    site.file.write_bytes(content)
    result = site.imported()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: This is not JSON: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("content", ["[]", "null", '{"incidents": []}', '{"page": {"id": "x"}}'])
def test_other_json_is_one_sentence(content: str, site: Site) -> None:
    site.file.write_text(content)
    result = site.imported()
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: This is not what a Statuspage site serves under /api/v2/: it has no"
        ' "page" with an "id", or no list of "components", "incidents" or'
        ' "scheduled_maintenances".\n'
    )


def test_a_file_that_is_not_there_is_misuse(sqlite_url: str, tmp_path: Path) -> None:
    result = Site(sqlite_url, tmp_path / "none.json").imported()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "none.json' does not exist." in result.stderr


def test_a_database_that_was_never_migrated_says_so(unmigrated: Site) -> None:
    unmigrated.serves(incident("a"))
    result = unmigrated.imported()
    assert result.exit_code == 1
    is_there = unmigrated.url.startswith("postgresql")
    said = "The database is not migrated" if is_there else "There is no database yet"
    make = "does" if is_there else "makes"
    assert result.stderr == f"Error: {said}: start the server once, which {make} it.\n"
