"""`watchword keys`: which key signs, and from when; tokens of older keys stay valid."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from tests.support.vault import ENCRYPTION_KEY
from watchword.auth.keys.signing_keys import AT_ONCE
from watchword.auth.tables import AuditEntry
from watchword.cli.commands import cli
from watchword.storage.database import Database

# Made for these tests only.
NEXT = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="
KID, WHEN = r"([\w-]{43})", r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"


def invoke(url: str, *arguments: str, **environment: str) -> Result:
    given = {"WATCHWORD_DATABASE_URL": url, "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    runner = CliRunner(env=given | environment, catch_exceptions=False)
    return runner.invoke(cli, arguments)


def watchword(url: str, *arguments: str, **environment: str) -> str:
    """Run a command that must succeed, and return its output."""
    result = invoke(url, *arguments, **environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def rotate(url: str, *arguments: str, **environment: str) -> str:
    """Rotate the keys, and return the id of the new one."""
    return watchword(url, "keys", "rotate", *arguments, **environment).partition(" ")[0]


def rows(url: str) -> list[list[str]]:
    return [line.split("\t") for line in watchword(url, "keys", "list").splitlines()]


def pass_time(url: str, seconds: float) -> None:
    """Move all times of the keys into the past."""
    connection = sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"))
    with connection:
        for column in ("created_at", "signs_at", "retires_at"):
            connection.execute(
                f"UPDATE watchword_signing_keys SET {column} ="
                f" strftime('%Y-%m-%d %H:%M:%f000', {column}, '-{seconds} seconds')"
                f" WHERE {column} IS NOT NULL"
            )
    connection.close()


def test_a_database_without_keys_lists_none(sqlite_url: str) -> None:
    assert rows(sqlite_url) == []


def test_the_first_key_signs_at_once(database_url: str) -> None:
    made = rotate(database_url)
    assert rows(database_url) == [[made, "ES256", "signs"]]


def test_a_new_key_says_from_when_it_signs(database_url: str) -> None:
    rotate(database_url)
    before = datetime.now(UTC)
    said = watchword(database_url, "keys", "rotate")
    found = re.fullmatch(rf"{KID} \(ES256\) is published, and signs from {WHEN}\.\n", said)
    assert found is not None, said
    waits = datetime.fromisoformat(found[2]) - before
    assert timedelta(seconds=598) < waits < timedelta(seconds=660)


def test_now_means_in_seconds(database_url: str) -> None:
    rotate(database_url)
    before = datetime.now(UTC)
    said = watchword(database_url, "keys", "rotate", "--now")
    waits = datetime.fromisoformat(said.split()[-1].rstrip(".")) - before
    assert timedelta(seconds=AT_ONCE - 2) < waits < timedelta(seconds=AT_ONCE + 30)


def test_the_list_says_what_each_key_does(sqlite_url: str) -> None:
    old = rotate(sqlite_url)
    new = rotate(sqlite_url)
    first, second = rows(sqlite_url)
    assert first[:2] == [new, "ES256"]
    assert re.fullmatch(f"will sign from {WHEN}", first[2])
    assert second == [old, "ES256", "signs"]
    pass_time(sqlite_url, 700)
    first, second = rows(sqlite_url)
    assert first == [new, "ES256", "signs"]
    assert re.fullmatch(f"verifies until {WHEN}", second[2])
    pass_time(sqlite_url, 2000)
    assert [row[2] for row in rows(sqlite_url)] == ["signs", "has ended"]


def test_a_key_that_was_passed_over_is_not_said_to_sign(sqlite_url: str) -> None:
    for arguments in ((), (), ("--now",)):
        rotate(sqlite_url, *arguments)
    said = [row[2].split(" 2")[0] for row in rows(sqlite_url)]
    assert said == ["will sign from", "verifies until", "signs"]
    pass_time(sqlite_url, AT_ONCE)
    said = [row[2].split(" 2")[0] for row in rows(sqlite_url)]
    assert said == ["signs", "verifies until", "verifies until"]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_the_new_key_has_the_algorithm_of_the_settings(algorithm: str, sqlite_url: str) -> None:
    rotate(sqlite_url, WATCHWORD_ALGORITHM=algorithm, WATCHWORD_RSA_BITS="2048")
    [[_, kind, _]] = rows(sqlite_url)
    assert kind == algorithm


def test_tokens_from_before_a_rotation_are_accepted_after_it(database_url: str) -> None:
    rotate(database_url)
    token = watchword(database_url, "token", "mint", "--subject", "alice")
    rotate(database_url, "--now", WATCHWORD_ALGORITHM="EdDSA")
    assert "It would be accepted." in watchword(database_url, "token", "inspect", token.strip())


@pytest.mark.parametrize(("arguments", "waits"), [((), 600), (("--now",), AT_ONCE)])
def test_tokens_name_the_new_key_when_it_signs_and_not_before(
    arguments: tuple[str, ...], waits: float, sqlite_url: str
) -> None:
    old = rotate(sqlite_url)
    new = rotate(sqlite_url, *arguments)
    for kid in (old, new):
        token = watchword(sqlite_url, "token", "mint", "--subject", "alice").strip()
        said = watchword(sqlite_url, "token", "inspect", token)
        assert re.search(rf"^kid +{kid}$", said, re.M)
        assert "It would be accepted." in said
        pass_time(sqlite_url, waits)


def test_the_operator_is_in_the_audit_log(database_url: str) -> None:
    made = rotate(database_url)

    async def read() -> AuditEntry:
        database = Database(database_url)
        async with database.read() as db:
            entry = (await db.execute(select(AuditEntry))).scalar_one()
        await database.close()
        return entry

    entry = asyncio.run(read())
    assert (entry.action, entry.actor, entry.detail["kid"]) == ("KEY_ADDED", "operator", made)


def test_no_private_key_is_ever_printed(sqlite_url: str) -> None:
    said = "".join(
        watchword(sqlite_url, "keys", *command)
        for command in (("rotate",), ("list",), ("reseal",), ("rotate", "--now"))
    )
    assert "PRIVATE" not in said
    assert ENCRYPTION_KEY not in said
    assert len(said) < 500


def test_with_another_encryption_key_nothing_is_rotated(database_url: str) -> None:
    made = rotate(database_url)
    for command in (("rotate",), ("rotate", "--now"), ("reseal",)):
        result = invoke(database_url, "keys", *command, WATCHWORD_ENCRYPTION_KEYS=NEXT)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: What is sealed in the database cannot be opened:")
        assert result.stderr.count("\n") == 1
    assert rows(database_url) == [[made, "ES256", "signs"]]


def test_without_an_encryption_key_none_is_made(sqlite_url: str, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    given = {"WATCHWORD_ENCRYPTION_KEYS": "", "WATCHWORD_HOME": str(home)}
    result = invoke(sqlite_url, "keys", "rotate", **given)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {home}/encryption.key is not there")
    assert not home.exists()
    assert rows(sqlite_url) == []


def test_the_list_needs_no_encryption_key(sqlite_url: str) -> None:
    made = rotate(sqlite_url)
    listed = watchword(sqlite_url, "keys", "list", WATCHWORD_ENCRYPTION_KEYS=NEXT)
    assert listed == f"{made}\tES256\tsigns\n"


def test_after_resealing_the_old_encryption_key_can_go(database_url: str) -> None:
    rotate(database_url)
    token = watchword(database_url, "token", "mint", "--subject", "alice").strip()
    both = f"{NEXT},{ENCRYPTION_KEY}"
    said = watchword(database_url, "keys", "reseal", WATCHWORD_ENCRYPTION_KEYS=both)
    assert said.startswith("1 sealed by the first key. ")
    inspect = ("token", "inspect", token)
    assert "accepted" in watchword(database_url, *inspect, WATCHWORD_ENCRYPTION_KEYS=NEXT)
    assert invoke(database_url, *inspect).exit_code == 1
