"""Every command that changes accounts, keys, clients or tokens writes an audit entry without secrets."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.support.issuer import fake_issuer
from tests.support.oauth import keyed
from tests.support.vault import ENCRYPTION_KEY
from watchword.auth.tables import Base
from watchword.cli.commands import cli

ANN = "ann@example.com"
PASSWORD = "a long enough password"
# The order matters: commands depend on the ones before. `{client}` and `{secret}` are ids.
CHANGES: dict[str, tuple[str, set[str]]] = {
    "keys rotate": ("--now", {"KEY_ADDED"}),
    "keys reseal": ("", {"KEYS_RESEALED"}),
    "accounts add": (f"old.{ANN} --role viewer", {"ACCOUNT_ADDED"}),
    "accounts rename": (f"old.{ANN} {ANN}", {"ACCOUNT_RENAMED"}),
    "accounts set-roles": (f"{ANN} responder", {"ROLES_CHANGED"}),
    "accounts set-password": (f"{ANN} --password '{PASSWORD}'", {"PASSWORD_CHANGED"}),
    "accounts reset-factors": (ANN, {"SIGNED_OUT_EVERYWHERE"}),
    "accounts sign-out": (ANN, {"SIGNED_OUT_EVERYWHERE"}),
    "issuers link": (f"example p1 {ANN}", {"ACCOUNT_LINKED"}),
    "issuers unlink": ("example p1", {"ACCOUNT_UNLINKED"}),
    "token mint": (f"--account {ANN}", {"TOKEN_MINTED"}),
    "accounts disable": (ANN, {"ACCOUNT_DISABLED"}),
    "accounts enable": (ANN, {"ACCOUNT_ENABLED"}),
    "clients add": (
        "Bot --grant client_credentials --scope incidents:read --role viewer",
        {"CLIENT_ADDED", "CLIENT_SECRET_ADDED"},
    ),
    "clients set": ("{client} --name Board", {"CLIENT_CHANGED"}),
    "clients secret add": ("{client}", {"CLIENT_SECRET_ADDED"}),
    "clients secret remove": ("{client} {secret}", {"CLIENT_SECRET_REMOVED"}),
    "clients revoke": ("{client}", {"TOKEN_REVOKED"}),
    "clients disable": ("{client}", {"CLIENT_DISABLED"}),
}
# These commands change nothing, which is checked.
READS = {
    "access check": "",
    "access why": "Query.viewer",
    "accounts list": "",
    "clients list": "",
    "clients show": "{client}",
    "doctor": "",
    "documents check": "{manifest}",
    "import statuspage": "{site}",
    "issuers check": "",
    "keys list": "",
    # Nothing listens there.
    "limits report": "--url http://127.0.0.1:9",
    "schema check": "",
    "schema print": "",
    "token inspect": "{token}",
}
# `serve` runs until it is stopped. What its first start creates has its own tests.
SERVES = {"serve"}
# Members of the output that look like secrets, but are not.
IDS = {"client": r"Client: (\S+)", "secret": r"its id is (\S+)\)"}
SECRETS = r"(?:Password|Secret): (\S+)|^([\w-]+\.[\w-]+\.[\w-]+)$"


@dataclass
class Desk:
    """Runs commands on a database, and reads everything in it."""

    path: Path
    environment: dict[str, str]
    names: dict[str, str]
    secrets: list[str] = field(default_factory=lambda: [PASSWORD])

    def run(self, command: str, arguments: str) -> str:
        words = [*command.split(), *_split(arguments.format(**self.names))]
        result = CliRunner(env=self.environment, catch_exceptions=False).invoke(cli, words)
        for name, pattern in IDS.items():
            if found := re.search(pattern, result.stdout):
                self.names[name] = found[1]
        for texts in re.findall(SECRETS, result.stdout, re.M):
            self.secrets += [text for text in texts if text]
        return result.output

    def entries(self) -> list[tuple[Any, ...]]:
        return self._select(
            "watchword_audit_entries", "action, actor, account_id, client_id, detail"
        )

    def state(self) -> dict[str, list[Any]]:
        names = [table.name for table in Base.metadata.sorted_tables]
        return {
            name: self._select(name, "*") for name in names if name != "watchword_audit_entries"
        }

    def _select(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()
        finally:
            connection.close()


@pytest.fixture
def desk(sqlite_template: Path, tmp_path: Path) -> Iterator[Desk]:
    path, site, keys = tmp_path / "watchword.db", tmp_path / "site.json", tmp_path / "jwks.json"
    path.write_bytes(sqlite_template.read_bytes())
    manifest, document = tmp_path / "manifest.json", "{ __typename }"
    manifest.write_text(json.dumps({sha256(document.encode()).hexdigest(): document}))
    site.write_text(json.dumps({"page": {"id": "p"}, "incidents": []}))
    keys.write_text(json.dumps(keyed()[0].jwks))
    with fake_issuer() as idp:
        environment = {
            "WATCHWORD_HOME": str(tmp_path),
            "WATCHWORD_DATABASE_URL": f"sqlite+aiosqlite:///{path}",
            "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "WATCHWORD_TRUSTED_ISSUERS": json.dumps([idp.setting()]),
        }
        names = {"site": str(site), "manifest": str(manifest), "token": "none"}
        yield Desk(path, environment, names)


def commands(command: click.Command, path: str = "") -> Iterator[str]:
    """Yield the words of every command."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands(found, f"{path} {name}".strip())


def test_it_is_known_of_every_command_whether_it_changes_something() -> None:
    assert set(commands(cli)) == {*CHANGES, *READS, *SERVES}


def test_whatever_a_command_changes_is_written_down_as_the_operators_and_without_a_secret(
    desk: Desk,
) -> None:
    for command, (arguments, actions) in CHANGES.items():
        known, before = desk.entries(), desk.state()
        said = desk.run(command, arguments)
        new = desk.entries()[len(known) :]
        assert {(action, actor) for action, actor, *_ in new} == {
            (action, "operator") for action in actions
        }, (command, said)
        assert desk.state() != before or command == "token mint", (command, said)
    # A generated password, two secrets, and a token.
    assert len(desk.secrets) == 1 + 4
    written = str(desk.entries())
    for secret in desk.secrets:
        assert secret not in written
        assert secret.rpartition(".")[2] not in written


def test_what_only_reads_changes_nothing_of_this(desk: Desk) -> None:
    for command in ("keys rotate", "clients add"):
        desk.run(command, CHANGES[command][0])
    known, before = desk.entries(), desk.state()
    for command, arguments in READS.items():
        said = desk.run(command, arguments)
        assert (desk.entries(), desk.state()) == (known, before), (command, said)


def test_a_minted_token_is_written_down_with_whom_it_speaks_for(desk: Desk) -> None:
    desk.run("keys rotate", "--now")
    desk.run("accounts add", f"{ANN} --role viewer")
    for arguments in (
        f"--account {ANN} --client-id client_app",
        "--subject robot --client-id robot --role viewer --seconds -60",
    ):
        desk.run("token mint", arguments)
    person, machine = desk.entries()[-2:]
    account = desk.state()["watchword_accounts"][0][0]
    assert person[:4] == ("TOKEN_MINTED", "operator", account, "client_app")
    assert machine[:4] == ("TOKEN_MINTED", "operator", None, "robot")
    assert set(json.loads(person[4])) == {"token", "scope"}
    assert json.loads(machine[4])["subject"] == "robot"


def _split(arguments: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", arguments)]
