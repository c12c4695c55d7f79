"""`watchword keys`: the newest signs, and what older ones signed is still good."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from graph.cli.commands import cli


def watchword(url: str, *arguments: str, **environment: str) -> str:
    """Run what must succeed; return what it printed."""
    runner = CliRunner(env={"WATCHWORD_DATABASE_URL": url, **environment}, catch_exceptions=False)
    result = runner.invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(url: str) -> list[list[str]]:
    return [line.split("\t") for line in watchword(url, "keys", "list").splitlines()]


def test_a_database_without_keys_lists_none(sqlite_url: str) -> None:
    assert rows(sqlite_url) == []


def test_the_new_key_signs_and_the_old_one_verifies(database_url: str) -> None:
    watchword(database_url, "keys", "rotate")
    [[old, *_]] = rows(database_url)
    said = watchword(database_url, "keys", "rotate")
    new = said.partition(" ")[0]
    assert new != old
    assert rows(database_url) == [[new, "ES256", "signs"], [old, "ES256", "verifies"]]


def test_rotating_says_which_key_signs_and_when_servers_follow(sqlite_url: str) -> None:
    said = watchword(sqlite_url, "keys", "rotate")
    assert re.fullmatch(
        r"[\w-]{43} \(ES256\) signs; running servers follow within half a minute\.\n", said
    )


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_the_new_key_has_the_algorithm_of_the_settings(algorithm: str, sqlite_url: str) -> None:
    watchword(
        sqlite_url,
        "keys",
        "rotate",
        WATCHWORD_ALGORITHM=algorithm,
        WATCHWORD_RSA_BITS="2048",
    )
    [[_, kind, _]] = rows(sqlite_url)
    assert kind == algorithm


def test_tokens_from_before_a_rotation_are_accepted_after_it(database_url: str) -> None:
    watchword(database_url, "keys", "rotate")
    token = watchword(database_url, "token", "mint", "--subject", "alice")
    watchword(database_url, "keys", "rotate", WATCHWORD_ALGORITHM="EdDSA")
    assert "It would be accepted." in watchword(database_url, "token", "inspect", token.strip())


def test_tokens_from_after_a_rotation_name_the_new_key(sqlite_url: str) -> None:
    watchword(sqlite_url, "keys", "rotate")
    new = watchword(sqlite_url, "keys", "rotate").partition(" ")[0]
    token = watchword(sqlite_url, "token", "mint", "--subject", "alice").strip()
    assert re.search(rf"^kid +{new}$", watchword(sqlite_url, "token", "inspect", token), re.M)


def test_no_private_key_is_ever_printed(sqlite_url: str) -> None:
    said = watchword(sqlite_url, "keys", "rotate") + watchword(sqlite_url, "keys", "list")
    assert "PRIVATE" not in said
    assert len(said) < 250
