"""`watchword clients` registers applications and services, and shows a secret once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from tests.support.oauth import keyed
from tests.support.vault import ENCRYPTION_KEY
from watchword.cli.commands import cli

MACHINE = ("--grant", "client_credentials", "--scope", "incidents:read")
APP = ("--grant", "authorization_code", "--grant", "refresh_token", "--scope", "incidents:read")


def watchword(url: str, *arguments: str) -> Result:
    environment = {"WATCHWORD_DATABASE_URL": url, "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return CliRunner(env=environment, catch_exceptions=False).invoke(cli, ["clients", *arguments])


def done(url: str, *arguments: str) -> str:
    """Run a command that must succeed, and return its output."""
    result = watchword(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(url: str, *arguments: str) -> str:
    """Run a command that must be refused, and return its error message."""
    result = watchword(url, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").strip()


def added(url: str, *options: str) -> tuple[str, str]:
    """Register a client, and return its id and the whole output."""
    said = done(url, "add", "Board", *options)
    return said.split()[1], said


def test_an_empty_list_says_how_to_add_one(sqlite_url: str) -> None:
    result = watchword(sqlite_url, "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "There are no clients yet: `watchword clients add --help`.\n"


def test_a_machine_is_registered_and_its_secret_shown_once(database_url: str) -> None:
    id, said = added(database_url, *MACHINE, "--role", "viewer")
    assert id.startswith("client_")
    secret = said.split("Secret: ")[1].split()[0]
    assert len(secret) == 43
    shown = done(database_url, "show", id)
    for text in ("Board", "client_secret_basic", "incidents:read", "viewer", "enabled"):
        assert text in shown
    assert secret not in shown
    listed = done(database_url, "list")
    assert f"{id}\tBoard\tclient_secret_basic\tclient_credentials\tenabled\n" == listed


def test_a_public_app_has_no_secret(sqlite_url: str) -> None:
    uri = "http://127.0.0.1/callback"
    id, said = added(sqlite_url, *APP, "--public", "--redirect-uri", uri)
    assert "Secret" not in said
    assert uri in done(sqlite_url, "show", id)
    assert "does not authenticate by a secret" in refused(sqlite_url, "secret", "add", id)


def test_keys_come_from_a_file(sqlite_url: str, tmp_path: Path) -> None:
    asked, key = keyed()
    file = tmp_path / "jwks.json"
    file.write_bytes(orjson.dumps(asked.jwks))
    id, said = added(sqlite_url, *MACHINE, "--jwks", str(file))
    assert "Secret" not in said
    assert key.kid in done(sqlite_url, "show", id)
    file.write_text("{")
    assert "is not JSON" in refused(sqlite_url, "set", id, "--jwks", str(file))
    file.write_text("[]")
    assert "jwks cannot be used" in refused(sqlite_url, "set", id, "--jwks", str(file))
    both = watchword(sqlite_url, "add", "x", "--public", "--jwks", str(file))
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)


def test_secrets_are_rotated(database_url: str) -> None:
    id, _ = added(database_url, *MACHINE)
    second = done(database_url, "secret", "add", id).split("its id is ")[1].split(")")[0]
    assert "at most 2 secrets" in refused(database_url, "secret", "add", id)
    assert "cannot use this secret" in done(database_url, "secret", "remove", id, second)
    assert "no such secret" in refused(database_url, "secret", "remove", id, second)


def test_what_is_named_is_changed_and_the_rest_stays(sqlite_url: str) -> None:
    id, _ = added(sqlite_url, *MACHINE, "--role", "viewer", "--dpop")
    done(sqlite_url, "set", id, "--name", "Wall", "--introspect", "--no-dpop", "--no-roles")
    shown = done(sqlite_url, "show", id)
    assert "Wall" in shown
    assert "incidents:read" in shown
    assert "viewer" not in shown
    lines = dict(line.rsplit(maxsplit=1) for line in shown.splitlines() if "DPoP" in line)
    assert lines == {"needs DPoP": "no"}
    assert watchword(sqlite_url, "set", id).exit_code == 2


def test_a_client_is_nothing_any_more_that_persons_come_back_to(sqlite_url: str) -> None:
    id, _ = added(sqlite_url, *APP, "--redirect-uri", "https://app.example/callback")
    alone = ("set", id, "--grant", "client_credentials")
    assert "go together" in refused(sqlite_url, *alone)
    done(sqlite_url, *alone, "--no-redirect-uris")
    shown = done(sqlite_url, "show", id)
    assert "client_credentials" in shown
    assert "authorization_code" not in shown
    assert "https://" not in shown
    assert "go together" in refused(sqlite_url, "set", id, "--grant", "authorization_code")


@pytest.mark.parametrize("command", ["disable", "revoke"])
def test_a_client_is_ended(database_url: str, command: str) -> None:
    id, _ = added(database_url, *MACHINE)
    assert id in done(database_url, command, id)
    state = "disabled" if command == "disable" else "enabled"
    assert done(database_url, "list").rstrip().endswith(state)


def test_who_is_refused_hears_why(sqlite_url: str) -> None:
    assert "none of the known scopes" in refused(
        sqlite_url, "add", "x", "--grant", "client_credentials", "--scope", "a:b"
    )
    assert "none of the known roles" in refused(sqlite_url, "add", "x", *MACHINE, "--role", "king")
    assert "loopback" in refused(
        sqlite_url, "add", "x", *APP, "--public", "--redirect-uri", "http://app.example/"
    )
    for command in (("show",), ("disable",), ("revoke",), ("secret", "add")):
        assert refused(sqlite_url, *command, "client_none") == "There is no such client."
