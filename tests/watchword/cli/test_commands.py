"""The command line has every command, and reports every failure as one sentence without a traceback."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from watchword.cli.commands import BUILT_IN, built_in, cli
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade

UNREACHABLE = "postgresql+asyncpg://watchword:hunter2@database.example:1/watchword"
COMMANDS = [
    ("accounts", "list"),
    ("accounts", "add", "alice@example.com"),
    ("accounts", "set-roles", "alice@example.com", "viewer"),
    ("accounts", "set-password", "alice@example.com"),
    ("accounts", "disable", "alice@example.com"),
    ("keys", "list"),
    ("keys", "rotate"),
    ("token", "mint", "--subject", "alice"),
    ("token", "inspect", "a.b.c"),
]
every_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


def watchword(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment, catch_exceptions=False).invoke(cli, arguments)


def refusal(result: Result) -> str:
    """Return the error message of a command that failed."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").strip()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "empty.db"
        path.touch()
        yield f"sqlite+aiosqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgres_url")

    async def empty() -> None:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    yield url


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_our_commands_and_those_of_the_mounted_schema(option: str) -> None:
    result = watchword(option)
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines()}
    assert listed == {*BUILT_IN, "import"}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_command_explains_itself(name: str) -> None:
    result = watchword(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: cli {name} ")


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_list_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    assert (built_in(name).help or "").partition("\n")[0] == BUILT_IN[name]


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], {"fastapi", "uvicorn", "alembic", "redis", "asyncpg", "httpx2"}),
        (["keys", "list"], {"fastapi", "uvicorn", "redis", "webauthn", "incident_room"}),
        pytest.param(
            ["serve", "--schema", "nowhere:schema"],
            {"redis", "asyncpg", "incident_room"},
            marks=pytest.mark.exhaustive,
        ),
    ],
    ids=["help", "keys", "serve"],
)
def test_a_command_imports_only_what_it_needs(
    arguments: list[str], unneeded: set[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "watchword", *arguments],
        env={"PATH": os.environ["PATH"], "WATCHWORD_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    imported = {line.split()[-1] for line in done.stderr.splitlines() if line.count("|") == 2}
    assert "watchword.cli.commands" in imported
    assert imported & unneeded == set()


@pytest.mark.parametrize(
    ("setting", "value"), [("MOUNT", "nowhere:schema"), ("ISSUER", "http://plain.example")]
)
def test_help_needs_no_setting_to_be_right(setting: str, value: str) -> None:
    result = watchword("--help", **{f"WATCHWORD_{setting}": value})
    assert result.exit_code == 0
    assert "serve " in result.stdout


def test_a_schema_without_commands_adds_none() -> None:
    mount = {"WATCHWORD_MOUNT": "tests.support.toy_schema:schema"}
    assert "import" not in watchword("--help", **mount).stdout
    assert watchword("import", **mount).exit_code == 2


def test_an_unknown_command_is_misuse() -> None:
    result = watchword("fly")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: No such command 'fly'.\n")


def test_the_version_is_the_packages() -> None:
    assert watchword("--version").stdout.endswith(f"version {version('watchword')}\n")


@every_command
def test_a_setting_that_cannot_be_used_is_named(command: tuple[str, ...]) -> None:
    said = refusal(watchword(*command, WATCHWORD_ISSUER="http://plain.example"))
    assert said == "WATCHWORD_ISSUER must use https: plain http is for loopback addresses only"


def test_each_setting_that_cannot_be_used_has_a_line_of_its_own() -> None:
    result = watchword("keys", "list", WATCHWORD_ISSUER="x", WATCHWORD_DATABASE_URL="x")
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.removeprefix("Error: ").splitlines()
    assert sorted(line.partition(" ")[0] for line in lines) == [
        "WATCHWORD_DATABASE_URL",
        "WATCHWORD_ISSUER",
    ]


@every_command
def test_before_the_first_start_it_says_to_start_the_server(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    said = refusal(watchword(*command, WATCHWORD_HOME=str(home)))
    assert said == "There is no database yet: start the server once, which makes it."
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[1], COMMANDS[5], COMMANDS[6]])
def test_a_database_that_was_never_migrated_says_so(
    command: tuple[str, ...], empty_url: str
) -> None:
    said = refusal(watchword(*command, WATCHWORD_DATABASE_URL=empty_url))
    assert said == "The database is not migrated: start the server once, which does it."


def test_a_database_that_lacks_a_column_says_so(empty_url: str) -> None:
    async def age() -> None:
        database = Database(empty_url)
        await upgrade(database, [RUNTIME])
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE watchword_accounts DROP COLUMN name")
        await database.close()

    asyncio.run(age())
    said = refusal(watchword("accounts", "list", WATCHWORD_DATABASE_URL=empty_url))
    assert said == "The database is not migrated: start the server once, which does it."


def resolves_to(*addresses: tuple[socket.AddressFamily, str]) -> Any:
    """Replace the resolver, so that no test waits for a name server."""

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 1))
            for family, address in addresses
        ]

    return getaddrinfo


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        ((), "Name or service not known"),
        (((socket.AF_INET, "127.0.0.1"),), "Connect call failed"),
        # For a host with several addresses, asyncio raises a plain OSError.
        (((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.2")), "Multiple exceptions"),
    ],
    ids=["no-such-host", "no-server", "no-server-at-several-addresses"],
)
@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[6]], ids=" ".join)
def test_a_database_that_cannot_be_reached_is_one_sentence(
    command: tuple[str, ...],
    addresses: tuple[tuple[socket.AddressFamily, str], ...],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolves_to(*addresses))
    said = refusal(watchword(*command, WATCHWORD_DATABASE_URL=UNREACHABLE))
    assert said.startswith("The database cannot be used (")
    assert reason in said
    assert said.endswith("): check WATCHWORD_DATABASE_URL, and run `watchword doctor`.")
    assert "hunter2" not in said


def test_a_database_that_does_not_exist_is_named(postgres_url: str) -> None:
    said = refusal(watchword("keys", "list", WATCHWORD_DATABASE_URL=f"{postgres_url}_not"))
    assert said.startswith("The database cannot be used (database ")
    assert " does not exist)" in said
